use super::decoder::tests::encoded;
use super::*;

fn filter(algorithms: &[&str]) -> Decompress {
    let algorithms = algorithms.iter().map(|&name| name.to_owned()).collect();
    Decompress::read(&DecompressFilter { algorithms, max_bytes: 1 << 20, ratio: 100 }).unwrap()
}

/// What becomes of a body of these bytes, and the fields that are left.
fn run(filter: &Decompress, fields: &[(&str, &str)], body: &[u8]) -> (Result<Option<u64>, Kind>, Vec<String>) {
    let mut head = RequestHead::build("POST", "a.example", "/", None);
    for (name, value) in fields {
        head.fields.add_named(name.as_bytes(), value.as_bytes());
    }
    let mut body = if body.is_empty() { Body::Empty } else { Body::Full(body.to_vec().into()) };
    let outcome = match filter.request(&mut head, &mut body) {
        Step::Continue => Ok(body.length()),
        Step::Refuse(error) => Err(error.kind),
    };
    (outcome, head.fields.iter().map(|(_, name, _)| String::from_utf8_lossy(name).into_owned()).collect())
}

#[test]
fn a_known_coding_is_taken_off_with_what_spoke_of_it() {
    let fields = [
        ("Content-Type", "text/plain"),
        ("Content-Encoding", "GZIP"),
        ("Content-Length", "25"),
        ("Content-Digest", "sha-256=:x:"),
        ("Repr-Digest", "sha-256=:x:"),
        ("content-md5", "x"),
    ];
    let body = encoded(Coding::Gzip, b"hello");
    assert_eq!(run(&filter(&["gzip"]), &fields, &body), (Ok(None), vec!["Content-Type".to_owned()]));
}

#[test]
fn other_bodies_pass_and_other_codings_do_not() {
    let some = filter(&["gzip", "br"]);
    for (values, expected) in [
        (&[][..], Ok(Some(2))),
        (&["identity"], Ok(Some(2))),
        (&["", " , identity"], Ok(Some(2))),
        (&["x-gzip"], Ok(None)),
        (&["identity, br"], Ok(None)),
        (&["zstd"], Err(Kind::ContentCodingUnknown)),
        (&["compress"], Err(Kind::ContentCodingUnknown)),
        (&["gzip, gzip"], Err(Kind::ContentCodingUnknown)),
        (&["gzip", "br"], Err(Kind::ContentCodingUnknown)),
        (&["gzip;q=1"], Err(Kind::ContentCodingUnknown)),
    ] {
        let fields: Vec<_> = values.iter().map(|&value| ("Content-Encoding", value)).collect();
        assert_eq!(run(&some, &fields, b"ab").0, expected, "{values:?}");
    }
    // Where there is no body, there is nothing to take off.
    assert_eq!(run(&some, &[("Content-Encoding", "gzip")], b"").0, Ok(Some(0)));
    assert_eq!(some.names(), "gzip, br");
}

#[test]
fn plans_that_cannot_be_followed_are_refused() {
    let read = |algorithms: &[&str], ratio| {
        let algorithms = algorithms.iter().map(|&name| name.to_owned()).collect();
        Decompress::read(&DecompressFilter { algorithms, max_bytes: 1, ratio })
    };
    assert!(read(&["compress"], 1).is_err() && read(&["gzip"], 0).is_err() && read(&["deflate", "zstd"], 1).is_ok());
}
