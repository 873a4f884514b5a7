//! What is sent of a file: whole, in parts, or not at all; and what is said about it.

use glorieta_core::Body;

use super::*;

/// Sun, 06 Nov 1994 08:49:37 GMT.
const MODIFIED: u64 = 784_111_777;
const MODIFIED_TEXT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE_TEXT: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

fn digits() -> Site {
    let site = Site::new();
    site.write("site/digits.txt", "0123456789");
    set_modified(&site.path("site/digits.txt"), MODIFIED);
    site
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8 ^ (at >> 16) as u8).collect()
}

#[test]
fn a_file_is_described() {
    let site = digits();
    let mut response = ask(&site.files(), "GET", "/digits.txt", &[]).unwrap();
    assert_eq!(response.head.status, 200);
    for (name, expected) in [
        ("content-type", "text/plain; charset=utf-8"),
        ("last-modified", MODIFIED_TEXT),
        ("accept-ranges", "bytes"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(header(&response, name).as_deref(), Some(expected), "{name}");
    }
    assert_eq!(header(&response, "cache-control"), None);
    assert!(header(&response, "etag").is_some_and(|tag| tag.starts_with("\"a-")));
    assert_eq!(response.announced, None);
    assert_eq!(read(&mut response).unwrap(), b"0123456789");
}

#[test]
fn head_announces_what_get_would_send() {
    let site = digits();
    site.write("site/empty.txt", "");
    site.write("site/large.bin", pattern(200_000));
    for (path, length) in [("/digits.txt", 10), ("/empty.txt", 0), ("/large.bin", 200_000)] {
        let response = ask(&site.files(), "HEAD", path, &[("Range", "bytes=0-1")]).unwrap();
        assert_eq!((response.head.status, response.announced, response.body.length()), (200, Some(length), Some(0)));
    }
    let mut response = ask(&site.files(), "GET", "/empty.txt", &[]).unwrap();
    assert_eq!(read(&mut response).unwrap(), b"");
}

#[test]
fn preconditions_decide_whether_a_file_is_sent() {
    let site = digits();
    let files = site.files();
    let tag = header(&ask(&files, "HEAD", "/digits.txt", &[]).unwrap(), "etag").unwrap();
    let weak = format!("W/{tag}");
    let table: &[(&[(&str, &str)], u16)] = &[
        (&[("If-None-Match", &tag)], 304),
        (&[("If-None-Match", &weak)], 304),
        (&[("If-None-Match", "\"other\"")], 200),
        (&[("If-Modified-Since", MODIFIED_TEXT)], 304),
        (&[("If-Modified-Since", BEFORE_TEXT)], 200),
        (&[("If-Match", &tag)], 200),
        (&[("If-Match", &weak)], 412),
        (&[("If-Match", "\"other\"")], 412),
        (&[("If-Unmodified-Since", BEFORE_TEXT)], 412),
        (&[("If-Unmodified-Since", MODIFIED_TEXT)], 200),
        (&[("If-None-Match", &tag), ("Range", "bytes=0-1")], 304),
        (&[("If-Match", "\"other\""), ("Range", "bytes=0-1")], 412),
    ];
    for method in ["GET", "HEAD"] {
        for (fields, status) in table {
            let response = ask(&files, method, "/digits.txt", fields).unwrap();
            assert_eq!(response.head.status, *status, "{method} {fields:?}");
            if *status == 304 {
                assert_eq!((response.announced, response.body.length()), (Some(10), Some(0)));
                assert_eq!(header(&response, "etag").as_ref(), Some(&tag));
                assert_eq!(header(&response, "content-type"), None);
            }
        }
    }
    site.write("site/digits.txt", "9876543210");
    let response = ask(&files, "GET", "/digits.txt", &[("If-None-Match", &tag)]).unwrap();
    assert_eq!(response.head.status, 200, "the same size at another time is another file");
}

#[test]
fn one_range_is_one_part() {
    let site = digits();
    for (range, status, place, content) in [
        ("bytes=0-3", 206, Some("bytes 0-3/10"), "0123"),
        ("bytes=7-", 206, Some("bytes 7-9/10"), "789"),
        ("bytes=-2", 206, Some("bytes 8-9/10"), "89"),
        ("bytes=9-99", 206, Some("bytes 9-9/10"), "9"),
        ("bytes=10-", 416, Some("bytes */10"), ""),
        ("bytes=-0", 416, Some("bytes */10"), ""),
        ("bytes=3-1", 200, None, "0123456789"),
        ("lines=0-1", 200, None, "0123456789"),
        ("bytes=0-5,3-9", 200, None, "0123456789"),
    ] {
        let mut response = ask(&site.files(), "GET", "/digits.txt", &[("Range", range)]).unwrap();
        assert_eq!(response.head.status, status, "{range}");
        assert_eq!(header(&response, "content-range").as_deref(), place, "{range}");
        assert_eq!(read(&mut response).unwrap(), content.as_bytes(), "{range}");
    }
}

#[test]
fn ranges_of_another_state_of_the_file_are_not_obeyed() {
    let site = digits();
    let files = site.files();
    let tag = header(&ask(&files, "HEAD", "/digits.txt", &[]).unwrap(), "etag").unwrap();
    for (condition, status) in
        [(tag.as_str(), 206), ("\"other\"", 200), (MODIFIED_TEXT, 206), (BEFORE_TEXT, 200), ("nonsense", 200)]
    {
        let fields = [("Range", "bytes=0-1"), ("If-Range", condition)];
        assert_eq!(ask(&files, "GET", "/digits.txt", &fields).unwrap().head.status, status, "{condition}");
    }
}

#[test]
fn several_ranges_come_as_one_multipart_body() {
    let site = digits();
    let mut response = ask(&site.files(), "GET", "/digits.txt", &[("Range", "bytes=-1, 0-1")]).unwrap();
    assert_eq!(response.head.status, 206);
    let kind = header(&response, "content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap();
    assert!(boundary.len() == 32 && header(&response, "content-range").is_none());
    let expected = format!(
        "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes 9-9/10\r\n\r\n9\r\n\
         --{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n\
         --{boundary}--\r\n"
    );
    assert_eq!(String::from_utf8(read(&mut response).unwrap()).unwrap(), expected);
}

#[test]
fn large_files_and_parts_of_them_arrive_whole() {
    let site = Site::new();
    let content = pattern(700_001);
    for length in [65_536, 65_537, 131_072, 131_073, 700_001] {
        site.write("site/large.bin", &content[..length]);
        let mut response = ask(&site.files(), "GET", "/large.bin", &[]).unwrap();
        assert_eq!(matches!(response.body, Body::Full(_)), length <= 65_536, "{length}");
        assert!(read(&mut response).unwrap() == content[..length], "{length}");
    }
    let mut response = ask(&site.files(), "GET", "/large.bin", &[("Range", "bytes=100000-500000")]).unwrap();
    assert!(read(&mut response).unwrap() == content[100_000..=500_000]);
    let fields = [("Range", "bytes=600000-, 1-200000, 0-0")];
    let mut response = ask(&site.files(), "GET", "/large.bin", &fields).unwrap();
    let body = read(&mut response).unwrap();
    for part in [&content[600_000..], &content[1..=200_000]] {
        assert!(body.windows(part.len()).any(|window| window == part));
    }
}

#[test]
fn a_file_that_shrinks_meanwhile_breaks_the_body() {
    let site = Site::new();
    site.write("site/large.bin", pattern(300_000));
    let mut response = ask(&site.files(), "GET", "/large.bin", &[]).unwrap();
    site.write("site/large.bin", pattern(200_000));
    let error = read(&mut response).unwrap_err();
    assert_eq!(error.kind, Kind::Internal);
    assert!(error.detail().contains("became shorter"), "{error}");
}

#[test]
fn a_file_that_is_replaced_or_grows_meanwhile_is_sent_as_it_was_opened() {
    let site = Site::new();
    let content = pattern(300_000);
    site.write("site/large.bin", &content);
    let mut response = ask(&site.files(), "GET", "/large.bin", &[]).unwrap();
    std::fs::remove_file(site.path("site/large.bin")).unwrap();
    site.write("site/large.bin", "new");
    assert!(read(&mut response).unwrap() == content);
    let mut response = ask(&site.files(), "GET", "/large.bin", &[]).unwrap();
    site.write("site/large.bin", "new and longer");
    assert_eq!(read(&mut response).unwrap(), b"new");
}

#[test]
fn dates_that_http_cannot_say_or_that_lie_ahead_are_left_out() {
    let site = digits();
    for seconds in [253_402_300_800, 4_000_000_000] {
        set_modified(&site.path("site/digits.txt"), seconds);
        let response = ask(&site.files(), "GET", "/digits.txt", &[]).unwrap();
        assert_eq!((response.head.status, header(&response, "last-modified")), (200, None), "{seconds}");
    }
}
