//! Calls that a handler makes to upstreams.

use std::cell::Cell;

use glorieta_carrier::{Call, Outcome};
use glorieta_core::Kind;
use glorieta_net::tls::Absent;
use glorieta_upstream::{Host, Observer, Timeouts, Upstream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

struct Nobody;

impl Observer for Nobody {
    fn tried(&self, _: glorieta_upstream::Outcome, _: u64) {}
    fn retried(&self, _: Kind) {}
}

/// An upstream at this address.
fn upstream(address: &str) -> Arc<Upstream> {
    let plan = glorieta_plan::Upstream {
        id: "orders".to_owned(),
        endpoints: vec![glorieta_plan::Endpoint { address: address.to_owned(), weight: 1 }],
        tls: None,
        proxy_protocol: None,
        version: glorieta_plan::UpstreamVersion::H1,
        balance: glorieta_plan::Balance::FirstAvailable,
        pool: glorieta_plan::Pool { max_connections: 100, idle_ms: 60_000, max_age_ms: 3_600_000, max_streams: 100 },
        queue: glorieta_plan::Queue { max: 100, timeout_ms: 60_000 },
        retry_budget: glorieta_plan::RetryBudget {
            percent: 100,
            window_ms: 10_000,
            floor_per_second: 100,
            backoff_ms: 1,
        },
        health: None,
        outlier: None,
        panic_percent: 0,
        response_head_bytes: 65_536,
        response_header_count: 200,
    };
    let upstream = Upstream::build(&plan, None, Arc::new(Nobody), Absent::Wrong).unwrap();
    upstream.refresh();
    Arc::new(upstream)
}

pub(super) fn calling(address: &str) -> Arc<Handler> {
    let timeouts = Timeouts { connect: PATIENCE, first_byte: PATIENCE, idle: PATIENCE, tunnel: PATIENCE };
    let callee = Callee { upstream: upstream(address), host: Host::Preserve, timeouts, retries: 0 };
    handler(|app| app.calls = vec![callee])
}

/// An endpoint for one connection; the bytes of a head are read before `act` goes on.
pub(super) async fn endpoint<F: Future<Output = ()> + 'static>(
    act: impl FnOnce(TcpStream, String) -> F + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    spawn_local(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).await.unwrap();
            head.push(byte[0]);
        }
        act(stream, String::from_utf8(head).unwrap()).await;
    });
    address
}

/// An endpoint that says this, whatever it is asked.
pub(super) async fn saying(answer: &'static str) -> String {
    endpoint(move |mut stream, _| async move {
        stream.write_all(answer.as_bytes()).await.unwrap();
        let _ = stream.read(&mut [0]).await;
    })
    .await
}

/// An endpoint that never answers, and tells when its connection has ended.
pub(super) async fn silent() -> (String, Rc<Cell<bool>>) {
    let ended: Rc<Cell<bool>> = Rc::default();
    let end = ended.clone();
    let address = endpoint(move |mut stream, _| async move {
        while stream.read(&mut [0; 100]).await.is_ok_and(|count| count > 0) {}
        end.set(true);
    })
    .await;
    (address, ended)
}

pub(super) fn call_of(call: u32, change: impl FnOnce(&mut Call)) -> FromHandler {
    let text = Bytes::from_static;
    let mut request = Call {
        upstream: 0,
        timeout_ms: 0,
        method: text(b"GET"),
        target: text(b"/orders?user=7"),
        headers: Vec::new(),
        body: glorieta_carrier::Body::Empty,
    };
    change(&mut request);
    FromHandler::Call { call, part: 5, request: Box::new(request) }
}

pub(super) async fn outcome(process: &Fake) -> Outcome {
    match process.receive_but_credit().await {
        ToHandler::Result { part: 5, outcome, .. } => *outcome,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_reaches_the_upstream_and_its_answer_the_handler() {
    on_worker(async {
        let house = House::new();
        let seen: Rc<RefCell<String>> = Rc::default();
        let head = seen.clone();
        let address = endpoint(move |mut stream, asked| async move {
            head.replace(asked);
            stream.write_all(b"HTTP/1.1 200 OK\r\nX-Stock: 3\r\nContent-Length: 4\r\n\r\nmany").await.unwrap();
            let _ = stream.read(&mut [0]).await;
        })
        .await;
        let process = house.process("one");
        let asking = house.ask(&calling(&address));
        let (call, _) = process.begun().await;
        process.send(call_of(call, |request| {
            request.headers = vec![(Bytes::from_static(b"x-user"), Bytes::from_static(b"7"))];
        }));
        let Outcome::Response { status, headers, body, tries } = outcome(&process).await else { panic!("failed") };
        assert_eq!((status, body, tries), (200, full("many"), 1));
        assert!(headers.contains(&(Bytes::from_static(b"x-stock"), Bytes::from_static(b"3"))), "{headers:?}");
        assert_eq!(*seen.borrow(), "GET /orders?user=7 HTTP/1.1\r\nHost: shop.example\r\nx-user: 7\r\n\r\n");
        process.answer(call, full("x"));
        response(asking).await;
        assert_eq!(broken(&house), []);
    });
}

#[test]
fn a_call_that_fails_says_why_and_how_often_it_was_tried() {
    on_worker(async {
        let house = House::new();
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap().to_string();
        drop(taken);
        let process = house.process("one");
        let asking = house.ask(&calling(&address));
        let (call, _) = process.begun().await;
        process.send(call_of(call, |_| {}));
        let Outcome::Failed(failure) = outcome(&process).await else { panic!("answered") };
        assert_eq!((&failure.reason[..], failure.tries), (&b"refused"[..], 1));
        // One that cannot be sent is not tried.
        process.send(call_of(call, |request| request.target = Bytes::from_static(b"no path")));
        let Outcome::Failed(failure) = outcome(&process).await else { panic!("answered") };
        assert_eq!((&failure.reason[..], failure.tries), (&b"head_malformed"[..], 0));
        process.answer(call, full("x"));
        response(asking).await;
    });
}

#[test]
fn a_call_has_a_time_of_its_own_and_never_more_than_its_request() {
    on_worker(async {
        let house = House::new();
        let process = house.process("one");
        let (address, ended) = silent().await;
        let asking = house.ask(&calling(&address));
        let (call, _) = process.begun().await;
        process.send(call_of(call, |request| request.timeout_ms = 30));
        let Outcome::Failed(failure) = outcome(&process).await else { panic!("answered") };
        assert_eq!(&failure.reason[..], b"deadline");
        until(|| ended.get()).await;
        process.answer(call, full("x"));
        response(asking).await;
        let (address, ended) = silent().await;
        let asking = house.ask_with(&calling(&address), Body::Empty, soon(50));
        let (call, _) = process.begun().await;
        process.send(call_of(call, |request| request.timeout_ms = 60_000));
        assert_eq!(error(asking).await.kind, Kind::HandlerTimeout);
        until(|| ended.get()).await;
    });
}

#[test]
fn a_call_that_nobody_wants_any_more_ends_its_connection() {
    on_worker(async {
        let house = House::new();
        let process = house.process("one");
        // By the handler, by its answer, by the client that goes, by the process that ends.
        for way in 0..4 {
            let (address, ended) = silent().await;
            let app = calling(&address);
            let asking = house.ask(&app);
            let (call, _) = process.begun().await;
            process.send(call_of(call, |_| {}));
            until(|| app.calls[0].upstream.state.set().endpoints[0].in_flight() == 1).await;
            assert!(!ended.get());
            match way {
                0 => process.send(FromHandler::CallCancel { call, part: 5 }),
                1 => process.answer(call, full("x")),
                2 => asking.abort(),
                _ => house.has_ended(&process),
            }
            until(|| ended.get()).await;
            if way < 3 {
                process.answer(call, full("x"));
                while process.next().is_some() {}
            }
        }
        assert_eq!(broken(&house), []);
    });
}

#[test]
fn an_upstreams_answer_comes_as_far_as_the_handler_wants_it() {
    on_worker(async {
        let house = House::new();
        let address = endpoint(|mut stream, _| async move {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n").await.unwrap();
            stream.write_all(&vec![b'u'; 200_000]).await.unwrap();
            let _ = stream.read(&mut [0]).await;
        })
        .await;
        let process = house.process("one");
        let asking = house.ask(&calling(&address));
        let (call, _) = process.begun().await;
        process.send(call_of(call, |_| {}));
        let Outcome::Response { body, .. } = outcome(&process).await else { panic!("failed") };
        assert_eq!(body, glorieta_carrier::Body::Stream);
        settle().await;
        assert_eq!(process.next(), None, "nobody has asked");
        let mut got = 0;
        let mut granted = 0;
        loop {
            if got == granted {
                granted += 50_000;
                process.send(FromHandler::CallCredit { call, part: 5, bytes: 50_000 });
            }
            let ToHandler::ResultBody { part: 5, data, last, .. } = process.receive().await else { panic!("no piece") };
            got += data.len();
            assert!(got <= granted);
            if last {
                break;
            }
        }
        assert_eq!(got, 200_000);
        process.answer(call, full("x"));
        response(asking).await;
    });
}

#[test]
fn an_upstream_that_breaks_off_fails_the_part_within_its_body() {
    on_worker(async {
        let house = House::new();
        let address = endpoint(|mut stream, _| async move {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await.unwrap();
        })
        .await;
        let process = house.process("one");
        let asking = house.ask(&calling(&address));
        let (call, _) = process.begun().await;
        process.send(call_of(call, |_| {}));
        assert!(matches!(outcome(&process).await, Outcome::Response { .. }));
        process.send(FromHandler::CallCredit { call, part: 5, bytes: 1000 });
        let mut message = process.receive().await;
        if matches!(message, ToHandler::ResultBody { .. }) {
            message = process.receive().await;
        }
        let ToHandler::ResultFailed { part: 5, failure, .. } = message else { panic!("{message:?}") };
        assert_eq!(&failure.reason[..], b"response_cut_off");
        process.answer(call, full("x"));
        response(asking).await;
    });
}

#[test]
fn a_body_goes_to_the_upstream_as_it_comes() {
    on_worker(async {
        let house = House::new();
        let sum: Rc<Cell<usize>> = Rc::default();
        let counted = sum.clone();
        let address = endpoint(move |mut stream, head| async move {
            assert!(head.contains("Transfer-Encoding: chunked"), "{head}");
            let mut read = Vec::new();
            while !read.ends_with(b"0\r\n\r\n") {
                stream.read_buf(&mut read).await.unwrap();
            }
            counted.set(read.iter().filter(|&&byte| byte == b'k').count());
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            let _ = stream.read(&mut [0]).await;
        })
        .await;
        let process = house.process("one");
        let asking = house.ask(&calling(&address));
        let (call, _) = process.begun().await;
        process.send(call_of(call, |request| {
            request.method = Bytes::from_static(b"POST");
            request.body = glorieta_carrier::Body::Stream;
        }));
        let mut credit = 0;
        for number in 0..20 {
            while credit < 10_000 {
                match process.receive().await {
                    ToHandler::CallCredit { bytes, .. } => credit += bytes,
                    other => panic!("{other:?}"),
                }
            }
            credit -= 10_000;
            let data = Bytes::from(vec![b'k'; 10_000]);
            process.send(FromHandler::CallBody { call, part: 5, data, last: number == 19 });
        }
        let Outcome::Response { status, body, .. } = outcome(&process).await else { panic!("failed") };
        assert_eq!((status, body, sum.get()), (204, glorieta_carrier::Body::Empty, 200_000));
        process.answer(call, full("x"));
        response(asking).await;
    });
}

#[test]
fn too_many_calls_at_once_are_refused_and_the_rest_goes_on() {
    on_worker(async {
        let house = House::new();
        let process = house.process("one");
        let address = saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let asking = house.ask(&calling(&address));
        let (call, _) = process.begun().await;
        for part in 0..300 {
            let FromHandler::Call { request, .. } = call_of(call, |request| {
                request.body = glorieta_carrier::Body::Stream;
                request.method = Bytes::from_static(b"POST");
            }) else {
                panic!("no call")
            };
            process.send(FromHandler::Call { call, part, request });
        }
        let mut refused = 0;
        while refused < 44 {
            if let ToHandler::Result { outcome, part, .. } = process.receive_but_credit().await
                && let Outcome::Failed(failure) = *outcome
            {
                assert!(&failure.reason[..] == b"queue_full" && part >= 256, "{part}: {failure:?}");
                refused += 1;
            }
        }
        process.answer(call, full("x"));
        response(asking).await;
        assert_eq!(broken(&house), []);
    });
}
