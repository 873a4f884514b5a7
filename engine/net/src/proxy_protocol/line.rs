//! Version 1: a line of text, such as `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Header, Malformed, Origin, Parsed};

/// What begins the line, the blank after it included.
pub(super) const WORD: &[u8] = b"PROXY ";
/// The longest line, its end included.
const LONGEST: usize = 107;
/// The shortest line: `PROXY UNKNOWN` and its end. No header of version 2 is shorter.
pub(super) const SHORTEST: usize = 15;

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, Malformed> {
    let seen = &bytes[..bytes.len().min(LONGEST)];
    let Some(end) = seen.iter().position(|&byte| byte == b'\n') else {
        return match LONGEST.checked_sub(bytes.len()) {
            None | Some(0) => Err(Malformed("its line is longer than 107 bytes")),
            Some(left) => Ok(Parsed::More(missing(seen).min(left))),
        };
    };
    let Some(line) = seen[..end].strip_suffix(b"\r") else { return Err(Malformed("its line ends without a CR")) };
    let header = Header { origin: origin(&line[WORD.len().min(line.len())..])?, ..Header::default() };
    Ok(Parsed::Whole(header, end + 1))
}

/// How many bytes a line without its end lacks at least.
fn missing(seen: &[u8]) -> usize {
    let shortest_address = match seen.get(WORD.len()..WORD.len() + 5) {
        Some(b"TCP4 ") => "0.0.0.0".len(),
        Some(b"TCP6 ") => "::".len(),
        // Of an unknown family everything up to the line's end is skipped.
        _ => return SHORTEST.saturating_sub(seen.len()).max(1 + usize::from(!seen.ends_with(b"\r"))),
    };
    if seen.ends_with(b"\r") {
        return 1;
    }
    let rest = &seen[WORD.len() + 5..];
    let fields = rest.split(|&byte| byte == b' ').count();
    let begun = rest.rsplit(|&byte| byte == b' ').next().map_or(0, <[u8]>::len);
    let least = [shortest_address, shortest_address, 1, 1];
    // A blank before each field that is still to come, and CRLF after the last.
    let after: usize = least.iter().skip(fields).map(|least| least + 1).sum();
    least.get(fields - 1).map_or(0, |least| least.saturating_sub(begun)) + after + 2
}

fn origin(text: &[u8]) -> Result<Origin, Malformed> {
    if text == b"UNKNOWN" || text.starts_with(b"UNKNOWN ") {
        return Ok(Origin::Peer);
    }
    let text = std::str::from_utf8(text).map_err(|_| Malformed("its line is not ASCII"))?;
    let mut fields = text.split(' ');
    let address: fn(&str) -> Option<IpAddr> = match fields.next() {
        Some("TCP4") => |text| text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        Some("TCP6") => |text| text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        _ => return Err(Malformed("its family is neither TCP4, TCP6 nor UNKNOWN")),
    };
    let mut next = |read: fn(&str) -> Option<IpAddr>| fields.next().and_then(read);
    let (client, server) = (next(address), next(address));
    let (Some(client), Some(server)) = (client, server) else { return Err(Malformed("an address is not one")) };
    let (Some(from), Some(to)) = (fields.next().and_then(port), fields.next().and_then(port)) else {
        return Err(Malformed("a port is not one"));
    };
    if fields.next().is_some() {
        return Err(Malformed("something follows its ports"));
    }
    Ok(Origin::Internet { client: SocketAddr::new(client, from), server: SocketAddr::new(server, to) })
}

/// Digits only, and no zero in front of others.
fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}
