//! Which file a path leads to, and that none leads out.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use super::*;

fn site() -> Site {
    let site = Site::new();
    site.write("site/index.html", "home");
    site.write("site/a b.txt", "blank");
    site.write("site/docs/index.html", "docs");
    site.write("site/docs/page.txt", "page");
    site.write("site/empty/none.txt", "");
    site.write("site/.git/config", "hidden");
    site.write("site/docs/.env", "hidden");
    site.write("secret.txt", "secret");
    symlink("../secret.txt", site.path("site/out.txt")).unwrap();
    symlink("..", site.path("site/up")).unwrap();
    symlink(site.path("site/docs/page.txt"), site.path("site/absolute.txt")).unwrap();
    symlink("docs/page.txt", site.path("site/inside.txt")).unwrap();
    symlink("nowhere", site.path("site/dangling.txt")).unwrap();
    site
}

#[test]
fn a_path_leads_to_its_file_and_nowhere_else() {
    let site = site();
    let files = site.files();
    for (path, expected) in [
        ("/", "200 home"),
        ("/index.html", "200 home"),
        ("/a%20b.txt", "200 blank"),
        ("/docs/", "200 docs"),
        ("/docs/?q=1", "200 docs"),
        ("/docs", "301 /docs/"),
        ("/docs?q=1&r=%2F", "301 /docs/?q=1&r=%2F"),
        ("/docs?", "301 /docs/?"),
        ("/docs/page.txt", "200 page"),
        ("/docs/page.txt/", "not_found"),
        ("/docs/page.txt/x", "not_found"),
        ("/docs//page.txt", "not_found"),
        ("//docs", "not_found"),
        ("//docs/", "not_found"),
        ("/empty", "not_found"),
        ("/empty/", "not_found"),
        ("/none", "not_found"),
        ("/docs%2Fpage.txt", "path_refused"),
        ("/page%00.txt", "path_refused"),
        ("/.git/config", "not_found"),
        ("/docs/.env", "not_found"),
        ("/inside.txt", "200 page"),
        ("/out.txt", "not_found"),
        ("/up/secret.txt", "not_found"),
        ("/up/", "not_found"),
        ("/up", "not_found"),
        ("/absolute.txt", "not_found"),
        ("/dangling.txt", "not_found"),
        ("*", "not_found"),
    ] {
        assert_eq!(told(&files, "GET", path), expected, "{path}");
    }
    let long = format!("/{}", "a".repeat(5000));
    assert_eq!(told(&files, "GET", &long), "not_found");
}

#[test]
fn hidden_names_are_served_where_that_is_wanted() {
    let site = site();
    let files = Files::read(&FilesTarget { hidden: true, ..site.plan() }).unwrap();
    assert_eq!(told(&files, "GET", "/docs/.env"), "200 hidden");
    assert_eq!(told(&files, "GET", "/docs/../../secret.txt"), "path_refused");
}

#[test]
fn the_prefix_is_taken_off_at_a_slash_only() {
    let site = site();
    for prefix in ["/static", "/static/"] {
        let files = Files::read(&FilesTarget { strip_prefix: Some(prefix.to_owned()), ..site.plan() }).unwrap();
        for (path, expected) in [
            ("/static/", "200 home"),
            ("/static", "301 /static/"),
            ("/static/docs", "301 /static/docs/"),
            ("/static/docs/page.txt", "200 page"),
            ("/staticdocs/page.txt", "not_found"),
            ("/docs/page.txt", "not_found"),
            ("/static//docs", "not_found"),
        ] {
            assert_eq!(told(&files, "GET", path), expected, "{path}");
        }
    }
}

#[test]
fn the_fallback_answers_what_is_not_there_but_not_what_is_refused() {
    let site = site();
    let files = Files::read(&FilesTarget { fallback: Some("/docs/page.txt".to_owned()), ..site.plan() }).unwrap();
    for (path, expected) in [
        ("/none/at/all", "200 page"),
        ("/empty/", "200 page"),
        ("/empty", "200 page"),
        ("/a//b", "200 page"),
        ("/index.html/x", "200 page"),
        ("/docs/", "200 docs"),
        ("/docs", "301 /docs/"),
        ("/.git/config", "not_found"),
        ("/out.txt", "not_found"),
        ("/a%2Fb", "path_refused"),
    ] {
        assert_eq!(told(&files, "GET", path), expected, "{path}");
    }
    let files = Files::read(&FilesTarget { fallback: Some("gone.html".to_owned()), ..site.plan() }).unwrap();
    assert_eq!(told(&files, "GET", "/none"), "not_found");
}

#[test]
fn without_an_index_folders_are_not_found() {
    let site = site();
    let files = Files::read(&FilesTarget { index: None, ..site.plan() }).unwrap();
    for path in ["/", "/docs/", "/docs"] {
        assert_eq!(told(&files, "GET", path), "not_found", "{path}");
    }
    assert_eq!(told(&files, "GET", "/docs/page.txt"), "200 page");
}

#[test]
fn other_methods_are_refused() {
    let site = site();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "get"] {
        assert_eq!(reason(ask(&site.files(), method, "/", &[])), Kind::MethodNotAllowed, "{method}");
    }
}

#[test]
fn what_is_no_file_is_not_found_at_once() {
    let site = site();
    site.fifo("site/fifo");
    let _socket = UnixListener::bind(site.path("site/socket")).unwrap();
    let started = Instant::now();
    for path in ["/fifo", "/socket"] {
        assert_eq!(told(&site.files(), "GET", path), "not_found", "{path}");
    }
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn what_may_not_be_read_is_not_found() {
    let site = site();
    std::fs::set_permissions(site.path("site/docs/page.txt"), std::fs::Permissions::from_mode(0o000)).unwrap();
    let readable = std::fs::File::open(site.path("site/docs/page.txt")).is_ok();
    let expected = if readable { "200 page" } else { "not_found" };
    assert_eq!(told(&site.files(), "GET", "/docs/page.txt"), expected);
}

#[test]
fn a_root_that_is_swapped_is_seen_and_one_that_goes_is_not_found() {
    let site = site();
    let files = site.files();
    std::fs::rename(site.path("site"), site.path("old")).unwrap();
    assert_eq!(told(&files, "GET", "/"), "not_found");
    site.write("site/index.html", "new");
    assert_eq!(told(&files, "GET", "/"), "200 new");
}

#[test]
fn wrong_plans_are_refused_with_a_reason() {
    let site = site();
    let plan = site.plan();
    for (plan, expected) in [
        (FilesTarget { root: "relative".to_owned(), ..plan.clone() }, "relative is no absolute path"),
        (FilesTarget { root: format!("{}/none", site.root()), ..plan.clone() }, "cannot be used"),
        (FilesTarget { root: format!("{}/index.html", site.root()), ..plan.clone() }, "is no folder"),
        (FilesTarget { index: Some("a/b".to_owned()), ..plan.clone() }, "is no file name"),
        (FilesTarget { index: Some("..".to_owned()), ..plan.clone() }, "is no file name"),
        (FilesTarget { fallback: Some("/../secret.txt".to_owned()), ..plan.clone() }, "is no path of a file"),
        (FilesTarget { fallback: Some("/".to_owned()), ..plan.clone() }, "is no path of a file"),
    ] {
        let problem = Files::read(&plan).unwrap_err();
        assert!(problem.contains(expected), "{problem}");
    }
}
