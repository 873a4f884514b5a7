//! One try: finding a way, waiting for one, and what errors of the system are called.

use std::io;

use super::*;
use crate::testing::{
    Act, Caller, Hanging, PATIENCE, Recorder, Refusing, Server, build, build_observed, endpoint, get, on_worker, plan,
    until,
};
use glorieta_net::tls::Absent;
use tokio::task::spawn_local;

const SHORT: Duration = Duration::from_millis(60);

async fn opened(address: &str, patience: Duration, deadline: Option<Moment>) -> Error {
    let upstream = build(&plan(&[address]));
    open(&endpoint(&upstream, 0), b"", patience, deadline).await.expect_err("connected")
}

#[test]
fn what_keeps_a_connection_from_opening_is_named_and_harmless() {
    on_worker(async {
        let refusing = Refusing::new();
        let refused = opened(&refusing.address, PATIENCE, None).await;
        assert_eq!((refused.kind, refused.retry), (Kind::Refused, Retry::NotSent));
        assert_eq!(refused.detail(), format!("{} refused", refusing.address));
        let missing = opened("unix:/nonexistent/a.sock", PATIENCE, None).await;
        assert_eq!((missing.kind, missing.retry), (Kind::Unreachable, Retry::NotSent));
        assert_eq!(missing.detail(), "unix:/nonexistent/a.sock there is no such socket");
    });
}

#[test]
fn an_endpoint_that_does_not_accept_is_given_up() {
    on_worker(async {
        let hanging = Hanging::new().await;
        let began = Moment::now();
        let late = opened(&hanging.address, SHORT, None).await;
        assert_eq!((late.kind, late.retry), (Kind::ConnectTimeout, Retry::NotSent));
        let late = opened(&hanging.address, PATIENCE, Some(began.plus(4 * SHORT))).await;
        assert_eq!((late.kind, late.retry), (Kind::Deadline, Retry::No));
        assert!(Moment::now() >= began.plus(4 * SHORT));
    });
}

#[test]
fn a_shortage_of_our_own_is_no_fault_of_the_endpoint() {
    // Linux's numbers.
    for (name, code, kind) in [
        ("EMFILE", 24, Kind::Internal),
        ("ENFILE", 23, Kind::Internal),
        ("EADDRNOTAVAIL", 99, Kind::Internal),
        ("ENETUNREACH", 101, Kind::Unreachable),
        ("EHOSTUNREACH", 113, Kind::Unreachable),
        ("ETIMEDOUT", 110, Kind::ConnectTimeout),
        ("ECONNRESET", 104, Kind::UpstreamReset),
        ("ECONNREFUSED", 111, Kind::Refused),
    ] {
        let error = explain(&io::Error::from_raw_os_error(code), "a:80");
        assert_eq!(error.kind, kind, "{name}");
        assert!(error.detail().starts_with("a:80 "), "{name}: {}", error.detail());
    }
}

#[test]
fn no_endpoint_has_its_reasons() {
    on_worker(async {
        assert_eq!(get(&build(&plan(&[]))).await, Err(Kind::NoEndpoint));
        assert_eq!(get(&build(&plan(&["orders.example:80"]))).await, Err(Kind::NameUnresolved));
        let upstream = build(&plan(&["10.0.0.1:80"]));
        crate::testing::take_down(&upstream, 0);
        assert_eq!(get(&upstream).await, Err(Kind::NoEndpoint));
    });
}

/// An upstream of one endpoint that has one connection, which is in use.
async fn busy(
    change: impl FnOnce(&mut glorieta_plan::Upstream),
) -> (Arc<Upstream>, Server, tokio::task::JoinHandle<()>) {
    let server = Server::new(|seen| if seen.connection == 0 { Act::Hang } else { Act::Say("hello") });
    let mut plan = plan(&[&server.address]);
    plan.pool.max_connections = 1;
    change(&mut plan);
    let upstream = build(&plan);
    let holding = upstream.clone();
    let holder = spawn_local(async move { drop(get(&holding).await) });
    until(|| server.count() == 1).await;
    (upstream, server, holder)
}

#[test]
fn who_finds_every_connection_in_use_waits_for_one() {
    on_worker(async {
        let (upstream, server, holder) = busy(|_| ()).await;
        let waiting = upstream.clone();
        let waiter = spawn_local(async move { get(&waiting).await });
        until(|| upstream.state.waiting() == 1).await;
        assert_eq!(endpoint(&upstream, 0).connections(), 1);
        holder.abort();
        assert_eq!(waiter.await.unwrap(), Ok("hello".to_owned()));
        assert_eq!((server.count(), upstream.state.waiting()), (2, 0));
    });
}

#[test]
fn what_came_free_between_looking_and_joining_is_found() {
    on_worker(async {
        // As if it had been in use at the look before: by now nobody is left who would say that it came free.
        let upstream = build(&plan(&["10.0.0.1:80"]));
        let search = Search {
            upstream: &upstream,
            key: None,
            avoided: &Avoided::new(),
            wanted: Wanted::Any,
            shared: true,
            patience: PATIENCE,
            deadline: None,
        };
        let way = search.wait(Moment::now()).await.unwrap();
        assert!(Arc::ptr_eq(way.endpoint(), &endpoint(&upstream, 0)));
    });
}

#[test]
fn another_endpoint_is_used_before_anybody_waits() {
    on_worker(async {
        let other = Server::saying("other");
        let (upstream, _server, _holder) = busy(|plan| {
            plan.endpoints.push(glorieta_plan::Endpoint { address: other.address.clone(), weight: 1 });
        })
        .await;
        assert_eq!(get(&upstream).await, Ok("other".to_owned()));
    });
}

#[test]
fn waiting_is_bounded_in_number_and_time() {
    on_worker(async {
        let (upstream, server, _holder) = busy(|plan| plan.queue.max = 0).await;
        assert_eq!(get(&upstream).await, Err(Kind::QueueFull));

        let (upstream, _server, _holder) = busy(|plan| plan.queue.timeout_ms = SHORT.as_millis() as u64).await;
        let began = Moment::now();
        assert_eq!(get(&upstream).await, Err(Kind::QueueTimeout));
        assert!(Moment::now() >= began.plus(SHORT));

        let (upstream, _server, _holder) = busy(|_| ()).await;
        let began = Moment::now();
        let caller = Caller { deadline: Some(began.plus(SHORT)), ..Caller::default() };
        assert_eq!(caller.get(&upstream).await, Err(Kind::Deadline));
        assert!(Moment::now() >= began.plus(SHORT));
        // Nobody is left behind in the queue, and nothing was sent.
        assert!(!upstream.state.queue.first_is_here());
        assert_eq!((upstream.state.waiting(), server.count()), (0, 1));
    });
}

#[test]
fn a_higher_bound_frees_who_waits() {
    on_worker(async {
        let (upstream, _server, _holder) = busy(|_| ()).await;
        let waiting = upstream.clone();
        let waiter = spawn_local(async move { get(&waiting).await });
        until(|| upstream.state.waiting() == 1).await;
        // A new endpoint is published; those who wait look again, by the settings that they came with.
        let other = Server::saying("other");
        let addresses = [endpoint(&upstream, 0).name.to_string(), other.address.clone()];
        let next = plan(&[&addresses[0], &addresses[1]]);
        Upstream::build(&next, Some(&upstream), Arc::<Recorder>::default(), Absent::Wrong).unwrap().refresh();
        assert_eq!(waiter.await.unwrap(), Ok("other".to_owned()));
    });
}

#[test]
fn waiters_are_served_in_their_order() {
    on_worker(async {
        let (upstream, _server, holder) = busy(|_| ()).await;
        let order = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let mut waiters = Vec::new();
        for number in 0..5 {
            let (upstream, order) = (upstream.clone(), order.clone());
            waiters.push(spawn_local(async move {
                get(&upstream).await.unwrap();
                order.borrow_mut().push(number);
            }));
            tokio::task::yield_now().await;
        }
        until(|| upstream.state.waiting() == 5).await;
        // One that loses its patience leaves a gap, not a stop.
        waiters.remove(2).abort();
        holder.abort();
        for waiter in waiters {
            waiter.await.unwrap();
        }
        assert_eq!(order.take(), [0, 1, 3, 4]);
    });
}

#[test]
fn requests_of_two_workers_share_a_bound_and_all_are_answered() {
    // Counted where requests are worked on: never more at once than connections are allowed.
    static AT_ONCE: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    static MOST: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || work(stream.unwrap()));
        }
    });
    fn work(mut stream: std::net::TcpStream) {
        let mut seen = Vec::new();
        let mut bytes = [0; 1024];
        while let Ok(count) = io::Read::read(&mut stream, &mut bytes)
            && count > 0
        {
            seen.extend_from_slice(&bytes[..count]);
            if seen.ends_with(b"\r\n\r\n") {
                seen.clear();
                MOST.fetch_max(AT_ONCE.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_micros(200));
                AT_ONCE.fetch_sub(1, Ordering::SeqCst);
                if io::Write::write_all(&mut stream, b"HTTP/1.1 204 No Content\r\n\r\n").is_err() {
                    return;
                }
            }
        }
    }
    let mut plan = plan(&[&address]);
    plan.pool.max_connections = 2;
    let recorder = Arc::<Recorder>::default();
    let upstream = build_observed(&plan, &recorder);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                on_worker(async {
                    let one = async || {
                        for _ in 0..40 {
                            assert_eq!(get(&upstream).await, Ok("204 ".to_owned()));
                        }
                    };
                    tokio::join!(one(), one(), one(), one());
                });
            });
        }
    });
    assert_eq!(recorder.tried.lock().unwrap().len(), 320);
    assert_eq!(MOST.load(Ordering::SeqCst), 2);
}
