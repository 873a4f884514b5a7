//! PROXY headers: what is read takes its own bytes only, and what was understood can be said again.

use glorieta_net::proxy_protocol::{Announcement, Header, LONGEST, Origin, Parsed, Version, announce, parse};

/// Parses `input` as the begin of a connection. A header takes the same bytes whatever follows them and is not whole
/// without its last byte; what is asked for next never reaches beyond it; its addresses and names survive being written
/// and read again.
pub fn proxy_header(input: &[u8]) -> bool {
    let Ok(Parsed::Whole(header, length)) = parse(input) else { return false };
    assert!(length <= input.len() && length <= LONGEST);
    assert_eq!(parse(&input[..length]), Ok(Parsed::Whole(header.clone(), length)));
    let mut at = 0;
    while at < length {
        let Ok(Parsed::More(more)) = parse(&input[..at]) else { panic!("whole or wrong after {at} of {length} bytes") };
        assert!(more > 0 && at + more <= length, "{more} more after {at} of {length} bytes");
        at += more;
    }
    assert_repeatable(&header);
    true
}

fn assert_repeatable(header: &Header) {
    let Origin::Internet { client, server } = header.origin else { return };
    let announcement = Announcement {
        ends: Some((client, server)),
        authority: header.authority.as_deref(),
        tls: header.tls,
        unique_id: header.unique_id.as_deref().and_then(|id| std::str::from_utf8(id).ok()),
    };
    let Ok(Parsed::Whole(again, _)) = parse(&announce(Version::V2, &announcement)) else { panic!("{header:?}") };
    let Origin::Internet { client: second, server: to } = again.origin else { panic!("{again:?}") };
    assert_eq!((second.ip().to_canonical(), second.port()), (client.ip().to_canonical(), client.port()));
    assert_eq!((to.ip().to_canonical(), to.port()), (server.ip().to_canonical(), server.port()));
    assert_eq!((&again.authority, again.tls), (&header.authority, header.tls));
    let Ok(Parsed::Whole(line, _)) = parse(&announce(Version::V1, &announcement)) else { panic!("{header:?}") };
    assert_eq!(line.origin, again.origin);
}
