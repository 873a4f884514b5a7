//! Calls of scripted endpoints: which requests are sent again, where to, and what is told of it.

use std::sync::Arc;

use glorieta_plan as plan;
use tokio::task::spawn_local;

use super::*;
use crate::testing::{
    self, Act, Caller, Hanging, Recorder, Refusing, Server, build, build_observed, endpoint, get, on_worker, take_down,
    text, until,
};
use crate::{Outcome, Upstream};

/// An upstream of these endpoints, and what it tells.
fn observed(addresses: &[&str]) -> (Arc<Upstream>, Arc<Recorder>) {
    let recorder = Arc::<Recorder>::default();
    (build_observed(&testing::plan(addresses), &recorder), recorder)
}

fn retried(recorder: &Recorder) -> Vec<Kind> {
    recorder.retried.lock().unwrap().clone()
}

fn tried(recorder: &Recorder) -> Vec<Outcome> {
    recorder.tried.lock().unwrap().clone()
}

#[test]
fn a_refused_request_goes_elsewhere_whatever_its_method() {
    on_worker(async {
        for method in ["GET", "POST"] {
            let (refusing, server) = (Refusing::new(), Server::saying("hello"));
            let (upstream, recorder) = observed(&[&refusing.address, &server.address]);
            let caller = Caller::retrying(1);
            let body = Body::Full(Bytes::from_static(b"order"));
            assert_eq!(caller.call(&upstream, method, body).await.unwrap(), (200, "hello".to_owned()));
            assert_eq!(retried(&recorder), [Kind::Refused]);
            assert_eq!(tried(&recorder), [Outcome::Error(Kind::Refused), Outcome::Status(200)]);
            assert_eq!(caller.progress.tries.get(), 2);
            let last = caller.progress.endpoint.borrow();
            assert!(Arc::ptr_eq(last.as_ref().unwrap(), &endpoint(&upstream, 1)));
            assert_eq!(server.seen.borrow()[0].body, "order");
            assert_eq!(endpoint(&upstream, 0).connections(), 0);
        }
    });
}

#[test]
fn without_another_endpoint_the_same_is_tried_again() {
    on_worker(async {
        let refusing = Refusing::new();
        let (upstream, recorder) = observed(&[&refusing.address]);
        let caller = Caller::retrying(3);
        let error = caller.call(&upstream, "GET", Body::Empty).await.unwrap_err();
        assert_eq!((error.kind, error.detail()), (Kind::Refused, &*format!("{} refused", refusing.address)));
        assert_eq!((caller.progress.tries.get(), retried(&recorder)), (4, vec![Kind::Refused; 3]));
    });
}

#[test]
fn what_may_have_been_acted_on_is_sent_again_only_where_twice_is_once() {
    on_worker(async {
        for (method, expected) in [("GET", 2), ("PUT", 2), ("DELETE", 2), ("POST", 1), ("PATCH", 1), ("BREW", 1)] {
            let closing = Server::new(|_| Act::Close);
            let server = Server::saying("hello");
            let (upstream, recorder) = observed(&[&closing.address, &server.address]);
            let caller = Caller::retrying(1);
            let answered = caller.call(&upstream, method, Body::Full(Bytes::from_static(b"body"))).await;
            assert_eq!((closing.count(), closing.count() + server.count()), (1, expected), "{method}");
            if expected == 1 {
                let error = answered.unwrap_err();
                assert_eq!(error.kind, Kind::UpstreamReset);
                assert!(error.detail().starts_with(&closing.address), "{}", error.detail());
                assert!(retried(&recorder).is_empty());
            } else {
                assert_eq!(answered.unwrap(), (200, "hello".to_owned()));
                assert_eq!(retried(&recorder), [Kind::UpstreamReset]);
                assert_eq!(server.seen.borrow()[0].body, "body");
            }
        }
    });
}

#[test]
fn without_retries_nothing_is_tried_again() {
    on_worker(async {
        let (refusing, server) = (Refusing::new(), Server::saying("hello"));
        let (upstream, recorder) = observed(&[&refusing.address, &server.address]);
        assert_eq!(get(&upstream).await, Err(Kind::Refused));
        assert_eq!((server.count(), retried(&recorder)), (0, vec![]));
    });
}

#[test]
fn an_error_status_is_an_answer() {
    on_worker(async {
        let failing = Server::new(|_| Act::Raw("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"));
        let server = Server::saying("hello");
        let (upstream, recorder) = observed(&[&failing.address, &server.address]);
        assert_eq!(Caller::retrying(3).get(&upstream).await, Ok("503 busy".to_owned()));
        assert_eq!((server.count(), tried(&recorder)), (0, vec![Outcome::Status(503)]));
    });
}

#[test]
fn a_malformed_answer_is_not_asked_for_again() {
    on_worker(async {
        let failing = Server::new(|_| Act::Raw("SSH-2.0-OpenSSH_9.2\r\n"));
        let (upstream, _recorder) = observed(&[&failing.address]);
        assert_eq!(Caller::retrying(3).get(&upstream).await, Err(Kind::ResponseMalformed));
        assert_eq!((failing.count(), endpoint(&upstream, 0).connections()), (1, 0));
    });
}

/// Answers the first request of its first connections, and closes them when the second comes.
fn tiring(connections: usize) -> Server {
    Server::new(move |seen| match (seen.connection < connections, seen.number) {
        (true, 1..) => Act::Close,
        _ => Act::Say("hello"),
    })
}

#[test]
fn a_dead_connection_costs_no_try_where_twice_is_once() {
    on_worker(async {
        let server = tiring(1);
        let (upstream, recorder) = observed(&[&server.address]);
        assert_eq!(get(&upstream).await, Ok("hello".to_owned()));
        let caller = Caller::retrying(0);
        assert_eq!(caller.get(&upstream).await, Ok("hello".to_owned()));
        assert_eq!((server.count(), server.connections()), (3, 2));
        // It is told, and it was nobody's fault.
        assert_eq!((caller.progress.tries.get(), retried(&recorder)), (2, vec![Kind::UpstreamReset]));
        assert_eq!(tried(&recorder), [Outcome::Status(200); 2]);
    });
}

#[test]
fn after_one_dead_connection_a_new_one_is_opened() {
    on_worker(async {
        let server = tiring(2);
        let upstream = build(&testing::plan(&[&server.address]));
        // Two connections that both look well.
        let both = tokio::join!(get(&upstream), get(&upstream));
        assert_eq!(both, (Ok("hello".to_owned()), Ok("hello".to_owned())));
        assert_eq!(server.connections(), 2);
        assert_eq!(get(&upstream).await, Ok("hello".to_owned()));
        assert_eq!(server.connections(), 3);
    });
}

#[test]
fn what_must_not_be_sent_twice_is_not_saved_from_a_dead_connection() {
    on_worker(async {
        let server = tiring(1);
        let (upstream, recorder) = observed(&[&server.address]);
        assert_eq!(get(&upstream).await, Ok("hello".to_owned()));
        let answered = Caller::retrying(3).call(&upstream, "POST", Body::Full(Bytes::from_static(b"order"))).await;
        assert_eq!(answered.unwrap_err().kind, Kind::UpstreamReset);
        assert_eq!((server.count(), retried(&recorder)), (2, vec![]));
    });
}

#[test]
fn retries_stay_within_the_budget() {
    on_worker(async {
        let refusing = Refusing::new();
        let mut plan = testing::plan(&[&refusing.address]);
        plan.retry_budget = plan::RetryBudget { percent: 50, window_ms: 60_000, floor_per_second: 0, backoff_ms: 0 };
        let recorder = Arc::<Recorder>::default();
        let upstream = build_observed(&plan, &recorder);
        for _ in 0..20 {
            assert_eq!(Caller::retrying(3).get(&upstream).await, Err(Kind::Refused));
        }
        assert_eq!(retried(&recorder).len(), 10);
    });
}

#[test]
fn the_same_key_meets_the_same_endpoint() {
    on_worker(async {
        let servers = ["a", "b", "c"].map(Server::saying);
        let mut plan = testing::plan(&servers.each_ref().map(|server| &*server.address));
        plan.balance = plan::Balance::Hash("header.x-user".to_owned());
        let upstream = build(&plan);
        let by_key = async |key| Caller { key: Some(key), ..Caller::default() }.get(&upstream).await.unwrap();
        let mut met = std::collections::HashSet::new();
        for key in 0..30 {
            let first = by_key(key).await;
            assert_eq!(by_key(key).await, first);
            met.insert(first);
        }
        assert_eq!(met.len(), 3);
    });
}

#[test]
fn where_all_look_dead_all_are_tried() {
    on_worker(async {
        let servers = ["a", "b"].map(Server::saying);
        let mut plan = testing::plan(&servers.each_ref().map(|server| &*server.address));
        plan.panic_percent = 50;
        let upstream = build(&plan);
        take_down(&upstream, 0);
        assert_eq!(get(&upstream).await, Ok("b".to_owned()));
        take_down(&upstream, 1);
        assert_eq!(get(&upstream).await, Ok("a".to_owned()));
    });
}

#[test]
fn an_endpoint_that_fails_in_a_row_is_left_out_for_a_while() {
    on_worker(async {
        let failing = Server::new(|_| Act::Raw("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"));
        let server = Server::saying("hello");
        let mut plan = testing::plan(&[&failing.address, &server.address]);
        plan.outlier = Some(plan::Outlier {
            consecutive: 2,
            success_percent: 0,
            window_ms: 10_000,
            minimum_requests: 20,
            ejection_ms: 1500,
            max_ejection_ms: 1500,
            max_percent: 50,
        });
        let upstream = build(&plan);
        for expected in ["500 ", "500 ", "hello", "hello"] {
            assert_eq!(get(&upstream).await, Ok(expected.to_owned()));
        }
        let now = Moment::now();
        assert_eq!(endpoint(&upstream, 0).state(now), crate::EndpointState::Ejected);
        // Ejected by a tenth less than the time at least.
        assert!(!endpoint(&upstream, 0).is_usable(now) && endpoint(&upstream, 0).is_usable(now.plus_millis(1500)));
        until(|| endpoint(&upstream, 0).is_usable(Moment::now())).await;
        assert_eq!(get(&upstream).await, Ok("500 ".to_owned()));
    });
}

#[test]
fn the_deadline_holds_while_connecting_and_while_waiting_for_an_answer() {
    on_worker(async {
        let (hanging, silent) = (Hanging::new().await, Server::new(|_| Act::Hang));
        for address in [&hanging.address, &silent.address] {
            let (upstream, recorder) = observed(&[address]);
            let deadline = Moment::now().plus_millis(100);
            let caller = Caller { deadline: Some(deadline), ..Caller::retrying(3) };
            assert_eq!(caller.get(&upstream).await, Err(Kind::Deadline));
            assert!(Moment::now() >= deadline);
            // It is nobody's fault, and no time is left to try again.
            assert_eq!((retried(&recorder), endpoint(&upstream, 0).connections()), (vec![], 0));
        }
    });
}

#[test]
fn no_try_begins_that_the_deadline_would_cut() {
    on_worker(async {
        let refusing = Refusing::new();
        let mut plan = testing::plan(&[&refusing.address]);
        plan.retry_budget.backoff_ms = 60_000;
        let upstream = build(&plan);
        let caller = Caller { deadline: Some(Moment::now().plus_millis(20_000)), ..Caller::retrying(3) };
        // What went wrong is said at once instead of after a wait that leads nowhere.
        assert_eq!(caller.get(&upstream).await, Err(Kind::Refused));
        assert_eq!(caller.progress.tries.get(), 1);
    });
}

#[test]
fn an_endpoint_that_is_too_slow_is_not_asked_again() {
    on_worker(async {
        let silent = Server::new(|_| Act::Hang);
        let (upstream, recorder) = observed(&[&silent.address]);
        let mut caller = Caller::retrying(3);
        caller.timeouts.first_byte = Duration::from_millis(60);
        assert_eq!(caller.get(&upstream).await, Err(Kind::FirstByteTimeout));
        assert_eq!(tried(&recorder), [Outcome::Error(Kind::FirstByteTimeout)]);
    });
}

#[test]
fn the_host_is_sent_as_it_is_wanted() {
    on_worker(async {
        let server = Server::saying("hello");
        let upstream = build(&testing::plan(&[&server.address]));
        for (host, expected) in [
            (Host::Preserve, "a.example"),
            (Host::Upstream, &*server.address),
            (Host::Name("b.example".into()), "b.example"),
        ] {
            let caller = Caller { host, ..Caller::default() };
            assert_eq!(caller.get(&upstream).await, Ok("hello".to_owned()));
            let head = server.seen.borrow().last().unwrap().head.clone();
            assert!(head.contains(&format!("\r\nHost: {expected}\r\n")), "{head}");
        }
    });
}

#[test]
fn a_call_that_is_dropped_closes_its_connection_and_frees_its_place() {
    on_worker(async {
        let server = Server::new(|seen| if seen.connection == 0 { Act::Hang } else { Act::Say("hello") });
        let upstream = build(&testing::plan(&[&server.address]));
        let calling = upstream.clone();
        let call = spawn_local(async move { get(&calling).await });
        until(|| server.count() == 1).await;
        let first = endpoint(&upstream, 0);
        assert_eq!((first.in_flight(), first.connections()), (1, 1));
        call.abort();
        until(|| first.connections() == 0).await;
        assert_eq!(first.in_flight(), 0);
        assert_eq!(get(&upstream).await, Ok("hello".to_owned()));
    });
}

#[test]
fn a_connection_is_in_use_until_its_answer_has_been_read() {
    on_worker(async {
        let long = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        let server = Server::new(move |_| Act::Raw(long));
        let upstream = build(&testing::plan(&[&server.address]));
        let (caller, mut head) = (Caller::default(), RequestHead::build("GET", "a.example", "/", None));
        let answer = call(&upstream, &mut head, Body::Empty, &caller.context()).await.unwrap();
        let Answer::Response(mut response) = answer else { panic!("switched") };
        let first = endpoint(&upstream, 0);
        assert_eq!((first.in_flight(), first.connections()), (1, 1));
        assert_eq!(text(&mut response.body).await.unwrap(), "hello");
        assert_eq!((first.in_flight(), first.connections()), (0, 1));
    });
}

#[test]
fn a_switched_connection_is_leased_for_as_long_as_it_is_used() {
    on_worker(async {
        let switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\nhello";
        let server = Server::new(move |_| Act::Raw(switching));
        let upstream = build(&testing::plan(&[&server.address]));
        let (caller, mut head) = (Caller::default(), RequestHead::build("GET", "a.example", "/", None));
        let context = CallContext { upgrade: Some(b"chat"), ..caller.context() };
        let answer = call(&upstream, &mut head, Body::Empty, &context).await.unwrap();
        let Answer::Switched { head, leftover, hold, stream } = answer else { panic!("not switched") };
        assert_eq!((head.status, &leftover[..]), (101, &b"hello"[..]));
        assert_eq!((hold.endpoint().in_flight(), hold.endpoint().connections()), (1, 1));
        drop((stream, hold));
        assert_eq!((endpoint(&upstream, 0).in_flight(), endpoint(&upstream, 0).connections()), (0, 0));
    });
}

#[test]
fn an_event_stream_may_pause_for_as_long_as_a_tunnel() {
    on_worker(async {
        for (kind, expected) in [("text/event-stream; charset=utf-8", "deadline"), ("text/plain", "idle_timeout")] {
            let head: &'static str = Box::leak(
                format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: 99\r\n\r\nevent").into_boxed_str(),
            );
            let server = Server::new(move |_| Act::Raw(head));
            let upstream = build(&testing::plan(&[&server.address]));
            let mut caller = Caller { deadline: Some(Moment::now().plus_millis(1500)), ..Caller::default() };
            caller.timeouts.idle = Duration::from_millis(60);
            let error = caller.call(&upstream, "GET", Body::Empty).await.unwrap_err();
            assert_eq!(error.kind.reason(), expected, "{kind}");
        }
    });
}

#[test]
fn a_faster_endpoint_gets_more_of_the_requests() {
    on_worker(async {
        let slow = Server::new(|_| Act::Slow(Duration::from_millis(40), "slow"));
        let fast = Server::saying("fast");
        let mut plan = testing::plan(&[&slow.address, &fast.address]);
        plan.balance = plan::Balance::PeakEwma;
        let upstream = build(&plan);
        for _ in 0..60 {
            get(&upstream).await.unwrap();
        }
        assert!(fast.count() > slow.count(), "{} {}", fast.count(), slow.count());
        let expected = |index| endpoint(&upstream, index).expected(Moment::now());
        assert!(expected(0) > expected(1));
    });
}
