//! Pseudo-headers of an encoded field section (RFC 9204 §4.5): each once, known, and before all regular fields
//! (RFC 9114 §4.3). Only names are looked at, and the value of `:protocol`; what cannot be read here is left to the
//! decoder, which refuses it.

use std::ops::Range;

/// Pseudo-headers of requests, by name, by name in Huffman's code (RFC 7541 Appendix B), and by the static table's
/// indexes (RFC 9204 Appendix A).
const PSEUDO: [Pseudo; 5] = [
    Pseudo { name: b":authority", coded: &[0xb8, 0x3b, 0x53, 0x39, 0xec, 0x32, 0x7d, 0x7f], first: 0, last: 0 },
    Pseudo { name: b":path", coded: &[0xb9, 0x58, 0xd3, 0x3f], first: 1, last: 1 },
    Pseudo { name: b":method", coded: &[0xb9, 0x49, 0x53, 0x39, 0xe4], first: 15, last: 21 },
    Pseudo { name: b":scheme", coded: &[0xb8, 0x82, 0x4e, 0x5a, 0x4b], first: 22, last: 23 },
    Pseudo { name: b":protocol", coded: &[0xb9, 0x5d, 0x87, 0x49, 0xc8, 0x7a, 0x3f], first: 1, last: 0 },
];
/// `:status` stands in the static table here and there; a request has none.
const STATUS: [std::ops::RangeInclusive<u64>; 2] = [24..=28, 63..=71];
/// A colon in Huffman's code is these seven bits.
const CODED_COLON: u8 = 0b1011_1000;

/// Where `:protocol` stands in the table above.
const PROTOCOL: usize = 4;
const WEBSOCKET: &[u8] = b"websocket";
const CODED_WEBSOCKET: &[u8] = &[0xf0, 0x58, 0xd0, 0x72, 0x75, 0x2a, 0x7f];

/// What an extended CONNECT asks for (RFC 9220).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    WebSocket,
    Other,
}

/// A line that says `:protocol`, and where it stands in its section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolLine {
    pub line: Range<usize>,
    pub protocol: Protocol,
}

struct Pseudo {
    name: &'static [u8],
    coded: &'static [u8],
    /// Its indexes in the static table; none where the last is before the first.
    first: u64,
    last: u64,
}

/// What a line's name is.
enum Named {
    Pseudo(usize),
    /// A pseudo-header that no request has.
    Foreign,
    Regular,
}

/// Looks whether the pseudo-headers of an encoded section are those that may begin a request (`of_head`), or there are
/// none, as in trailers; the line of `:protocol`, where there is one.
///
/// # Errors
/// They are not.
pub fn look(section: &[u8], of_head: bool) -> Result<Option<ProtocolLine>, Disordered> {
    let mut lines = Lines { left: section, value: (&[], false) };
    // The prefix: Required Insert Count, and Base.
    if lines.integer(8).is_none() || lines.integer(7).is_none() {
        return Ok(None);
    }
    let (mut seen, mut regular, mut found) = ([false; PSEUDO.len()], false, None);
    let mut begin = section.len() - lines.left.len();
    while let Some(named) = lines.next() {
        let end = section.len() - lines.left.len();
        match named {
            Named::Regular => regular = true,
            Named::Pseudo(which) if of_head && !regular && !seen[which] => {
                seen[which] = true;
                if which == PROTOCOL {
                    found = Some(ProtocolLine { line: begin..end, protocol: lines.protocol() });
                }
            }
            Named::Pseudo(_) | Named::Foreign => return Err(Disordered),
        }
        begin = end;
    }
    Ok(found)
}

/// Pseudo-headers come twice, late, or where none belong.
#[derive(Debug, PartialEq, Eq)]
pub struct Disordered;

struct Lines<'a> {
    left: &'a [u8],
    /// Of the last line whose name was written out, and whether it is coded.
    value: (&'a [u8], bool),
}

impl<'a> Lines<'a> {
    fn protocol(&self) -> Protocol {
        let (value, coded) = self.value;
        let expected = if coded { CODED_WEBSOCKET } else { WEBSOCKET };
        if value == expected { Protocol::WebSocket } else { Protocol::Other }
    }

    /// An integer whose first byte holds so many bits of it (RFC 9204 §4.1.1).
    fn integer(&mut self, bits: u32) -> Option<u64> {
        let (&first, mut rest) = self.left.split_first()?;
        let most = (1u64 << bits) - 1;
        let mut value = u64::from(first) & most;
        if value == most {
            for shift in (0..56).step_by(7) {
                let (&byte, after) = rest.split_first()?;
                rest = after;
                value += u64::from(byte & 0x7f) << shift;
                if byte & 0x80 == 0 {
                    self.left = rest;
                    return Some(value);
                }
            }
            return None;
        }
        self.left = rest;
        Some(value)
    }

    /// A string whose length begins with so many bits of a byte, behind the bit that says whether it is coded.
    fn string(&mut self, bits: u32) -> Option<(&'a [u8], bool)> {
        let coded = self.left.first()? >> bits & 1 == 1;
        let length = usize::try_from(self.integer(bits)?).ok()?;
        let (text, rest) = self.left.split_at_checked(length)?;
        self.left = rest;
        Some((text, coded))
    }

    /// The name of the next line; `None` at the end, or where only the decoder knows on.
    fn next(&mut self) -> Option<Named> {
        let first = *self.left.first()?;
        if first & 0xc0 == 0xc0 {
            return Some(by_index(self.integer(6)?));
        }
        if first & 0xf0 == 0x50 || first & 0xf0 == 0x70 {
            let index = self.integer(4)?;
            self.string(7)?;
            return Some(by_index(index));
        }
        if first & 0xe0 == 0x20 {
            let (name, coded) = self.string(3)?;
            self.value = self.string(7)?;
            return Some(by_name(name, coded));
        }
        // The dynamic table, which is empty.
        None
    }
}

fn by_index(index: u64) -> Named {
    if STATUS.iter().any(|range| range.contains(&index)) {
        return Named::Foreign;
    }
    let found = PSEUDO.iter().position(|pseudo| (pseudo.first..=pseudo.last).contains(&index));
    found.map_or(Named::Regular, Named::Pseudo)
}

fn by_name(name: &[u8], coded: bool) -> Named {
    let is_pseudo = name.first().is_some_and(|&first| if coded { first & 0xfe == CODED_COLON } else { first == b':' });
    if !is_pseudo {
        return Named::Regular;
    }
    let same = |pseudo: &Pseudo| if coded { pseudo.coded == name } else { pseudo.name == name };
    PSEUDO.iter().position(same).map_or(Named::Foreign, Named::Pseudo)
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHOD_GET: &[u8] = &[0xd1];
    const SCHEME_HTTPS: &[u8] = &[0xd7];
    const PATH_ROOT: &[u8] = &[0xc1];
    /// `:authority: a`, by the name's index.
    const AUTHORITY: &[u8] = &[0x50, 1, b'a'];
    /// `accept: */*`, by index.
    const ACCEPT: &[u8] = &[0xdd];
    const STATUS_200: &[u8] = &[0xd9];

    fn section(lines: &[&[u8]]) -> Vec<u8> {
        [&[&[0, 0][..]], lines].concat().concat()
    }

    /// A line whose name is written out.
    fn literal(name: &[u8], coded: bool) -> Vec<u8> {
        let huffman = if coded { 0x08 } else { 0 };
        let mut line = match name.len() {
            length @ 0..=6 => vec![0x20 | huffman | length as u8],
            length => vec![0x20 | huffman | 7, (length - 7) as u8],
        };
        line.extend_from_slice(name);
        line.extend_from_slice(&[1, b'x']);
        line
    }

    fn is_well_ordered(section: &[u8], of_head: bool) -> bool {
        look(section, of_head).is_ok()
    }

    #[test]
    fn a_head_has_each_pseudo_header_once_and_first() {
        let good: [&[&[u8]]; 3] = [
            &[METHOD_GET, SCHEME_HTTPS, AUTHORITY, PATH_ROOT, ACCEPT],
            &[PATH_ROOT, AUTHORITY, METHOD_GET, SCHEME_HTTPS],
            &[METHOD_GET, &literal(b":path", false), &literal(PSEUDO[0].coded, true), &literal(b"x-a", false)],
        ];
        for lines in good {
            assert!(is_well_ordered(&section(lines), true), "{lines:02x?}");
        }
        let bad: [&[&[u8]]; 8] = [
            &[METHOD_GET, METHOD_GET],
            &[METHOD_GET, ACCEPT, PATH_ROOT],
            &[PATH_ROOT, &literal(b":path", false)],
            &[PATH_ROOT, &literal(PSEUDO[1].coded, true)],
            &[METHOD_GET, &literal(b"x-a", false), AUTHORITY],
            &[METHOD_GET, STATUS_200],
            &[METHOD_GET, &literal(b":evil", false)],
            &[METHOD_GET, &literal(&[0xb8, 0x84, 0x8d, 0x36, 0xa3], true)],
        ];
        for lines in bad {
            assert!(!is_well_ordered(&section(lines), true), "{lines:02x?}");
        }
    }

    #[test]
    fn what_an_extended_connect_asks_for_is_found_with_its_place() {
        let line = |name: &[u8], coded_name: bool, value: &[u8], coded: bool| {
            let mut line = literal(name, coded_name);
            line.truncate(line.len() - 2);
            line.push(if coded { 0x80 } else { 0 } | value.len() as u8);
            line.extend_from_slice(value);
            line
        };
        let (plain, coded) = (PSEUDO[PROTOCOL].name, PSEUDO[PROTOCOL].coded);
        for (line, protocol) in [
            (line(plain, false, WEBSOCKET, false), Protocol::WebSocket),
            (line(coded, true, CODED_WEBSOCKET, true), Protocol::WebSocket),
            (line(coded, true, WEBSOCKET, false), Protocol::WebSocket),
            (line(plain, false, b"webtransport", false), Protocol::Other),
            (line(plain, false, WEBSOCKET, true), Protocol::Other),
        ] {
            let whole = section(&[METHOD_GET, &line, PATH_ROOT, ACCEPT]);
            let found = look(&whole, true).unwrap().unwrap();
            assert_eq!((&whole[found.line], found.protocol), (&line[..], protocol));
            assert_eq!(look(&section(&[METHOD_GET, &line, &line]), true), Err(Disordered));
            assert_eq!(look(&section(&[ACCEPT, &line]), true), Err(Disordered));
            assert_eq!(look(&section(&[&line]), false), Err(Disordered));
        }
        assert_eq!(look(&section(&[METHOD_GET, ACCEPT]), true), Ok(None));
    }

    #[test]
    fn trailers_have_none() {
        assert!(is_well_ordered(&section(&[ACCEPT, &literal(b"x-a", false)]), false));
        assert!(!is_well_ordered(&section(&[ACCEPT, PATH_ROOT]), false));
        assert!(!is_well_ordered(&section(&[METHOD_GET]), false));
    }

    #[test]
    fn what_cannot_be_read_is_the_decoders() {
        for bytes in [&[][..], &[0], &[0xff; 20], &[0, 0, 0x10], &[0, 0, 0x80], &[0, 0, 0x50, 0x7f, 0xff, 0xff]] {
            assert!(is_well_ordered(bytes, true), "{bytes:02x?}");
        }
        let whole = section(&[METHOD_GET, &literal(b":path", false), &literal(b"x-a", false)]);
        for cut in 0..whole.len() {
            assert!(is_well_ordered(&whole[..cut], true), "{cut}");
        }
    }
}
