//! Header fields: one block of text and offsets into it, order and duplicates kept.
//!
//! Names that the engine reads are recognised once, while parsing, so that no later step
//! compares strings; all other names stay as they were written.

use crate::lookup::Lookup;

/// Where a piece of text lies in its block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start: u32,
    pub length: u32,
}

impl Span {
    pub const fn new(start: usize, end: usize) -> Span {
        Span { start: start as u32, length: (end - start) as u32 }
    }

    pub fn of(self, block: &[u8]) -> &[u8] {
        &block[self.start as usize..(self.start + self.length) as usize]
    }
}

macro_rules! names {
    ($($variant:ident $text:literal,)*) => {
        /// A field name that the engine knows; `Other` means: compare the text.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Name { $($variant,)* Other }

        impl Name {
            pub const KNOWN: &'static [(Name, &'static str)] = &[$((Name::$variant, $text),)*];

            /// Recognises a name in any letter case.
            #[inline]
            pub fn parse(text: &[u8]) -> Name {
                static LOOKUP: Lookup<{ Name::KNOWN.len() }> = Lookup::build([$($text,)*]);
                LOOKUP.find(text).map_or(Name::Other, |index| Name::KNOWN[index].0)
            }

            /// The name as it is written; empty for `Other`.
            pub const fn text(self) -> &'static str {
                match self { $(Name::$variant => $text,)* Name::Other => "" }
            }
        }
    };
}

names! {
    Host "Host",
    Connection "Connection",
    ContentLength "Content-Length",
    TransferEncoding "Transfer-Encoding",
    Te "TE",
    Trailer "Trailer",
    Upgrade "Upgrade",
    KeepAlive "Keep-Alive",
    ProxyConnection "Proxy-Connection",
    ProxyAuthorization "Proxy-Authorization",
    ProxyAuthenticate "Proxy-Authenticate",
    Expect "Expect",
    Http2Settings "HTTP2-Settings",
    MaxForwards "Max-Forwards",
    Via "Via",
    Forwarded "Forwarded",
    XForwardedFor "X-Forwarded-For",
    XForwardedProto "X-Forwarded-Proto",
    XForwardedHost "X-Forwarded-Host",
    XForwardedPort "X-Forwarded-Port",
    XForwardedPrefix "X-Forwarded-Prefix",
    XRealIp "X-Real-IP",
    XRequestId "X-Request-ID",
    TraceParent "traceparent",
    TraceState "tracestate",
    Cookie "Cookie",
    SetCookie "Set-Cookie",
    Authorization "Authorization",
    Accept "Accept",
    AcceptEncoding "Accept-Encoding",
    ContentType "Content-Type",
    ContentEncoding "Content-Encoding",
    ContentLocation "Content-Location",
    ContentRange "Content-Range",
    Location "Location",
    Date "Date",
    Server "Server",
    Allow "Allow",
    Etag "ETag",
    LastModified "Last-Modified",
    IfMatch "If-Match",
    IfNoneMatch "If-None-Match",
    IfModifiedSince "If-Modified-Since",
    IfUnmodifiedSince "If-Unmodified-Since",
    IfRange "If-Range",
    Range "Range",
    AcceptRanges "Accept-Ranges",
    CacheControl "Cache-Control",
    Vary "Vary",
    RetryAfter "Retry-After",
    Referer "Referer",
    UserAgent "User-Agent",
    Origin "Origin",
    SecWebSocketKey "Sec-WebSocket-Key",
}

/// One field: its name if known, and where name and value lie.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: Name,
    pub name_span: Span,
    pub value_span: Span,
}

/// Fields in the order received, and the block that holds their text.
///
/// The block starts with the message's head as received and grows at its end by what is added.
/// Values are bytes: RFC 9110 §5.5 allows obs-text. Nothing here checks them: parsers do, and
/// `set`/`add` are given text that `is_value` accepts.
#[derive(Clone, Default)]
pub struct Fields {
    pub block: Vec<u8>,
    pub list: Vec<Field>,
}

impl Fields {
    pub fn with_capacity(block: usize, count: usize) -> Fields {
        Fields { block: Vec::with_capacity(block), list: Vec::with_capacity(count) }
    }

    /// Empties both, keeping their memory for the next message.
    pub fn clear(&mut self) {
        self.block.clear();
        self.list.clear();
    }

    pub fn text(&self, span: Span) -> &[u8] {
        span.of(&self.block)
    }

    /// Every field as (known name, name as written, value).
    pub fn iter(&self) -> impl Iterator<Item = (Name, &[u8], &[u8])> {
        self.list.iter().map(|field| (field.name, field.name_span.of(&self.block), field.value_span.of(&self.block)))
    }

    /// The first value of a known field.
    pub fn get(&self, name: Name) -> Option<&[u8]> {
        self.list.iter().find(|field| field.name == name).map(|field| self.text(field.value_span))
    }

    /// Every value of a known field, in order.
    pub fn all(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        self.list.iter().filter(move |field| field.name == name).map(|field| self.text(field.value_span))
    }

    /// The first value of a field by its text, in any letter case.
    pub fn get_named(&self, name: &[u8]) -> Option<&[u8]> {
        let known = Name::parse(name);
        self.list.iter().find(|field| self.is(field, known, name)).map(|field| self.text(field.value_span))
    }

    /// Every value of a field by its text, in any letter case.
    pub fn all_named<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let known = Name::parse(name);
        self.list.iter().filter(move |field| self.is(field, known, name)).map(|field| self.text(field.value_span))
    }

    pub fn has(&self, name: Name) -> bool {
        self.list.iter().any(|field| field.name == name)
    }

    fn is(&self, field: &Field, known: Name, name: &[u8]) -> bool {
        field.name == known && (known != Name::Other || self.text(field.name_span).eq_ignore_ascii_case(name))
    }

    /// Adds text to the block without making it a field.
    pub fn push_text(&mut self, text: &[u8]) -> Span {
        let start = self.block.len();
        self.block.extend_from_slice(text);
        Span::new(start, self.block.len())
    }

    /// Adds a known field at the end.
    pub fn add(&mut self, name: Name, value: &[u8]) {
        let name_span = self.push_text(name.text().as_bytes());
        let value_span = self.push_text(value);
        self.list.push(Field { name, name_span, value_span });
    }

    /// Adds a field by its text at the end.
    pub fn add_named(&mut self, name: &[u8], value: &[u8]) {
        let known = Name::parse(name);
        let name_span = self.push_text(name);
        let value_span = self.push_text(value);
        self.list.push(Field { name: known, name_span, value_span });
    }

    /// Replaces every field of that name by one at the end.
    pub fn set(&mut self, name: Name, value: &[u8]) {
        self.remove(name);
        self.add(name, value);
    }

    /// Replaces every field of that name by one at the end.
    pub fn set_named(&mut self, name: &[u8], value: &[u8]) {
        self.remove_named(name);
        self.add_named(name, value);
    }

    pub fn remove(&mut self, name: Name) {
        self.list.retain(|field| field.name != name);
    }

    pub fn remove_named(&mut self, name: &[u8]) {
        let known = Name::parse(name);
        let Fields { block, list } = self;
        list.retain(|field| {
            field.name != known || (known == Name::Other && !field.name_span.of(block).eq_ignore_ascii_case(name))
        });
    }

    /// Removes a field under this name and under all that services cannot tell from it, see [`Fields::is_alike`].
    pub fn remove_alike(&mut self, name: &[u8]) {
        let Fields { block, list } = self;
        list.retain(|field| !Fields::is_alike(field.name_span.of(block), name));
    }

    /// Whether two names are one to services behind CGI and its kin (WSGI, FastCGI), which write an underscore for each
    /// dash (RFC 3875 §4.1.18).
    pub fn is_alike(one: &[u8], other: &[u8]) -> bool {
        let plain = |byte: &u8| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
        one.len() == other.len() && one.iter().map(plain).eq(other.iter().map(plain))
    }

    /// Whether bytes may be a field value: no CR, LF, NUL or other control but tab (RFC 9110 §5.5).
    pub fn is_value(text: &[u8]) -> bool {
        text.iter().all(|&byte| byte >= 0x20 && byte != 0x7f || byte == b'\t')
    }

    /// Whether bytes are a token (RFC 9110 §5.6.2).
    pub fn is_token(text: &[u8]) -> bool {
        !text.is_empty() && text.iter().all(|&byte| is_token_byte(byte))
    }
}

/// tchar of RFC 9110 §5.6.2.
pub const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

impl std::fmt::Debug for Fields {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_map()
            .entries(
                self.iter().map(|(_, name, value)| (String::from_utf8_lossy(name), String::from_utf8_lossy(value))),
            )
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_found_in_any_letter_case() {
        for &(name, text) in Name::KNOWN {
            assert_eq!(Name::parse(text.to_ascii_uppercase().as_bytes()), name);
            assert_eq!(Name::parse(text.to_ascii_lowercase().as_bytes()), name);
        }
        assert_eq!(Name::parse(b"X-Unheard-Of"), Name::Other);
    }

    #[test]
    fn set_replaces_every_duplicate_and_leaves_others() {
        let mut fields = Fields::default();
        fields.add_named(b"x-a", b"1");
        fields.add_named(b"X-B", b"2");
        fields.add_named(b"X-A", b"3");
        fields.set_named(b"X-a", b"4");
        let seen: Vec<_> = fields.iter().map(|(_, name, value)| (name.to_vec(), value.to_vec())).collect();
        assert_eq!(seen, [(b"X-B".to_vec(), b"2".to_vec()), (b"X-a".to_vec(), b"4".to_vec())]);
    }

    #[test]
    fn names_that_services_take_for_one_go_together() {
        let mut fields = Fields::default();
        for name in ["X-Client-Name", "x_client_name", "X_Client-NAME", "X-Client", "X-Client-Names", "Referer"] {
            fields.add_named(name.as_bytes(), b"1");
        }
        fields.remove_alike(b"x-client-name");
        fields.remove_alike(b"REFERER");
        let left: Vec<_> = fields.iter().map(|(_, name, _)| name.to_vec()).collect();
        assert_eq!(left, [b"X-Client".to_vec(), b"X-Client-Names".to_vec()]);
    }

    #[test]
    fn removing_an_unknown_name_leaves_the_other_unknown_ones() {
        let mut fields = Fields::default();
        fields.add_named(b"X-A", b"1");
        fields.add_named(b"X-B", b"2");
        fields.remove_named(b"x-a");
        assert_eq!(fields.get_named(b"x-b"), Some(&b"2"[..]));
        assert_eq!(fields.get_named(b"x-a"), None);
    }
}
