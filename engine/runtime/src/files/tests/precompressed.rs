//! Files that lie beside others with the same bytes, encoded: served to clients that take them so.

use std::os::unix::fs::symlink;

use super::*;

const ALL: [&str; 3] = ["br", "zstd", "gzip"];

fn files(site: &Site, codings: &[&str]) -> Files {
    let precompressed = codings.iter().map(|&name| name.to_owned()).collect();
    let fallback = Some("/index.html".to_owned());
    Files::read(&FilesTarget { precompressed, fallback, ..site.plan() }).unwrap()
}

fn site() -> Site {
    let site = Site::new();
    for (name, content) in [
        ("app.js", "plain"),
        ("app.js.br", "as br"),
        ("app.js.gz", "as gzip"),
        ("index.html", "index"),
        ("index.html.gz", "index as gzip"),
        ("only.css.gz", "no plain one"),
        ("bare.css", "bare"),
    ] {
        site.write(&format!("site/{name}"), content);
    }
    site
}

/// Body, `Content-Encoding` and `Content-Type` of an answer.
fn got(files: &Files, path: &str, accept: &str) -> [String; 3] {
    let fields: &[(&str, &str)] = if accept.is_empty() { &[] } else { &[("Accept-Encoding", accept)] };
    let mut response = ask(files, "GET", path, fields).unwrap();
    assert_eq!(header(&response, "vary").as_deref(), Some("Accept-Encoding"), "{path} {accept}");
    let text = |name| header(&response, name).unwrap_or_default();
    let (coding, kind) = (text("content-encoding"), text("content-type"));
    [String::from_utf8(read(&mut response).unwrap()).unwrap(), coding, kind]
}

#[test]
fn the_file_beside_is_served_to_who_takes_it_so() {
    let site = site();
    let files = files(&site, &ALL);
    let script = "text/javascript; charset=utf-8";
    for (path, accept, body, coding, kind) in [
        ("/app.js", "", "plain", "", script),
        ("/app.js", "gzip, br, zstd", "as br", "br", script),
        ("/app.js", "zstd, gzip", "as gzip", "gzip", script),
        ("/app.js", "gzip;q=1, br;q=0.5", "as gzip", "gzip", script),
        ("/app.js", "zstd", "plain", "", script),
        ("/app.js", "identity, br;q=0.5", "plain", "", script),
        ("/app.js", "br;q=0", "plain", "", script),
        ("/", "gzip", "index as gzip", "gzip", "text/html; charset=utf-8"),
        ("/no/such/path", "gzip", "index as gzip", "gzip", "text/html; charset=utf-8"),
        ("/bare.css", "gzip, br", "bare", "", "text/css; charset=utf-8"),
        // It stands beside nothing, so it stands for nothing.
        ("/only.css", "gzip", "index as gzip", "gzip", "text/html; charset=utf-8"),
        ("/app.js.gz", "gzip", "as gzip", "", "application/gzip"),
    ] {
        assert_eq!(got(&files, path, accept), [body, coding, kind], "{path} {accept}");
    }
}

#[test]
fn the_order_of_the_plan_decides_between_what_is_wanted_alike() {
    let site = site();
    assert_eq!(got(&files(&site, &["gzip", "br"]), "/app.js", "br, gzip")[1], "gzip");
    assert_eq!(got(&files(&site, &["zstd", "br"]), "/app.js", "br, gzip")[1], "br");
}

#[test]
fn without_the_word_nothing_changes() {
    let site = site();
    let mut response = ask(&site.files(), "GET", "/app.js", &[("Accept-Encoding", "br")]).unwrap();
    assert_eq!(header(&response, "vary"), None);
    assert_eq!(read(&mut response).unwrap(), b"plain");
}

#[test]
fn each_form_has_its_own_tag_and_ranges() {
    let site = site();
    let files = files(&site, &ALL);
    let tag = |accept| header(&ask(&files, "GET", "/app.js", &[("Accept-Encoding", accept)]).unwrap(), "etag").unwrap();
    let (plain, br, gzip) = (tag("identity"), tag("br"), tag("gzip"));
    assert!(plain != br && br != gzip && plain != gzip);
    let asked = |fields: &[(&str, &str)]| ask(&files, "GET", "/app.js", fields).unwrap();
    let fresh = asked(&[("Accept-Encoding", "br"), ("If-None-Match", &br)]);
    assert_eq!((fresh.head.status, header(&fresh, "vary").as_deref()), (304, Some("Accept-Encoding")));
    assert_eq!(asked(&[("Accept-Encoding", "gzip"), ("If-None-Match", &br)]).head.status, 200);
    let mut part = asked(&[("Accept-Encoding", "br"), ("Range", "bytes=3-4"), ("If-Range", &br)]);
    assert_eq!((part.head.status, header(&part, "content-encoding").as_deref()), (206, Some("br")));
    assert_eq!(header(&part, "content-range").as_deref(), Some("bytes 3-4/5"));
    assert_eq!(read(&mut part).unwrap(), b"br");
    let head = ask(&files, "HEAD", "/app.js", &[("Accept-Encoding", "gzip")]).unwrap();
    assert_eq!((head.announced, header(&head, "content-encoding").as_deref()), (Some(7), Some("gzip")));
}

#[test]
fn what_is_no_file_below_the_root_is_passed_over() {
    let site = site();
    site.write("secret", "secret");
    symlink("../secret", site.path("site/bare.css.br")).unwrap();
    std::fs::create_dir(site.path("site/bare.css.zst")).unwrap();
    site.fifo("site/bare.css.gz");
    assert_eq!(got(&files(&site, &ALL), "/bare.css", "br, zstd, gzip")[..2], ["bare", ""]);
    // A link that stays within is as good as the file.
    symlink("app.js.br", site.path("site/linked.js.br")).unwrap();
    site.write("site/linked.js", "plain");
    assert_eq!(got(&files(&site, &ALL), "/linked.js", "br")[..2], ["as br", "br"]);
}

#[test]
fn codings_that_no_file_has_are_refused() {
    let site = site();
    for wrong in ["deflate", "identity", "BR"] {
        assert!(Files::read(&FilesTarget { precompressed: vec![wrong.to_owned()], ..site.plan() }).is_err());
    }
}
