//! Idle connections of a worker: which are handed out, and which are closed.

use glorieta_net::Stream;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

use super::*;
use crate::Upstream;
use crate::testing::{build, endpoint, get, on_worker, plan, until};

/// A connection as it comes back from a request, and its other end.
fn connection(upstream: &Upstream, index: usize) -> (Permit, Box<Client>, UnixStream) {
    let (inside, outside) = UnixStream::pair().unwrap();
    let permit = Permit::take(&upstream.state, &endpoint(upstream, index), 100).unwrap();
    (permit, Client::new(Stream::Unix(inside), Moment::now()), outside)
}

/// Puts a connection by; its other end.
fn put_by(upstream: &Upstream, index: usize) -> UnixStream {
    let (permit, client, outside) = connection(upstream, index);
    give(permit, client);
    outside
}

#[test]
fn the_connection_used_last_is_handed_out_first() {
    on_worker(async {
        let upstream = build(&plan(&["10.0.0.1:80", "10.0.0.2:80"]));
        let (first, other) = (endpoint(&upstream, 0), endpoint(&upstream, 1));
        assert!(take(&upstream.state, &first).is_none());
        let _ends = [put_by(&upstream, 0), put_by(&upstream, 0)];
        assert_eq!(first.connections(), 2);
        // Another endpoint's are not mixed up with them.
        assert!(take(&upstream.state, &other).is_none());
        let (last, permit) = take(&upstream.state, &first).unwrap();
        assert!(Arc::ptr_eq(&permit.endpoint, &first));
        let (before, _permit) = take(&upstream.state, &first).unwrap();
        assert!(last.opened > before.opened);
        assert!(take(&upstream.state, &first).is_none());
    });
}

#[test]
fn dead_connections_are_not_handed_out() {
    on_worker(async {
        let upstream = build(&plan(&["10.0.0.1:80"]));
        let first = endpoint(&upstream, 0);
        let alive = put_by(&upstream, 0);
        let talking = put_by(&upstream, 0);
        drop(put_by(&upstream, 0));
        talking.try_write(b"HTTP/1.1 408 Request Timeout\r\n\r\n").unwrap();
        // Readiness comes with a turn of the runtime.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        assert_eq!(first.connections(), 3);
        let (_client, _permit) = take(&upstream.state, &first).unwrap();
        assert_eq!(first.connections(), 1);
        assert!(take(&upstream.state, &first).is_none());
        drop(alive);
    });
}

#[test]
fn what_is_idle_or_old_or_dead_is_swept() {
    on_worker(async {
        let mut idle = plan(&["10.0.0.1:80"]);
        idle.pool.idle_ms = 50;
        let mut old = plan(&["10.0.0.1:80"]);
        old.pool.max_age_ms = 50;
        let (idle, old, dead) = (build(&idle), build(&old), build(&plan(&["10.0.0.1:80"])));
        let mut ends = [put_by(&idle, 0), put_by(&old, 0)];
        drop(put_by(&dead, 0));
        let stays = put_by(&dead, 0);
        for end in &mut ends {
            assert_eq!(end.read(&mut [0; 8]).await.unwrap(), 0);
        }
        until(|| endpoint(&dead, 0).connections() == 1).await;
        assert_eq!((endpoint(&idle, 0).connections(), endpoint(&old, 0).connections()), (0, 0));
        // The last one gone, nothing is left behind.
        drop(stays);
        until(|| POOL.with_borrow(|pool| ![&idle, &old, &dead].iter().any(|one| pool.contains_key(&key(&one.state)))))
            .await;
    });
}

#[test]
fn connections_of_an_endpoint_that_has_gone_are_closed() {
    on_worker(async {
        let upstream = build(&plan(&["10.0.0.1:80"]));
        let mut end = put_by(&upstream, 0);
        let (permit, client, mut late) = connection(&upstream, 0);
        upstream.retire();
        // One that comes back later is closed at once, one that is there by the next sweep.
        give(permit, client);
        assert_eq!(late.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(end.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(endpoint(&upstream, 0).connections(), 0);
    });
}

#[test]
fn who_waits_here_is_handed_the_connection_as_it_is() {
    on_worker(async {
        let upstream = build(&plan(&["10.0.0.1:80"]));
        let (permit, client, _end) = connection(&upstream, 0);
        let mut place = upstream.state.queue.join(1, false).unwrap();
        give(permit, client);
        assert!(matches!(place.woken().await, Grant::Released(_)));
        assert!(take(&upstream.state, &endpoint(&upstream, 0)).is_some());
    });
}

#[test]
fn for_who_waits_elsewhere_the_connection_is_closed() {
    on_worker(async {
        let upstream = build(&plan(&["10.0.0.1:80"]));
        let (permit, client, mut end) = connection(&upstream, 0);
        std::thread::scope(|scope| {
            let queue = &upstream.state.queue;
            let mut place = scope.spawn(|| queue.join(1, false).unwrap()).join().unwrap();
            give(permit, client);
            assert_eq!(endpoint(&upstream, 0).connections(), 0);
            assert!(take(&upstream.state, &endpoint(&upstream, 0)).is_none());
            let woken = std::pin::pin!(place.woken());
            let polled = woken.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
            assert!(matches!(polled, std::task::Poll::Ready(Grant::Released(_))));
        });
        assert_eq!(end.read(&mut [0; 8]).await.unwrap(), 0);
    });
}

#[test]
fn an_idle_connection_that_another_worker_needs_is_closed() {
    on_worker(async {
        let upstream = build(&plan(&["10.0.0.1:80"]));
        let mut end = put_by(&upstream, 0);
        // Once its keeper waits, it hears of those who need what it keeps.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        std::thread::scope(|scope| {
            let queue = &upstream.state.queue;
            let _place = scope.spawn(|| queue.join(1, false).unwrap()).join().unwrap();
            queue.wanted.notify_waiters();
        });
        assert_eq!(end.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(endpoint(&upstream, 0).connections(), 0);
    });
}

#[test]
fn one_connection_serves_one_request_after_the_other() {
    on_worker(async {
        let server = crate::testing::Server::saying("hello");
        let upstream = build(&plan(&[&server.address]));
        for _ in 0..5 {
            assert_eq!(get(&upstream).await, Ok("hello".to_owned()));
        }
        assert_eq!((server.count(), server.connections()), (5, 1));
        assert_eq!(endpoint(&upstream, 0).connections(), 1);
    });
}

/// Joins the queue as requests on another worker do.
fn ask_elsewhere<const N: usize>(upstream: &Upstream) -> [crate::queue::Place<'_>; N] {
    let queue = &upstream.state.queue;
    let ask = |_| {
        let place = queue.join(10, false).unwrap();
        queue.wanted.notify_waiters();
        place
    };
    std::thread::scope(|scope| scope.spawn(move || std::array::from_fn(ask)).join().unwrap())
}

#[test]
fn each_of_two_who_need_a_connection_at_once_is_heard() {
    on_worker(async {
        let upstream = build(&plan(&["10.0.0.1:80"]));
        let _ends = [put_by(&upstream, 0), put_by(&upstream, 0)];
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        let _places = ask_elsewhere::<2>(&upstream);
        until(|| endpoint(&upstream, 0).connections() == 0).await;
    });
}

#[test]
fn who_needs_a_connection_that_was_put_by_this_moment_is_heard() {
    on_worker(async {
        let upstream = build(&plan(&["10.0.0.1:80"]));
        let _end = put_by(&upstream, 0);
        let _places = ask_elsewhere::<1>(&upstream);
        until(|| endpoint(&upstream, 0).connections() == 0).await;
    });
}

#[test]
fn no_more_connections_are_closed_than_are_needed() {
    on_worker(async {
        let upstream = build(&plan(&["10.0.0.1:80"]));
        let ends: Vec<_> = (0..3).map(|_| put_by(&upstream, 0)).collect();
        let _places = ask_elsewhere::<1>(&upstream);
        until(|| endpoint(&upstream, 0).connections() < 3).await;
        // Time for the keeper to go too far.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        assert_eq!(endpoint(&upstream, 0).connections(), 2);
        drop(ends);
    });
}

#[test]
fn a_connection_that_is_old_when_it_comes_back_is_not_kept() {
    on_worker(async {
        let mut old = plan(&["10.0.0.1:80"]);
        old.pool.max_age_ms = 20;
        let upstream = build(&old);
        let (permit, client, mut end) = connection(&upstream, 0);
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        Moment::now();
        give(permit, client);
        assert_eq!(endpoint(&upstream, 0).connections(), 0);
        assert_eq!(end.read(&mut [0; 8]).await.unwrap(), 0);
    });
}
