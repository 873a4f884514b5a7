//! What `Connection` says (RFC 9110 §7.6.1, RFC 9112 §9.3).

use glorieta_core::Version;

/// More options than this in one head are an attack on whoever looks each of them up.
pub(super) const MOST_OPTIONS: usize = 64;

/// The connection options of a head, all its `Connection` fields together.
#[derive(Default, Clone, Copy)]
pub(super) struct ConnectionOptions {
    pub close: bool,
    pub keep_alive: bool,
    pub upgrade: bool,
    /// How many options were named.
    pub count: usize,
}

impl ConnectionOptions {
    /// Adds one field's value.
    #[inline]
    pub fn read(&mut self, value: &[u8]) {
        for option in options(value) {
            self.count += 1;
            match option.len() {
                5 if option.eq_ignore_ascii_case(b"close") => self.close = true,
                7 if option.eq_ignore_ascii_case(b"upgrade") => self.upgrade = true,
                10 if option.eq_ignore_ascii_case(b"keep-alive") => self.keep_alive = true,
                _ => {}
            }
        }
    }

    /// Whether the sender allows another message on the connection. `close` outweighs all.
    pub fn persistent(&self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }
}

/// The elements of a comma-separated list, blanks trimmed, empty ones left out (RFC 9110 §5.6.1).
#[inline]
pub(super) fn options(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim).filter(|option| !option.is_empty())
}

/// Without blanks at either end: SP and HTAB only, never other white space (RFC 9110 §5.6.3).
pub(super) fn trim(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|&byte| !is_blank(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|&byte| !is_blank(byte)).map_or(start, |last| last + 1);
    &text[start..end]
}

const fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}
