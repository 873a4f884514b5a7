//! What a handler does after its answer.

use glorieta_carrier::Outcome;
use glorieta_core::Kind;

use super::upstreams::{call_of, calling, endpoint, outcome, saying, silent};
use super::*;

const EMPTY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// A handler that may call this, and may go on for so many milliseconds after its answer.
async fn going_on(address: &str, milliseconds: u64) -> Arc<Handler> {
    let Ok(mut app) = Arc::try_unwrap(calling(address)) else { panic!("shared") };
    app.background = Duration::from_millis(milliseconds);
    app.queue = 2;
    Arc::new(app)
}

fn lingering(process: &Fake) -> (u32, u32) {
    let stats = process.process.stats();
    (stats.calls, stats.lingering)
}

#[test]
fn work_after_the_answer_calls_upstreams_and_holds_no_client_up() {
    on_worker(async {
        let house = House::new();
        let process = house.process("one");
        let asking = house.ask(&going_on(&saying(EMPTY).await, 60_000).await);
        let (call, _) = process.begun().await;
        process.send(FromHandler::Linger { call });
        process.answer(call, full("x"));
        assert_eq!(read(&mut response(asking).await.body).await.unwrap(), b"x");
        assert_eq!(lingering(&process), (0, 1));
        process.send(call_of(call, |_| {}));
        assert!(matches!(outcome(&process).await, Outcome::Response { status: 200, .. }));
        process.send(FromHandler::Done { call });
        until(|| lingering(&process) == (0, 0)).await;
        // Now it is over: a call comes too late.
        process.send(call_of(call, |_| {}));
        let Outcome::Failed(failure) = outcome(&process).await else { panic!("answered") };
        assert_eq!(&failure.reason[..], b"client_gone");
        assert_eq!(broken(&house), []);
    });
}

#[test]
fn a_client_that_goes_away_ends_the_answer_and_not_the_work_after_it() {
    on_worker(async {
        let house = House::new();
        let process = house.process("one");
        let (address, ended) = silent().await;
        let app = going_on(&address, 60_000).await;
        let asking = house.ask(&app);
        let (call, _) = process.begun().await;
        process.answer(call, glorieta_carrier::Body::Stream);
        let whole = response(asking).await;
        process.piece(call, b"half", false);
        process.send(FromHandler::Linger { call });
        process.send(call_of(call, |_| {}));
        until(|| app.calls[0].upstream.state.set().endpoints[0].in_flight() == 1).await;
        drop(whole);
        assert!(matches!(process.receive_but_credit().await, ToHandler::Cancel { .. }));
        assert_eq!(lingering(&process), (0, 1));
        // Pieces that were on their way are nobody's.
        process.piece(call, b"rest", true);
        settle().await;
        assert!(!ended.get());
        process.send(FromHandler::Done { call });
        until(|| ended.get() && lingering(&process) == (0, 0)).await;
        assert_eq!(broken(&house), []);
    });
}

#[test]
fn a_client_that_goes_away_before_the_handler_has_answered_ends_all() {
    on_worker(async {
        let house = House::new();
        let process = house.process("one");
        let asking = house.ask(&going_on(&saying(EMPTY).await, 60_000).await);
        process.begun().await;
        asking.abort();
        assert!(matches!(process.receive_but_credit().await, ToHandler::Cancel { .. }));
        assert_eq!(lingering(&process), (0, 0));
    });
}

#[test]
fn work_after_the_answer_has_a_time_of_its_own_and_its_calls_end_with_it() {
    on_worker(async {
        let house = House::new();
        let process = house.process("one");
        let (address, ended) = silent().await;
        // The request's own deadline is sooner, and does not count any more.
        let asking = house.ask_with(&going_on(&address, 300).await, Body::Empty, soon(40));
        let (call, _) = process.begun().await;
        process.send(FromHandler::Linger { call });
        process.answer(call, full("x"));
        response(asking).await;
        process.send(call_of(call, |_| {}));
        tokio::time::sleep(Duration::from_millis(80)).await;
        assert_eq!((process.next(), ended.get()), (None, false));
        loop {
            match process.receive_but_credit().await {
                ToHandler::Over { reason, .. } => {
                    assert_eq!(&reason[..], b"deadline");
                    break;
                }
                ToHandler::Result { outcome, .. } => assert!(matches!(*outcome, Outcome::Failed(_))),
                other => panic!("{other:?}"),
            }
        }
        until(|| ended.get()).await;
        assert_eq!(lingering(&process), (0, 0));
        // The handler does not know yet.
        process.send(FromHandler::Done { call });
        settle().await;
        assert_eq!(broken(&house), []);
    });
}

#[test]
fn no_more_go_on_than_may_have_requests() {
    on_worker(async {
        let house = House::new();
        let process = house.process("one");
        let app = going_on(&saying(EMPTY).await, 60_000).await;
        for number in 0..3 {
            let asking = house.ask(&app);
            let (call, _) = process.begun().await;
            process.send(FromHandler::Linger { call });
            process.answer(call, full("x"));
            response(asking).await;
            assert_eq!(lingering(&process), (0, 2.min(number + 1)));
        }
        let ToHandler::Over { reason, .. } = process.receive_but_credit().await else { panic!("it goes on") };
        assert_eq!(&reason[..], Kind::QueueFull.reason().as_bytes());
        assert!(house.desk.is_free(&app), "work after answers keeps no request away");
    });
}

#[test]
fn the_end_of_a_process_ends_what_it_did_after_answers() {
    on_worker(async {
        let house = House::new();
        let process = house.process("one");
        let (address, ended) = silent().await;
        let app = going_on(&address, 60_000).await;
        let asking = house.ask(&app);
        let (call, _) = process.begun().await;
        process.send(FromHandler::Linger { call });
        process.answer(call, full("x"));
        response(asking).await;
        process.send(call_of(call, |_| {}));
        until(|| app.calls[0].upstream.state.set().endpoints[0].in_flight() == 1).await;
        house.has_ended(&process);
        until(|| ended.get()).await;
        assert_eq!(lingering(&process), (0, 0));
    });
}

#[test]
fn a_handler_that_fails_after_it_has_said_that_it_goes_on_is_over() {
    on_worker(async {
        let house = House::new();
        let process = house.process("one");
        let asking = house.ask(&going_on(&saying(EMPTY).await, 60_000).await);
        let (call, _) = process.begun().await;
        process.send(FromHandler::Linger { call });
        process.send(FromHandler::Failed { call });
        assert_eq!(error(asking).await.kind, Kind::HandlerFailed);
        assert_eq!(lingering(&process), (0, 0));
    });
}

#[test]
fn one_that_is_done_before_its_answer_has_arrived_is_over_with_it() {
    on_worker(async {
        let house = House::new();
        let process = house.process("one");
        let asking = house.ask(&going_on(&saying(EMPTY).await, 60_000).await);
        let (call, _) = process.begun().await;
        process.answer(call, glorieta_carrier::Body::Stream);
        let mut body = response(asking).await.body;
        process.send(FromHandler::Linger { call });
        process.send(FromHandler::Done { call });
        process.piece(call, b"x", true);
        assert_eq!(read(&mut body).await.unwrap(), b"x");
        assert_eq!(lingering(&process), (0, 0));
    });
}

#[test]
fn tries_of_all_calls_of_a_request_add_up() {
    on_worker(async {
        let house = House::new();
        let process = house.process("one");
        let address = endpoint(|mut stream, _| async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            stream.write_all(EMPTY.as_bytes()).await.unwrap();
            stream.read_exact(&mut [0; 10]).await.unwrap();
            stream.write_all(EMPTY.as_bytes()).await.unwrap();
            let _ = stream.read(&mut [0; 100]).await;
        })
        .await;
        let (desk, app, asked) = (house.desk.clone(), calling(&address), asked());
        let sum = asked.tries.clone();
        let asking = spawn_local(async move { call(&desk, &app, asked, Body::Empty, None).await });
        let (call, _) = process.begun().await;
        for number in 1..3 {
            process.send(call_of(call, |_| {}));
            let Outcome::Response { tries, .. } = outcome(&process).await else { panic!("failed") };
            assert_eq!((tries, sum.get()), (1, number));
        }
        process.answer(call, full("x"));
        response(asking).await;
    });
}
