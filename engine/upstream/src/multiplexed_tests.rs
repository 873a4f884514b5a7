use std::rc::Rc;

use bytes::Bytes;
use glorieta_core::{Body, Name, RequestHead};
use glorieta_plan::UpstreamVersion;
use h2::Reason;
use h2::server::{Builder, SendResponse};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

use super::*;
use crate::testing::{Caller, Recorder, Refusing, Server, build, build_observed, endpoint, on_worker, until};
use crate::{Answer, CallContext, Outcome, call, connect};

type Respond = SendResponse<Bytes>;

/// What an endpoint has seen, and what it is told to do.
#[derive(Default)]
struct Seen {
    connections: Cell<usize>,
    ended: Cell<usize>,
    requests: Cell<usize>,
    /// Under way, and the most that ever were.
    now: Cell<usize>,
    most: Cell<usize>,
    /// Ends the connection in good order, once it is answered.
    goodbye: Cell<bool>,
    /// Whether it opens WebSockets.
    offers: Cell<bool>,
}

/// An endpoint that answers each request after a while, or refuses it.
#[derive(Clone)]
struct Peer {
    address: String,
    seen: Rc<Seen>,
}

impl Peer {
    fn new(allowed: u32, while_it_takes: Duration, refuses: impl Fn(usize) -> Option<Reason> + 'static) -> Peer {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let endpoint = Peer { address, seen: Rc::default() };
        let (seen, refuses) = (endpoint.seen.clone(), Rc::new(refuses));
        spawn_local(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (seen, refuses) = (seen.clone(), refuses.clone());
                spawn_local(async move {
                    seen.connections.set(seen.connections.get() + 1);
                    serve(stream, allowed, while_it_takes, &seen, &*refuses).await;
                    seen.ended.set(seen.ended.get() + 1);
                });
            }
        });
        endpoint
    }

    fn answering(while_it_takes: Duration) -> Peer {
        Peer::new(100, while_it_takes, |_| None)
    }
}

async fn serve(
    stream: TcpStream,
    allowed: u32,
    while_it_takes: Duration,
    seen: &Rc<Seen>,
    refuses: &dyn Fn(usize) -> Option<Reason>,
) {
    let mut builder = Builder::new();
    if seen.offers.get() {
        builder.enable_connect_protocol();
    }
    let Ok(mut connection) = builder.max_concurrent_streams(allowed).handshake::<_, Bytes>(stream).await else {
        return;
    };
    while let Some(Ok((_, mut respond))) = connection.accept().await {
        seen.requests.set(seen.requests.get() + 1);
        match refuses(seen.requests.get()) {
            Some(reason) => respond.send_reset(reason),
            None => drop(spawn_local(answer(respond, while_it_takes, seen.clone()))),
        }
        if seen.goodbye.replace(false) {
            connection.graceful_shutdown();
        }
    }
}

async fn answer(mut respond: Respond, while_it_takes: Duration, seen: Rc<Seen>) {
    seen.now.set(seen.now.get() + 1);
    seen.most.set(seen.most.get().max(seen.now.get()));
    tokio::time::sleep(while_it_takes).await;
    seen.now.set(seen.now.get() - 1);
    let response = http::Response::new(());
    if let Ok(mut stream) = respond.send_response(response, false) {
        // Who asked may have gone.
        let _ = stream.send_data(Bytes::from_static(b"ok"), true);
    }
}

fn plan(addresses: &[&str]) -> glorieta_plan::Upstream {
    glorieta_plan::Upstream { version: UpstreamVersion::H2, ..crate::testing::plan(addresses) }
}

/// What so many requests at once are answered with.
async fn burst(upstream: &Arc<Upstream>, count: usize) -> Vec<Result<String, Kind>> {
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let upstream = upstream.clone();
            spawn_local(async move { Caller::default().get(&upstream).await })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

fn all_ok(answers: &[Result<String, Kind>]) {
    assert!(answers.iter().all(|answer| answer.as_deref() == Ok("ok")), "{answers:?}");
}

const SHORT: Duration = Duration::from_millis(20);

#[test]
fn a_burst_shares_one_connection_which_is_kept() {
    on_worker(async {
        let server = Peer::answering(SHORT);
        let upstream = build(&plan(&[&server.address]));
        all_ok(&burst(&upstream, 60).await);
        assert_eq!((server.seen.connections.get(), server.seen.most.get()), (1, 60));
        let endpoint = endpoint(&upstream, 0);
        assert_eq!((endpoint.in_flight(), endpoint.connections()), (0, 1));
        all_ok(&burst(&upstream, 1).await);
        assert_eq!(server.seen.connections.get(), 1);
    });
}

#[test]
fn a_full_connection_is_joined_by_another_up_to_the_bound_and_then_the_queue() {
    on_worker(async {
        for (own, allowed) in [(2, 100), (100, 2)] {
            let server = Peer::new(allowed, SHORT, |_| None);
            let mut plan = plan(&[&server.address]);
            plan.pool.max_streams = own;
            let upstream = build(&plan);
            all_ok(&burst(&upstream, 6).await);
            // Before its SETTINGS nobody knows how few the endpoint allows.
            assert!(server.seen.connections.get() >= 3, "{}", server.seen.connections.get());
            plan.pool.max_connections = 1;
            let upstream = build(&plan);
            server.seen.most.set(0);
            all_ok(&burst(&upstream, 12).await);
            assert_eq!((server.seen.most.get(), endpoint(&upstream, 0).connections()), (2, 1));
            assert_eq!(upstream.state.waiting(), 0);
        }
    });
}

#[test]
fn whoever_asked_first_may_go_before_the_connection_is_open() {
    on_worker(async {
        let server = Peer::answering(SHORT);
        let upstream = build(&plan(&[&server.address]));
        let first = {
            let upstream = upstream.clone();
            spawn_local(async move { Caller::default().get(&upstream).await })
        };
        tokio::task::yield_now().await;
        let second = {
            let upstream = upstream.clone();
            spawn_local(async move { Caller::default().get(&upstream).await })
        };
        tokio::task::yield_now().await;
        first.abort();
        assert_eq!(second.await.unwrap().as_deref(), Ok("ok"));
        assert_eq!(server.seen.connections.get(), 1);
    });
}

#[test]
fn what_cannot_be_opened_fails_all_who_wait_and_is_tried_elsewhere() {
    on_worker(async {
        let (refusing, server) = (Refusing::new(), Peer::answering(SHORT));
        let upstream = build(&plan(&[&refusing.address]));
        assert!(burst(&upstream, 5).await.iter().all(|answer| *answer == Err(Kind::Refused)));
        assert_eq!((endpoint(&upstream, 0).connections(), endpoint(&upstream, 0).in_flight()), (0, 0));
        let upstream = build(&plan(&[&refusing.address, &server.address]));
        assert_eq!(Caller::retrying(1).get(&upstream).await.as_deref(), Ok("ok"));
        // Who speaks something else, or nothing, is told apart from who refuses.
        let old = Server::saying("ok");
        let error = Caller::default().call(&build(&plan(&[&old.address])), "GET", Body::Empty).await.unwrap_err();
        assert!(matches!(error.kind, Kind::ResponseMalformed | Kind::UpstreamReset), "{error}");
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = build(&plan(&[&silent.local_addr().unwrap().to_string()]));
        let mut caller = Caller::default();
        caller.timeouts.connect = SHORT;
        assert_eq!(caller.get(&upstream).await, Err(Kind::ConnectTimeout));
        until(|| endpoint(&upstream, 0).connections() == 0).await;
        caller.timeouts.connect = Duration::from_secs(9);
        caller.deadline = Some(Moment::now().plus(SHORT));
        assert_eq!(caller.get(&upstream).await, Err(Kind::Deadline));
    });
}

#[test]
fn an_endpoint_that_allows_no_requests_is_left_alone() {
    on_worker(async {
        let server = Peer::new(0, SHORT, |_| None);
        let upstream = build(&plan(&[&server.address]));
        assert_eq!(Caller::default().get(&upstream).await, Err(Kind::UpstreamReset));
        until(|| endpoint(&upstream, 0).connections() == 0).await;
    });
}

#[test]
fn what_an_endpoint_has_not_begun_is_sent_again_whatever_it_is() {
    on_worker(async {
        // The second request, on a connection that has carried one, is refused.
        let server = Peer::new(100, SHORT, |number| (number == 2).then_some(Reason::REFUSED_STREAM));
        let recorder = Arc::<Recorder>::default();
        let upstream = build_observed(&plan(&[&server.address]), &recorder);
        for _ in 0..2 {
            let body = Body::Full(Bytes::from_static(b"body"));
            assert_eq!(Caller::default().call(&upstream, "POST", body).await.unwrap().0, 200);
        }
        assert_eq!(server.seen.requests.get(), 3);
        assert_eq!(*recorder.retried.lock().unwrap(), [Kind::UpstreamReset]);
        // It was nobody's failure.
        assert_eq!(*recorder.tried.lock().unwrap(), [Outcome::Status(200); 2]);
    });
}

#[test]
fn what_an_endpoint_may_have_begun_is_sent_again_only_if_that_does_no_harm() {
    on_worker(async {
        let server = Peer::new(100, SHORT, |number| (number % 2 == 1).then_some(Reason::INTERNAL_ERROR));
        let upstream = build(&plan(&[&server.address]));
        let caller = Caller::retrying(1);
        assert_eq!(caller.call(&upstream, "POST", Body::Empty).await.unwrap_err().kind, Kind::UpstreamReset);
        assert_eq!(server.seen.requests.get(), 1);
        server.seen.requests.set(0);
        assert_eq!(caller.get(&upstream).await.as_deref(), Ok("ok"));
    });
}

#[test]
fn an_endpoint_that_says_goodbye_answers_what_it_has_begun_and_gets_a_new_connection() {
    on_worker(async {
        let server = Peer::answering(SHORT);
        let upstream = build(&plan(&[&server.address]));
        server.seen.goodbye.set(true);
        let first = {
            let upstream = upstream.clone();
            spawn_local(async move { Caller::default().get(&upstream).await })
        };
        until(|| server.seen.requests.get() == 1).await;
        until(|| !server.seen.goodbye.get()).await;
        tokio::time::sleep(SHORT / 4).await;
        all_ok(&burst(&upstream, 3).await);
        assert_eq!(first.await.unwrap().as_deref(), Ok("ok"));
        until(|| server.seen.ended.get() == 1 && endpoint(&upstream, 0).connections() == 1).await;
        assert_eq!(server.seen.connections.get(), 2);
    });
}

#[test]
fn connections_end_when_they_are_idle_old_or_of_no_use() {
    on_worker(async {
        let server = Peer::answering(Duration::ZERO);
        let mut idle = plan(&[&server.address]);
        idle.pool.idle_ms = 50;
        let mut old = plan(&[&server.address]);
        old.pool.max_age_ms = 50;
        for plan in [idle, old] {
            let upstream = build(&plan);
            all_ok(&burst(&upstream, 2).await);
            until(|| endpoint(&upstream, 0).connections() == 0).await;
        }
        let upstream = build(&plan(&[&server.address]));
        all_ok(&burst(&upstream, 2).await);
        let endpoint = endpoint(&upstream, 0);
        upstream.retire();
        until(|| endpoint.connections() == 0).await;
        assert_eq!(server.seen.connections.get(), 3);
    });
}

#[test]
fn a_connection_is_given_up_for_who_waits_on_another_worker() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let (done, is_done) = tokio::sync::oneshot::channel::<()>();
    let serving = std::thread::spawn(move || {
        on_worker(async move {
            let server = Peer::answering(Duration::from_millis(5));
            sender.send(server.address.clone()).unwrap();
            is_done.await.unwrap();
        });
    });
    let mut plan = plan(&[&receiver.recv().unwrap()]);
    plan.pool.max_connections = 1;
    plan.pool.max_streams = 2;
    let upstream = build(&plan);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                on_worker(async {
                    for _ in 0..5 {
                        all_ok(&burst(&upstream, 8).await);
                    }
                });
            });
        }
    });
    assert_eq!((upstream.state.waiting(), endpoint(&upstream, 0).in_flight()), (0, 0));
    done.send(()).unwrap();
    serving.join().unwrap();
}

/// What is answered to a request for this upgrade.
async fn switch(upstream: &Upstream, upgrade: &[u8]) -> Result<Answer, Error> {
    let caller = Caller::default();
    let context = CallContext { upgrade: Some(upgrade), ..caller.context() };
    let mut head = RequestHead::build("GET", "a.example", "/", None);
    head.fields.add(Name::SecWebSocketKey, b"dGhlIHNhbXBsZSBub25jZQ==");
    call(upstream, &mut head, Body::Empty, &context).await
}

#[test]
fn what_an_endpoint_does_not_offer_is_impossible_on_a_shared_connection() {
    on_worker(async {
        let server = Peer::answering(SHORT);
        let upstream = build(&plan(&[&server.address]));
        let error = switch(&upstream, b"websocket").await.err().unwrap();
        assert_eq!(error.kind, Kind::UpgradeImpossible);
        assert!(error.detail().contains("offers no WebSockets"), "{}", error.detail());
        assert_eq!(server.seen.requests.get(), 0);
        // Nobody is to blame for it.
        assert_eq!((endpoint(&upstream, 0).in_flight(), endpoint(&upstream, 0).connections()), (0, 1));
    });
}

#[test]
fn a_web_socket_has_a_seat_for_as_long_as_it_lasts_and_nothing_else_can_be_switched_to() {
    on_worker(async {
        let server = Peer::answering(SHORT);
        server.seen.offers.set(true);
        let upstream = build(&plan(&[&server.address]));
        let answer = switch(&upstream, b"WebSocket").await.unwrap();
        let Answer::Switched { head, leftover, hold, stream } = answer else { panic!("not switched") };
        assert_eq!((head.status, leftover.len()), (101, 0));
        assert_eq!((hold.endpoint().in_flight(), hold.endpoint().connections()), (1, 1));
        // Others share the connection meanwhile.
        all_ok(&burst(&upstream, 3).await);
        assert_eq!(server.seen.connections.get(), 1);
        drop((stream, hold));
        assert_eq!((endpoint(&upstream, 0).in_flight(), endpoint(&upstream, 0).connections()), (0, 1));
        let error = switch(&upstream, b"chat").await.err().unwrap();
        assert_eq!(error.kind, Kind::UpgradeImpossible);
        assert!(error.detail().contains("no other protocol"), "{}", error.detail());
    });
}

#[test]
fn a_tunnel_has_a_connection_of_its_own() {
    on_worker(async {
        let server = Peer::answering(SHORT);
        let upstream = build(&plan(&[&server.address]));
        all_ok(&burst(&upstream, 1).await);
        let caller = Caller::default();
        let connected = connect(&upstream, &caller.context(), b"").await.unwrap();
        assert_eq!(endpoint(&upstream, 0).connections(), 2);
        drop(connected);
        assert_eq!(endpoint(&upstream, 0).connections(), 1);
    });
}

#[test]
fn in_clear_auto_is_http_1_1() {
    on_worker(async {
        let server = Server::saying("ok");
        let mut plan = plan(&[&server.address]);
        plan.version = UpstreamVersion::Auto;
        let upstream = build(&plan);
        all_ok(&burst(&upstream, 3).await);
        assert_eq!(server.count(), 3);
    });
}

#[test]
fn a_reload_that_changes_the_version_changes_the_endpoint() {
    on_worker(async {
        let server = Peer::answering(SHORT);
        let first = build(&plan(&[&server.address]));
        all_ok(&burst(&first, 1).await);
        let before = endpoint(&first, 0);
        let old = crate::testing::plan(&[&server.address]);
        let absent = glorieta_net::tls::Absent::Wrong;
        let second = Upstream::build(&old, Some(&first), Arc::<Recorder>::default(), absent).unwrap();
        second.refresh();
        assert!(before.is_retired() && !Arc::ptr_eq(&before, &endpoint(&second, 0)));
        until(|| before.connections() == 0).await;
    });
}
