//! One error type: what went wrong, whose fault it is, whether it may be tried again.
//!
//! The triple is Pingora's best idea. Exactly one function (in `runtime`) turns it into
//! an answer; `Kind::reason` is the word in logs and metrics, never shown to a client.

use std::fmt;

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    Client,
    Upstream,
    Engine,
}

/// Whether the same request may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Not one byte of the request reached the endpoint: always safe.
    NotSent,
    /// The request may have been acted on: safe only where the method is idempotent.
    IfIdempotent,
    /// Never.
    No,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $reason:literal $status:literal $at:ident;)*) => {
        /// What went wrong. The word is stable: dashboards and alerts are built on it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            pub const ALL: &'static [Kind] = &[$(Kind::$kind,)*];

            /// The word for it in logs and metrics.
            pub const fn reason(self) -> &'static str {
                match self { $(Kind::$kind => $reason,)* }
            }

            /// The status with which it is answered.
            pub const fn status(self) -> u16 {
                match self { $(Kind::$kind => $status,)* }
            }

            pub const fn at(self) -> At {
                match self { $(Kind::$kind => At::$at,)* }
            }

            /// The kind with that word; `None`: there is none.
            pub fn of_reason(reason: &[u8]) -> Option<Kind> {
                Kind::ALL.iter().copied().find(|kind| kind.reason().as_bytes() == reason)
            }
        }
    };
}

kinds! {
    /// The request's head breaks the grammar of RFC 9112.
    HeadMalformed "head_malformed" 400 Client;
    /// Where the request's body ends is ambiguous or not decodable.
    FramingRefused "framing_refused" 400 Client;
    /// The path has a NUL, a backslash, a bad escape or climbs above the root.
    PathRefused "path_refused" 400 Client;
    /// `Host` is missing, doubled or malformed.
    HostRefused "host_refused" 400 Client;
    HeadTooLarge "head_too_large" 431 Client;
    HeadersTooMany "headers_too_many" 431 Client;
    TargetTooLong "target_too_long" 414 Client;
    VersionRefused "version_refused" 505 Client;
    /// A transfer coding other than `chunked`.
    CodingUnknown "coding_unknown" 501 Client;
    ExpectationUnknown "expectation_unknown" 417 Client;
    HeadTimeout "head_timeout" 408 Client;
    BodyTimeout "body_timeout" 408 Client;
    BodyTooLarge "body_too_large" 413 Client;
    /// The request's body has a content coding that is not taken here.
    ContentCodingUnknown "content_coding_unknown" 415 Client;
    /// The request's body is not what its content coding says, ends too early, or has something behind its end.
    ContentUndecodable "content_undecodable" 400 Client;
    /// The client reset the connection, or stopped reading; nobody is left to answer.
    ClientGone "client_gone" 499 Client;
    /// The client ended its body before the length it had announced.
    BodyCutOff "body_cut_off" 400 Client;
    NoRoute "no_route" 404 Client;
    MethodNotAllowed "method_not_allowed" 405 Client;
    /// No route matches, but with or without a slash at the path's end a handler's would.
    SlashRedirect "slash_redirect" 307 Client;
    /// A filter said no.
    Denied "denied" 403 Client;
    NotFound "not_found" 404 Client;
    /// A parameter or the body of a request is not what its handler declares.
    RequestInvalid "request_invalid" 422 Client;
    ConnectRefused "connect_method_refused" 405 Client;
    TooManyConnections "too_many_connections" 503 Client;
    /// New connections come faster than the listener takes them.
    ConnectionRate "connection_rate" 503 Client;
    /// The client has as many connections as one may have.
    TooManyPerClient "too_many_connections_per_client" 429 Client;
    /// The client opens connections faster than one may.
    ConnectionRatePerClient "connection_rate_per_client" 429 Client;
    /// The client asks for more at once than one of its connections may carry.
    TooManyStreams "too_many_streams" 503 Client;
    /// The host asked for is none that the connection's certificate stands for.
    Misdirected "misdirected" 421 Client;
    /// Another protocol is asked for within a stream than one that streams can carry.
    ProtocolUnknown "protocol_unknown" 501 Client;
    /// The client broke the rules by which a connection of HTTP/2 carries its requests.
    ProtocolBroken "protocol_broken" 400 Client;
    /// The client sent more of what brings no work than anybody needs: control frames, streams opened and reset.
    Flood "flood" 429 Client;
    /// Plain HTTP where TLS is spoken.
    PlainHttp "plain_http" 400 Client;
    HandshakeTimeout "handshake_timeout" 408 Client;
    /// The TLS handshake failed: no common version, no or a bad client certificate, not TLS at all.
    HandshakeFailed "handshake_failed" 400 Client;
    /// No certificate, or no target, for the name that the client asked for by SNI.
    NameUnknown "name_unknown" 421 Client;
    /// A connection from an address that is not believed, where every connection has to begin with a PROXY header.
    ProxyRefused "proxy_refused" 403 Client;
    /// A believed proxy sent no PROXY header, or one that breaks the specification.
    ProxyMalformed "proxy_malformed" 400 Client;
    /// A believed proxy did not send its PROXY header in time.
    ProxyTimeout "proxy_timeout" 408 Client;

    /// The endpoint refused the connection.
    Refused "refused" 502 Upstream;
    /// No route to the endpoint, or its socket does not exist.
    Unreachable "unreachable" 502 Upstream;
    ConnectTimeout "connect_timeout" 504 Upstream;
    NameUnresolved "name_unresolved" 502 Upstream;
    /// The TLS handshake with the endpoint failed, or its certificate did not convince.
    Tls "tls" 502 Upstream;
    /// The endpoint closed or reset the connection before it answered.
    UpstreamReset "reset" 502 Upstream;
    FirstByteTimeout "first_byte_timeout" 504 Upstream;
    IdleTimeout "idle_timeout" 504 Upstream;
    /// What the endpoint sent is not HTTP, or its framing is ambiguous.
    ResponseMalformed "response_malformed" 502 Upstream;
    ResponseHeadTooLarge "response_head_too_large" 502 Upstream;
    /// The endpoint ended its body before the length it had announced.
    ResponseCutOff "response_cut_off" 502 Upstream;
    /// A part that a gathered answer needs was answered with no success.
    PartFailed "part_failed" 502 Upstream;
    /// A part's answer is not the JSON that is needed, or lacks what another part needs of it.
    PartInvalid "part_invalid" 502 Upstream;
    /// The parts' answers are together larger than what may be gathered.
    PartTooLarge "part_too_large" 502 Upstream;
    /// Two parts gave the same member.
    PartConflict "part_conflict" 502 Upstream;
    /// Optional parts are missing from an answer that was given all the same.
    Partial "partial" 200 Upstream;

    /// No endpoint is known, or none may be used.
    NoEndpoint "no_endpoint" 503 Engine;
    QueueFull "queue_full" 503 Engine;
    QueueTimeout "queue_timeout" 503 Engine;
    Deadline "deadline" 504 Engine;
    /// The client asks to switch the protocol, and the upstream's HTTP/2 has no way to do so.
    UpgradeImpossible "upgrade_impossible" 502 Engine;
    /// No process of the handler was free to take the request.
    HandlerOverloaded "handler_overloaded" 503 Engine;
    /// The handler has not answered by the request's deadline.
    HandlerTimeout "handler_timeout" 504 Engine;
    /// The process ended while it had the request.
    HandlerLost "handler_lost" 502 Engine;
    /// The handler raised, or answered what is no answer.
    HandlerFailed "handler_failed" 500 Engine;
    /// Decoding the request's body would take more memory than all bodies of a worker may.
    DecompressionBusy "decompression_busy" 503 Engine;
    /// The certificate for the name that the client asked for is ordered by ACME and not there yet.
    CertificateAwaited "certificate_awaited" 503 Engine;
    Draining "draining" 503 Engine;
    Internal "internal" 500 Engine;
}

/// What went wrong, with the detail for the log and whether it may be tried again.
#[derive(Clone, Debug)]
pub struct Error {
    pub kind: Kind,
    pub retry: Retry,
    /// For the log and the terminal only, such as `localhost:3000 refused`.
    pub detail: Detail,
}

/// A fixed text costs nothing; a made one is boxed so that `Error` stays small.
#[derive(Clone, Debug)]
pub enum Detail {
    None,
    Static(&'static str),
    Text(Box<str>),
}

impl Error {
    pub const fn new(kind: Kind) -> Error {
        Error { kind, retry: Retry::No, detail: Detail::None }
    }

    pub const fn because(kind: Kind, detail: &'static str) -> Error {
        Error { kind, retry: Retry::No, detail: Detail::Static(detail) }
    }

    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Box<str>>) -> Error {
        self.detail = Detail::Text(detail.into());
        self
    }

    #[must_use]
    pub const fn retry(mut self, retry: Retry) -> Error {
        self.retry = retry;
        self
    }

    pub fn detail(&self) -> &str {
        match &self.detail {
            Detail::None => "",
            Detail::Static(text) => text,
            Detail::Text(text) => text,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.kind.reason())?;
        match self.detail() {
            "" => Ok(()),
            detail => write!(out, ": {detail}"),
        }
    }
}

impl std::error::Error for Error {}
