//! A listener's side: which certificate answers which name, and who may come in.

use std::io;
use std::sync::Arc;

use glorieta_core::{Names, Secured};
use glorieta_plan::{ServerTls, UnknownName};
use rustls::{Connection, ServerConfig};

use super::certificate::{Expiry, expired, identity};
use super::challenges::{Challenges, NO_PROTOCOL, is_asked};
use super::credentials::{Chosen, Credentials, paths};
use super::files::{Absent, Kept, Refreshed};
use super::hello::{Hello, NoHello, UNRECOGNISED_NAME, last_words, read_hello};
use super::session::Session;
use crate::Stream;

/// Answers the handshakes of one listener.
pub struct Terminator {
    plan: ServerTls,
    alpn: &'static [&'static [u8]],
    absent: Absent,
    kept: Kept<Credentials>,
}

/// The alert `internal_error` (RFC 8446 §6.2), fatal, as long as nothing is encrypted.
const INTERNAL_ERROR: &[u8] = &[21, 3, 3, 0, 2, 2, 80];

/// Why a client was not let in, and what is left of its connection.
#[derive(Debug)]
pub enum Refusal {
    /// The client went.
    Gone,
    /// It speaks HTTP without TLS: it may be told.
    PlainHttp(Stream),
    /// It asks for a name that none of the certificates covers.
    NameUnknown(String),
    /// It asks for a name whose certificate is not there yet.
    Awaited(String),
    /// It was an issuer, and has seen that the name leads here: all there was to do.
    Convinced,
    Failed(String),
}

impl Terminator {
    /// Reads the files of a listener. `before` is what the listener of that name has now: it is taken over where
    /// nothing is different, and its tickets stay good where clients are verified as before.
    ///
    /// # Errors
    /// Sentences that name files, what is wrong with them and what helps.
    pub fn build(
        plan: &ServerTls,
        alpn: &'static [&'static [u8]],
        before: Option<&Arc<Terminator>>,
        absent: Absent,
    ) -> Result<Arc<Terminator>, Vec<String>> {
        if let Some(same) = before.filter(|before| before.plan == *plan && before.alpn == alpn) {
            // Files that have changed are the watch's affair: what cannot be used must not stand in the way of a Plan
            // that is about something else.
            return Ok(same.clone());
        }
        if plan.certificates.is_empty() {
            return Err(vec!["TLS needs a certificate".to_owned()]);
        }
        let trust = before.filter(|before| before.plan.clients == plan.clients);
        let trust = trust.map(|before| before.kept.current().trust.clone());
        let kept = Kept::new(paths(plan), || Credentials::read(plan, alpn, trust.as_ref(), absent))?;
        Ok(Arc::new(Terminator { plan: plan.clone(), alpn, absent, kept }))
    }

    /// Reads the files again if they have changed; `None`: nothing to say.
    pub fn refresh(&self) -> Option<Refreshed> {
        self.kept.refresh(|before| {
            let read = Credentials::read(&self.plan, self.alpn, Some(&before.trust), self.absent);
            let read = read.map_err(|problems| problems.join("; "))?;
            // What works is not given up for what does not.
            let is_less = read.identities.len() < before.identities.len();
            if is_less { Err(read.whys()) } else { Ok(read) }
        })
    }

    pub(super) fn current(&self) -> arc_swap::Guard<Arc<Credentials>> {
        self.kept.current()
    }

    pub(super) fn unknown_name(&self) -> UnknownName {
        self.plan.unknown_name
    }

    /// How often changed files could not be used.
    pub fn failures(&self) -> u64 {
        self.kept.failures()
    }

    /// When its certificates expire.
    pub fn expiries(&self) -> Vec<Expiry> {
        self.kept.current().identities.iter().map(|identity| identity.expiry.clone()).collect()
    }

    /// The names that the connection of a client that asks for `name` stands for; `None`: it is refused.
    ///
    /// # Errors
    /// No certificate covers the name.
    pub fn names_for(&self, name: Option<&str>) -> Result<Option<Arc<Names>>, String> {
        let credentials = self.kept.current();
        match credentials.choose(name, self.plan.unknown_name) {
            Some(chosen) => Ok(credentials.held_to(name, chosen.names())),
            // Without files there is nothing to be said of names.
            None if credentials.identities.is_empty() && credentials.awaited.is_empty() => Ok(None),
            None => Err(name.unwrap_or_default().to_owned()),
        }
    }

    /// Answers a client's handshake; also says whether an earlier session was taken up again. Time limits are the
    /// caller's. `challenges`: what issuers are answered with; none: they are not answered.
    ///
    /// # Errors
    /// Why the client is not let in. What can be said to it has been said.
    pub async fn accept(
        &self,
        mut stream: Stream,
        challenges: Option<&Challenges>,
    ) -> Result<(Stream, Secured, bool), Refusal> {
        let hello = match read_hello(&mut stream).await {
            Ok(hello) => hello,
            Err(NoHello::Gone) => return Err(Refusal::Gone),
            Err(NoHello::PlainHttp) => return Err(Refusal::PlainHttp(stream)),
            Err(NoHello::Bad { reason, alert }) => {
                last_words(stream, &alert).await;
                return Err(Refusal::Failed(reason));
            }
        };
        if let Some(challenges) = challenges.filter(|_| is_asked(&hello.accepted)) {
            return Err(convince(stream, hello, challenges).await);
        }
        let chosen = {
            let credentials = self.kept.current();
            match credentials.choose(hello.name.as_deref(), self.plan.unknown_name) {
                Some(Chosen::Identity(identity)) => {
                    Ok((identity.config.clone(), credentials.held_to(hello.name.as_deref(), &identity.names)))
                }
                Some(Chosen::Awaited(awaited)) => Err(Refusal::Awaited(awaited.names.to_string())),
                None => Err(Refusal::NameUnknown(hello.name.as_deref().unwrap_or_default().to_owned())),
            }
        };
        let (config, names) = match chosen {
            Ok(chosen) => chosen,
            Err(refusal) => {
                let is_awaited = matches!(refusal, Refusal::Awaited(_));
                last_words(stream, if is_awaited { INTERNAL_ERROR } else { UNRECOGNISED_NAME }).await;
                return Err(refusal);
            }
        };
        let name = hello.name.clone();
        let session = shake(stream, hello, config).await?;
        let certificate = session.connection().peer_certificates().and_then(<[_]>::first);
        let certificate = certificate.map(|shown| Box::new(identity(shown)));
        if let Some(reason) = expired(certificate.as_deref()) {
            last_words(Stream::Tls(Box::new(session)), b"").await;
            return Err(Refusal::Failed(reason));
        }
        let agreed = session.connection().alpn_protocol().and_then(super::agreed);
        let secured = Secured { server_name: name, version: session.version(), agreed, certificate, names };
        let resumed = session.is_resumed();
        Ok((Stream::Tls(Box::new(session)), secured, resumed))
    }
}

/// Finishes the handshake that a first message has begun.
async fn shake(stream: Stream, hello: Hello, config: Arc<ServerConfig>) -> Result<Session, Refusal> {
    let Hello { bytes, accepted, used, .. } = hello;
    let connection = match accepted.into_connection(config) {
        Ok(connection) => Connection::Server(connection),
        Err((error, mut alert)) => {
            let mut words = Vec::new();
            // Writing to memory cannot fail.
            let _ = alert.write_all(&mut words);
            last_words(stream, &words).await;
            return Err(Refusal::Failed(error.to_string()));
        }
    };
    let mut session = Session::new(stream, connection, bytes::Bytes::copy_from_slice(&bytes[used..]));
    match session.handshake().await {
        Ok(()) => Ok(session),
        Err(error) => Err(refusal(session, error).await),
    }
}

/// Answers an issuer, and ends the connection (RFC 8737 §3).
async fn convince(stream: Stream, hello: Hello, challenges: &Challenges) -> Refusal {
    let Some(config) = hello.name.as_deref().and_then(|name| challenges.find(name)) else {
        let name = hello.name.as_deref().unwrap_or_default();
        let reason = format!("no challenge of ACME is at hand for \"{name}\"");
        last_words(stream, NO_PROTOCOL).await;
        return Refusal::Failed(reason);
    };
    match shake(stream, hello, config).await {
        Ok(session) => {
            last_words(Stream::Tls(Box::new(session)), b"").await;
            Refusal::Convinced
        }
        Err(refusal) => refusal,
    }
}

async fn refusal(session: Session, error: io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::InvalidData => {
            // The alert has been sent; closing at once could destroy it.
            last_words(session.into_stream(), b"").await;
            Refusal::Failed(error.to_string())
        }
        _ => Refusal::Gone,
    }
}

#[cfg(test)]
#[path = "terminator_tests.rs"]
mod tests;
