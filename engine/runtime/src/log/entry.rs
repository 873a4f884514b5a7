//! One request's line before it is a line: what the worker hands over, packed into bytes.
//!
//! A worker only copies: one fixed block of numbers and lengths, then the texts one after the
//! other. Escaping, numbers to text and dates are work for the log's thread.

use std::net::{IpAddr, Ipv6Addr};

/// What is known of a request when it is over. Texts may hold any bytes; formats escape them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entry<'a> {
    /// When the request arrived, in nanoseconds since 1970.
    pub time_unix_ns: u64,
    /// From the request's first byte to the answer's last, in nanoseconds.
    pub duration_ns: u64,
    pub request_id: &'a str,
    pub listener: &'a str,
    pub route: &'a str,
    /// `None` for a client behind a Unix socket.
    pub client: Option<IpAddr>,
    pub client_port: u16,
    pub method: &'a [u8],
    pub scheme: &'a str,
    pub host: &'a [u8],
    pub path: &'a [u8],
    pub query: Option<&'a [u8]>,
    pub protocol: &'static str,
    pub status: u16,
    /// What became of a call of gRPC.
    pub grpc_status: Option<u16>,
    /// `glorieta_core::Kind::reason`, where glorieta answered by itself or something failed.
    pub reason: Option<&'a str>,
    /// For people: `localhost:3000 refused`.
    pub detail: &'a str,
    pub upstream: &'a str,
    pub endpoint: &'a str,
    pub tries: u16,
    /// What has become of the request's copy: `sent`, or why it was dropped; empty where it has none.
    pub mirror: &'a str,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// The TLS version; empty without TLS.
    pub tls: &'a str,
    pub trace_id: &'a [u8],
    /// Only `combined` shows it; see [`super::Needed`].
    pub referer: &'a [u8],
    /// Only `combined` shows it; see [`super::Needed`].
    pub user_agent: &'a [u8],
    /// Values by their request word, such as `header.x-user`; see [`super::Needed`].
    pub extra: &'a [(&'a str, &'a [u8])],
}

/// The texts of an entry, in the order in which they are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Text {
    RequestId,
    Listener,
    Route,
    Method,
    Scheme,
    Host,
    Path,
    Query,
    Protocol,
    Reason,
    Detail,
    Upstream,
    Endpoint,
    Mirror,
    Tls,
    TraceId,
    Referer,
    UserAgent,
}

const TEXTS: usize = Text::UserAgent as usize + 1;
/// Bytes of the numbers in front of the lengths.
const NUMBERS: usize = 58;
/// Where a status of gRPC would stand.
const NO_CALL: u16 = u16::MAX;
const FIXED: usize = NUMBERS + 2 * TEXTS;
/// Longer texts are cut: a line is for reading, and memory that waits is bounded by it.
const LONGEST: usize = 8 * 1024;
const MOST_EXTRA: usize = 64;

const HAS_CLIENT: u8 = 1;
const HAS_QUERY: u8 = 2;
const CLIENT_IS_V4: u8 = 4;

fn cut(text: &[u8]) -> &[u8] {
    &text[..text.len().min(LONGEST)]
}

impl Entry<'_> {
    fn texts(&self) -> [&[u8]; TEXTS] {
        [
            self.request_id.as_bytes(),
            self.listener.as_bytes(),
            self.route.as_bytes(),
            self.method,
            self.scheme.as_bytes(),
            self.host,
            self.path,
            self.query.unwrap_or_default(),
            self.protocol.as_bytes(),
            self.reason.unwrap_or_default().as_bytes(),
            self.detail.as_bytes(),
            self.upstream.as_bytes(),
            self.endpoint.as_bytes(),
            self.mirror.as_bytes(),
            self.tls.as_bytes(),
            self.trace_id,
            self.referer,
            self.user_agent,
        ]
    }

    /// Appends the entry to a batch.
    pub fn pack(&self, batch: &mut Vec<u8>) {
        let mut texts = self.texts();
        let mut fixed = [0_u8; FIXED];
        self.pack_numbers(&mut fixed);
        let mut total = FIXED;
        for (slot, text) in fixed[NUMBERS..].chunks_exact_mut(2).zip(&mut texts) {
            *text = cut(text);
            total += text.len();
            slot.copy_from_slice(&(text.len() as u16).to_le_bytes());
        }
        batch.reserve(total);
        batch.extend_from_slice(&fixed);
        for text in texts {
            if !text.is_empty() {
                batch.extend_from_slice(text);
            }
        }
        for (word, value) in self.extra.iter().take(MOST_EXTRA) {
            for text in [cut(word.as_bytes()), cut(value)] {
                batch.extend_from_slice(&(text.len() as u16).to_le_bytes());
                batch.extend_from_slice(text);
            }
        }
    }

    fn pack_numbers(&self, fixed: &mut [u8; FIXED]) {
        let mut flags = 0;
        let mut address = [0; 16];
        match self.client {
            Some(IpAddr::V4(client)) => {
                flags |= HAS_CLIENT | CLIENT_IS_V4;
                address[..4].copy_from_slice(&client.octets());
            }
            Some(IpAddr::V6(client)) => {
                flags |= HAS_CLIENT;
                address = client.octets();
            }
            None => {}
        }
        if self.query.is_some() {
            flags |= HAS_QUERY;
        }
        fixed[0..8].copy_from_slice(&self.time_unix_ns.to_le_bytes());
        fixed[8..16].copy_from_slice(&self.duration_ns.to_le_bytes());
        fixed[16..24].copy_from_slice(&self.bytes_in.to_le_bytes());
        fixed[24..32].copy_from_slice(&self.bytes_out.to_le_bytes());
        fixed[32..48].copy_from_slice(&address);
        fixed[48..50].copy_from_slice(&self.client_port.to_le_bytes());
        fixed[50..52].copy_from_slice(&self.status.to_le_bytes());
        fixed[52..54].copy_from_slice(&self.tries.to_le_bytes());
        fixed[54] = flags;
        fixed[55] = self.extra.len().min(MOST_EXTRA) as u8;
        fixed[56..58].copy_from_slice(&self.grpc_status.unwrap_or(NO_CALL).to_le_bytes());
    }
}

/// An entry as it lies in a batch: the log's thread reads it without copying.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub time_unix_ns: u64,
    pub duration_ns: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub client: Option<IpAddr>,
    pub client_port: u16,
    pub status: u16,
    pub grpc_status: Option<u16>,
    pub tries: u16,
    has_query: bool,
    texts: [&'a [u8]; TEXTS],
    extra_count: u8,
    extra: &'a [u8],
}

impl<'a> Record<'a> {
    /// Takes the first entry off a batch; `None` at its end, or if the bytes are no entry.
    pub fn unpack(batch: &mut &'a [u8]) -> Option<Record<'a>> {
        let fixed = take(batch, FIXED)?;
        let flags = fixed[54];
        let mut texts = [&[][..]; TEXTS];
        for (slot, length) in texts.iter_mut().zip(fixed[NUMBERS..].chunks_exact(2)) {
            *slot = take(batch, usize::from(u16::from_le_bytes([length[0], length[1]])))?;
        }
        let extra_count = fixed[55];
        let start = *batch;
        for _ in 0..2 * usize::from(extra_count) {
            take_text(batch)?;
        }
        Some(Record {
            time_unix_ns: number(fixed, 0),
            duration_ns: number(fixed, 8),
            bytes_in: number(fixed, 16),
            bytes_out: number(fixed, 24),
            client: client(flags, &fixed[32..48]),
            client_port: u16::from_le_bytes([fixed[48], fixed[49]]),
            status: u16::from_le_bytes([fixed[50], fixed[51]]),
            grpc_status: Some(u16::from_le_bytes([fixed[56], fixed[57]])).filter(|&status| status != NO_CALL),
            tries: u16::from_le_bytes([fixed[52], fixed[53]]),
            has_query: flags & HAS_QUERY != 0,
            texts,
            extra_count,
            extra: &start[..start.len() - batch.len()],
        })
    }

    pub fn text(&self, text: Text) -> &'a [u8] {
        self.texts[text as usize]
    }

    pub fn query(&self) -> Option<&'a [u8]> {
        self.has_query.then(|| self.text(Text::Query))
    }

    /// The value carried for a request word, such as `header.x-user`.
    pub fn extra(&self, word: &[u8]) -> Option<&'a [u8]> {
        let mut rest = self.extra;
        for _ in 0..self.extra_count {
            let name = take_text(&mut rest)?;
            let value = take_text(&mut rest)?;
            if name == word {
                return Some(value);
            }
        }
        None
    }
}

fn number(fixed: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&fixed[at..at + 8]);
    u64::from_le_bytes(bytes)
}

fn client(flags: u8, address: &[u8]) -> Option<IpAddr> {
    if flags & HAS_CLIENT == 0 {
        return None;
    }
    if flags & CLIENT_IS_V4 != 0 {
        return Some(IpAddr::from([address[0], address[1], address[2], address[3]]));
    }
    let mut octets = [0; 16];
    octets.copy_from_slice(address);
    Some(IpAddr::V6(Ipv6Addr::from(octets)))
}

fn take<'a>(batch: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, rest) = batch.split_at_checked(length)?;
    *batch = rest;
    Some(head)
}

fn take_text<'a>(batch: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take(batch, 2)?;
    take(batch, usize::from(u16::from_le_bytes([length[0], length[1]])))
}

#[cfg(test)]
pub mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// A request such as most are.
    pub fn typical() -> Entry<'static> {
        Entry {
            time_unix_ns: 1_700_000_000_123_456_789,
            duration_ns: 3_141_592,
            request_id: "0123456789abcdef0123456789abcdef",
            listener: "web",
            route: "/service1/*",
            client: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            client_port: 4711,
            method: b"GET",
            scheme: "http",
            host: b"shop.example",
            path: b"/service1/a",
            query: Some(b"q=1"),
            protocol: "HTTP/1.1",
            status: 200,
            upstream: "service1",
            endpoint: "127.0.0.1:3001",
            tries: 1,
            bytes_out: 512,
            user_agent: b"curl/8",
            ..Entry::default()
        }
    }

    #[test]
    fn entries_come_out_of_a_batch_as_they_went_in() {
        let extra: &[(&str, &[u8])] = &[("header.x-user", b"ann"), ("path.id", b"\xff\0")];
        let first = Entry { extra, ..typical() };
        let second = Entry { client: Some(IpAddr::V6(Ipv6Addr::LOCALHOST)), query: None, status: 599, ..typical() };
        let mut batch = Vec::new();
        first.pack(&mut batch);
        second.pack(&mut batch);
        Entry::default().pack(&mut batch);

        let mut rest = &batch[..];
        let record = Record::unpack(&mut rest).unwrap();
        assert_eq!(record.texts, first.texts());
        assert_eq!((record.client, record.client_port), (first.client, 4711));
        assert_eq!((record.time_unix_ns, record.duration_ns), (first.time_unix_ns, first.duration_ns));
        assert_eq!((record.bytes_in, record.bytes_out, record.tries), (0, 512, 1));
        assert_eq!(record.query(), Some(&b"q=1"[..]));
        assert_eq!(record.extra(b"header.x-user"), Some(&b"ann"[..]));
        assert_eq!(record.extra(b"path.id"), Some(&b"\xff\0"[..]));
        assert_eq!(record.extra(b"path.other"), None);
        let record = Record::unpack(&mut rest).unwrap();
        assert_eq!((record.client, record.query(), record.status), (second.client, None, 599));
        assert!(Record::unpack(&mut rest).unwrap().client.is_none());
        assert!(Record::unpack(&mut rest).is_none());
    }

    #[test]
    fn a_text_without_end_is_cut() {
        let path = vec![b'a'; 100_000];
        let mut batch = Vec::new();
        Entry { path: &path, ..typical() }.pack(&mut batch);
        let record = Record::unpack(&mut &batch[..]).unwrap();
        assert_eq!(record.text(Text::Path).len(), LONGEST);
        assert_eq!(record.text(Text::Upstream), b"service1");
    }

    #[test]
    fn a_batch_cut_anywhere_is_refused_and_never_panics() {
        let mut batch = Vec::new();
        Entry { extra: &[("header.a", b"b")], ..typical() }.pack(&mut batch);
        for length in 0..batch.len() {
            assert!(Record::unpack(&mut &batch[..length]).is_none(), "{length}");
        }
    }
}
