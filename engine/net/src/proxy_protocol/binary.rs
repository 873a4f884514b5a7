//! Version 2: a block of bytes with addresses, followed by what else is said of the connection (TLVs).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Header, LONGEST, Malformed, Origin, Parsed, SIGNATURE, Tls, VERSIONS, bit, kind};

/// Signature, command, family and length.
const FIXED: usize = 16;
/// The longest name of a connection.
const LONGEST_ID: usize = 128;
/// The longest name of a host.
const LONGEST_NAME: usize = 255;

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, Malformed> {
    if let Some(&command) = bytes.get(SIGNATURE.len()) {
        match command {
            0x20 | 0x21 => {}
            _ if command >> 4 != 2 => return Err(Malformed("its version is not 2")),
            _ => return Err(Malformed("its command is neither LOCAL nor PROXY")),
        }
    }
    let Some(fixed) = bytes.get(..FIXED) else { return Ok(Parsed::More(FIXED - bytes.len())) };
    let whole = FIXED + usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if whole > LONGEST {
        return Err(Malformed("it is longer than 4096 bytes"));
    }
    let Some(block) = bytes.get(FIXED..whole) else { return Ok(Parsed::More(whole - bytes.len())) };
    let header = match fixed[12] {
        // What stands in a header of the proxy's own is not to be looked at.
        0x20 => Header::default(),
        _ => read(fixed[13], block, &bytes[..whole])?,
    };
    Ok(Parsed::Whole(header, whole))
}

fn read(family: u8, block: &[u8], whole: &[u8]) -> Result<Header, Malformed> {
    let short = Malformed("it is too short for its addresses");
    let (origin, rest) = match family {
        // From a family that has no addresses here; what follows is not said to be anything.
        0x00 => return Ok(Header::default()),
        0x11 | 0x12 => {
            let (block, rest) = block.split_first_chunk::<12>().ok_or(short)?;
            let [a, b, c, d, e, f, g, h, ports @ ..] = *block;
            (internet(Ipv4Addr::new(a, b, c, d), Ipv4Addr::new(e, f, g, h), ports), rest)
        }
        0x21 | 0x22 => {
            let (block, rest) = block.split_first_chunk::<36>().ok_or(short)?;
            let address = |from: usize| {
                let mut octets = [0; 16];
                octets.copy_from_slice(&block[from..from + 16]);
                Ipv6Addr::from(octets)
            };
            (internet(address(0), address(16), [block[32], block[33], block[34], block[35]]), rest)
        }
        0x31 | 0x32 => (Origin::Unix, block.get(216..).ok_or(short)?),
        _ => return Err(Malformed("its family of addresses is unknown")),
    };
    let mut header = Header { origin, ..Header::default() };
    for_each(rest, |kind, value| add(&mut header, kind, value, whole))?;
    Ok(header)
}

fn internet<A: Into<std::net::IpAddr>>(client: A, server: A, ports: [u8; 4]) -> Origin {
    let [a, b, c, d] = ports;
    Origin::Internet {
        client: SocketAddr::new(client.into(), u16::from_be_bytes([a, b])),
        server: SocketAddr::new(server.into(), u16::from_be_bytes([c, d])),
    }
}

/// Walks over types, lengths and values.
fn for_each(mut rest: &[u8], mut add: impl FnMut(u8, &[u8]) -> Result<(), Malformed>) -> Result<(), Malformed> {
    const CUT: Malformed = Malformed("a value is longer than what is left of it");
    while let Some((&[kind, high, low], after)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (value, after) = after.split_at_checked(length).ok_or(CUT)?;
        add(kind, value)?;
        rest = after;
    }
    if rest.is_empty() { Ok(()) } else { Err(CUT) }
}

fn add(header: &mut Header, kind: u8, value: &[u8], whole: &[u8]) -> Result<(), Malformed> {
    match kind {
        kind::ALPN => once(&mut header.alpn, (!value.is_empty()).then(|| value.into())),
        kind::AUTHORITY => once(&mut header.authority, name(value)),
        kind::UNIQUE_ID => {
            let fits = !value.is_empty() && value.len() <= LONGEST_ID;
            once(&mut header.unique_id, fits.then(|| value.into()))
        }
        kind::CRC32C => {
            let matches = value.len() == 4 && value == checksum(whole, value).to_be_bytes();
            if matches { Ok(()) } else { Err(Malformed("its checksum is wrong")) }
        }
        kind::TLS => match tls(value)? {
            Some(tls) => once(&mut header.tls, Some(tls)),
            None => Ok(()),
        },
        // What is not known may be passed over.
        _ => Ok(()),
    }
}

/// Two values of one type could be read as either.
fn once<T>(place: &mut Option<T>, value: Option<T>) -> Result<(), Malformed> {
    let value = value.ok_or(Malformed("a value is not what its type asks for"))?;
    if place.replace(value).is_some() { Err(Malformed("a value is given twice")) } else { Ok(()) }
}

fn name(value: &[u8]) -> Option<Box<str>> {
    let text = std::str::from_utf8(value).ok()?;
    let fits = !text.is_empty() && text.len() <= LONGEST_NAME && !text.contains(|letter: char| letter.is_control());
    fits.then(|| text.to_lowercase().into())
}

/// The checksum of the whole header, with zeros where it stands itself: the four bytes `value` inside of `whole`.
fn checksum(whole: &[u8], value: &[u8]) -> u32 {
    let at = value.as_ptr().addr() - whole.as_ptr().addr();
    let before = crc32c::crc32c(&whole[..at]);
    let with_zeros = crc32c::crc32c_append(before, &[0; 4]);
    crc32c::crc32c_append(with_zeros, &whole[at + value.len()..])
}

fn tls(value: &[u8]) -> Result<Option<Tls>, Malformed> {
    let Some((&[client, verify @ ..], rest)) = value.split_first_chunk::<5>() else {
        return Err(Malformed("what it says of TLS is too short"));
    };
    let mut version = "";
    for_each(rest, |kind, value| {
        if kind == kind::TLS_VERSION {
            let known = VERSIONS.iter().find(|(name, _)| name.as_bytes() == value);
            version = known.map_or("", |&(_, version)| version);
        }
        Ok(())
    })?;
    let certificate = client & (bit::CERTIFICATE | bit::CERTIFICATE_OF_SESSION) != 0;
    let tls = Tls { version, certificate, verified: certificate && verify == [0; 4] };
    Ok((client & bit::TLS != 0).then_some(tls))
}
