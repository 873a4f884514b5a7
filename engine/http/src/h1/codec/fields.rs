//! From `httparse`'s headers to `Fields`, noticing on the way what decides framing and connection.

use glorieta_core::{Field, Fields, Name, Span};
use httparse::Header;

use super::connection::ConnectionOptions;
use super::scan::{ends_with_crlf, follows_crlf};

/// Slots for headers that lie on the stack. Limits above it cost an allocation per head.
pub(super) const SLOTS: usize = 128;

/// Fields that occur in a head and decide something about the message.
#[derive(Default)]
pub(super) struct Signals<'a> {
    /// The index of the first `Host` in the list.
    pub host: Option<usize>,
    pub hosts: usize,
    pub length: Lengths<'a>,
    pub coding: Option<&'a [u8]>,
    pub codings: usize,
    pub connection: ConnectionOptions,
    pub expect: Expect,
    pub upgrade: bool,
    /// A line ends with LF alone.
    pub bare_feed: bool,
}

/// What the `Content-Length` fields say together.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lengths<'a> {
    #[default]
    Absent,
    One(&'a [u8]),
    /// Several, all of the same text.
    Same(&'a [u8]),
    Differ,
}

/// What the `Expect` fields say together (RFC 9110 §10.1.1).
#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    #[default]
    Nothing,
    Continue,
    Unknown,
}

/// Where `text`, a part of the bytes that start at `base`, lies in them.
#[inline]
pub(super) fn span_in(base: usize, text: &[u8]) -> Span {
    let start = text.as_ptr() as usize - base;
    Span::new(start, start + text.len())
}

/// Lists the headers. `fields.block` must already hold a copy of the bytes that start at `base`,
/// and nothing else.
#[inline]
pub(super) fn collect<'a>(headers: &[Header<'a>], base: usize, fields: &mut Fields) -> Signals<'a> {
    let mut signals = Signals { bare_feed: !ends_with_crlf(&fields.block), ..Signals::default() };
    for header in headers {
        let name = Name::parse(header.name.as_bytes());
        let name_span = span_in(base, header.name.as_bytes());
        signals.bare_feed |= !follows_crlf(&fields.block, name_span.start as usize);
        signals.notice(name, header.value, fields.list.len());
        fields.list.push(Field { name, name_span, value_span: span_in(base, header.value) });
    }
    signals
}

impl<'a> Signals<'a> {
    #[inline]
    fn notice(&mut self, name: Name, value: &'a [u8], index: usize) {
        match name {
            Name::Host => {
                self.host = self.host.or(Some(index));
                self.hosts += 1;
            }
            Name::ContentLength => self.length = self.length.and(value),
            Name::TransferEncoding => {
                self.coding = Some(value);
                self.codings += 1;
            }
            Name::Connection => self.connection.read(value),
            Name::Expect => {
                let known = value.eq_ignore_ascii_case(b"100-continue") && self.expect != Expect::Unknown;
                self.expect = if known { Expect::Continue } else { Expect::Unknown };
            }
            Name::Upgrade => self.upgrade = true,
            _ => {}
        }
    }
}

impl<'a> Lengths<'a> {
    fn and(self, value: &'a [u8]) -> Lengths<'a> {
        match self {
            Lengths::Absent => Lengths::One(value),
            Lengths::One(other) | Lengths::Same(other) if other == value => Lengths::Same(value),
            _ => Lengths::Differ,
        }
    }
}
