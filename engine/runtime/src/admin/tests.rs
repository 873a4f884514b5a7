//! Real sockets on the loopback, a runtime like the housekeeper's, and a view with known figures.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};

use glorieta_net::{Activation, BoundAddress, listen, timer};
use serde_json::{Value, json};

use super::*;
use crate::metrics::CONTENT_TYPE;

struct Fixed {
    ready: AtomicBool,
}

impl View for Fixed {
    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    fn plan_version(&self) -> String {
        "0123456789ab".to_owned()
    }

    fn hosts(&self) -> Vec<String> {
        vec!["admin.example".to_owned()]
    }

    fn metrics(&self) -> String {
        "# EOF\n".to_owned()
    }

    fn status(&self) -> String {
        json!({"listeners": [{"id": "web"}]}).to_string()
    }
}

/// Serves `bind` while `work` runs on a thread of its own.
fn served<T: Send + 'static>(bind: &str, work: impl FnOnce(BoundAddress, Arc<Fixed>) -> T + Send + 'static) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap();
    let opened = listen::open(bind, listen::Transport::Stream, 1, &Activation::default()).unwrap();
    let view = Arc::new(Fixed { ready: AtomicBool::new(true) });
    runtime.block_on(async {
        tokio::task::spawn_local(timer::drive());
        let door = tokio::task::spawn_local(accept(opened.sockets, view.clone()));
        let result = tokio::task::spawn_blocking(move || work(opened.address, view)).await.unwrap();
        door.abort();
        result
    })
}

fn port(address: &BoundAddress) -> u16 {
    let BoundAddress::Tcp(address) = address else { panic!("no TCP address: {address:?}") };
    address.port()
}

/// Sends bytes and reads until the other side closes.
fn talk(mut stream: impl Read + Write, request: &str) -> String {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

fn ask(port: u16, request: &str) -> String {
    talk(connect(port), &format!("{request}\r\nConnection: close\r\n\r\n"))
}

fn get(port: u16, path: &str) -> String {
    ask(port, &format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}"))
}

fn status(answer: &str) -> u16 {
    answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no answer: {answer:?}"))
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a whole head").1
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
}

#[test]
fn every_page_is_there() {
    served("127.0.0.1:0", |address, _| {
        let port = port(&address);
        let live = get(port, "/livez");
        assert_eq!((status(&live), body(&live)), (200, "ok\n"));
        let metrics = get(port, "/metrics?x=1");
        assert_eq!(
            (status(&metrics), body(&metrics), header(&metrics, "content-type")),
            (200, "# EOF\n", Some(CONTENT_TYPE))
        );
        let view = get(port, "/status");
        assert_eq!(serde_json::from_str::<Value>(body(&view)).unwrap(), json!({"listeners": [{"id": "web"}]}));
        let index: Value = serde_json::from_str(body(&get(port, "/"))).unwrap();
        for path in index["paths"].as_object().unwrap().keys() {
            assert_eq!(status(&get(port, path)), 200, "{path}");
        }
        for path in ["/none", "/livez/", "/status/x", "//", "/LIVEZ"] {
            assert_eq!(status(&get(port, path)), 404, "{path}");
        }
    });
}

#[test]
fn readiness_names_the_plan_and_ends_with_the_drain() {
    served("127.0.0.1:0", |address, view| {
        let port = port(&address);
        for (ready, code) in [(true, 200), (false, 503)] {
            view.ready.store(ready, Ordering::Relaxed);
            let answer = get(port, "/readyz");
            let page: Value = serde_json::from_str(body(&answer)).unwrap();
            assert_eq!((status(&answer), page), (code, json!({"ready": ready, "plan": "0123456789ab"})));
            assert_eq!(status(&get(port, "/livez")), 200);
        }
    });
}

#[test]
fn no_answer_is_stored_sniffed_or_shared_with_other_origins() {
    served("127.0.0.1:0", |address, _| {
        let port = port(&address);
        let evil = "GET /status HTTP/1.1\r\nHost: evil.example";
        let answers = [
            (get(port, "/status"), 200),
            (get(port, "/none"), 404),
            (ask(port, evil), 421),
            (ask(port, "GET /status HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example"), 403),
            (ask(port, "GET /status HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site"), 403),
            (ask(port, "POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0"), 405),
            (ask(port, "OPTIONS * HTTP/1.1\r\nHost: localhost"), 405),
            (ask(port, "GET /status HTTP/1.1\r\nHost: admin.example:80"), 200),
            (ask(port, "GET /status HTTP/1.0"), 200),
            (ask(port, "GET http://evil.example/status HTTP/1.1\r\nHost: localhost"), 421),
            (ask(port, "GET /status HTTP/1.1"), 400),
            (ask(port, &format!("GET /{} HTTP/1.1\r\nHost: localhost", "a".repeat(2000))), 414),
            (ask(port, &format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}", "a".repeat(20_000))), 431),
        ];
        for (answer, code) in &answers {
            assert_eq!(status(answer), *code, "{answer}");
            assert_eq!(header(answer, "cache-control"), Some("no-store"), "{answer}");
            assert_eq!(header(answer, "x-content-type-options"), Some("nosniff"), "{answer}");
            assert!(!answer.to_ascii_lowercase().contains("access-control-"), "{answer}");
            assert_eq!(answer.contains("listeners"), *code == 200, "{answer}");
        }
        assert_eq!(header(&answers[5].0, "allow"), Some("GET, HEAD"));
    });
}

#[test]
fn a_body_is_never_taken_for_another_request() {
    served("127.0.0.1:0", |address, _| {
        let smuggled = "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let request = format!(
            "GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{smuggled}\
             GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            smuggled.len()
        );
        let answers = talk(connect(port(&address)), &request);
        assert_eq!(answers.matches("HTTP/1.1 200").count(), 2, "{answers}");
        assert!(answers.contains("\"ready\"") && !answers.contains("listeners"), "{answers}");
    });
}

#[test]
fn head_has_the_length_and_no_body_and_connections_are_kept() {
    served("127.0.0.1:0", |address, _| {
        let request = "HEAD /livez HTTP/1.1\r\nHost: localhost\r\n\r\n\
                       HEAD /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let answers = talk(connect(port(&address)), request);
        assert_eq!(answers.matches("HTTP/1.1 200").count(), 2, "{answers}");
        assert_eq!(answers.to_ascii_lowercase().matches("content-length: 3\r\n").count(), 2, "{answers}");
        assert!(!answers.contains("ok\n"), "{answers}");
    });
}

#[test]
fn a_unix_socket_serves_the_same() {
    let path = std::env::temp_dir().join(format!("glorieta-admin-{}.sock", std::process::id()));
    let bind = format!("unix:{}", path.display());
    let socket = path.clone();
    let answer = served(&bind, move |_, _| {
        let stream = UnixStream::connect(&socket).unwrap();
        talk(stream, "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    });
    std::fs::remove_file(path).unwrap();
    assert_eq!(status(&answer), 200, "{answer}");
}

#[test]
fn whoever_fills_all_places_delays_others_no_longer_than_its_own_requests() {
    served("127.0.0.1:0", |address, _| {
        let port = port(&address);
        let mut kept: Vec<TcpStream> = (0..MOST_CONNECTIONS).map(|_| connect(port)).collect();
        let ask_kept = |stream: &mut TcpStream| {
            stream.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            let mut answer = [0; 512];
            let count = stream.read(&mut answer).unwrap();
            String::from_utf8_lossy(&answer[..count]).into_owned()
        };
        let last = std::thread::spawn(move || get(port, "/livez"));
        let answers: Vec<String> = kept.iter_mut().map(ask_kept).collect();
        assert!(answers.iter().all(|answer| status(answer) == 200));
        assert!(answers.iter().any(|answer| header(answer, "connection") == Some("close")), "{}", answers[0]);
        assert_eq!(status(&last.join().unwrap()), 200);
    });
}
