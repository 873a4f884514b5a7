//! How an answer comes, and what stands in its way.

use glorieta_core::Kind;

use super::*;

#[test]
fn a_request_is_answered() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let process = house.process("one");
        let asking = house.ask(&app);
        let (call, start) = process.begun().await;
        assert_eq!((start.route, &start.path[..], start.deadline_ms), (3, &b"/"[..], 0));
        process.answer_as(call, 201, &[("x-a", "1")], full("hello"));
        let mut response = response(asking).await;
        assert_eq!(response.head.status, 201);
        assert_eq!(response.head.fields.get_named(b"X-A"), Some(&b"1"[..]));
        assert_eq!(read(&mut response.body).await.unwrap(), b"hello");
        assert_eq!(process.process.calls(), 0);
        settle().await;
        assert_eq!(process.next(), None, "what has been answered is not cancelled");
    });
}

#[test]
fn the_process_with_the_fewest_requests_gets_the_next() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let processes = [house.process("one"), house.process("one")];
        let asking: Vec<_> = (0..4).map(|_| house.ask(&app)).collect();
        for process in &processes {
            for _ in 0..2 {
                let (call, _) = process.begun().await;
                process.answer(call, full("x"));
            }
        }
        for asking in asking {
            response(asking).await;
        }
    });
}

#[test]
fn only_processes_of_the_same_generation_and_handler_are_asked() {
    on_worker(async {
        let house = House::new();
        let (old, new) = (house.process("one"), house.process("two"));
        let asking = house.ask(&handler(|app| app.generation = "two".into()));
        let (call, _) = new.begun().await;
        new.answer(call, full("new"));
        response(asking).await;
        let asking = house.ask(&handler(|_| {}));
        let (call, _) = old.begun().await;
        old.answer(call, full("old"));
        response(asking).await;
        let other = handler(|app| (app.id, app.queue_timeout) = ("other".into(), Duration::from_millis(20)));
        assert_eq!(error(house.ask(&other)).await.kind, Kind::HandlerOverloaded);
    });
}

#[test]
fn a_request_waits_for_a_process_that_is_on_its_way() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let asking = house.ask(&app);
        settle().await;
        let process = house.process("one");
        let (call, _) = process.begun().await;
        process.answer(call, full("x"));
        response(asking).await;
        assert_eq!(app.waiting.load(std::sync::atomic::Ordering::Relaxed), 0);
    });
}

#[test]
fn more_requests_than_a_process_may_have_are_refused_at_once() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|app| app.queue = 2));
        let process = house.process("one");
        let first = [house.ask(&app), house.ask(&app)];
        let calls = [process.begun().await.0, process.begun().await.0];
        assert_eq!(error(house.ask(&app)).await.kind, Kind::HandlerOverloaded);
        for (asking, call) in first.into_iter().zip(calls) {
            process.answer(call, full("x"));
            response(asking).await;
        }
        let again = house.ask(&app);
        let (call, _) = process.begun().await;
        process.answer(call, full("x"));
        response(again).await;
    });
}

#[test]
fn a_request_that_no_process_begins_in_time_is_refused() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|app| app.queue_timeout = Duration::from_millis(20)));
        let nobody = error(house.ask(&app)).await;
        assert_eq!(nobody.kind, Kind::HandlerOverloaded);
        assert!(nobody.detail().contains("no process"), "{nobody}");
        // A process whose loop is blocked does not read.
        let process = house.process("one");
        let blocked = error(house.ask(&app)).await;
        assert_eq!(blocked.kind, Kind::HandlerOverloaded);
        assert!(blocked.detail().contains("not begun"), "{blocked}");
        let (call, _) = process.begun().await;
        assert_eq!(process.receive().await, ToHandler::Cancel { call });
    });
}

#[test]
fn what_was_given_up_does_not_gather_without_end_at_a_process_that_does_not_read() {
    on_worker(async {
        let house = House::new();
        let app = handler(|app| (app.queue, app.queue_timeout) = (4, Duration::from_millis(1)));
        let process = house.process("one");
        // Each is as large as a ring, so that most of what is sent waits for room.
        let ask = || house.ask_with(&app, Body::Full(Bytes::from(vec![0; 60_000])), None);
        let mut details = Vec::new();
        for _ in 0..30 {
            details.push(error(ask()).await.detail().to_owned());
        }
        assert!(details.last().is_some_and(|detail| detail.contains("does not read")), "{details:?}");
        assert_eq!(broken(&house), []);
        // Once it reads again it is used again.
        tokio::time::sleep(Duration::from_millis(1)).await;
        until(|| {
            while process.next().is_some() {}
            house.desk.is_free(&app)
        })
        .await;
    });
}

#[test]
fn a_request_that_was_begun_may_take_longer_than_it_may_wait() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|app| app.queue_timeout = Duration::from_millis(20)));
        let process = house.process("one");
        let asking = house.ask(&app);
        let (call, _) = process.begun().await;
        tokio::time::sleep(Duration::from_millis(60)).await;
        process.answer(call, full("x"));
        response(asking).await;
    });
}

#[test]
fn the_deadline_ends_a_request_and_the_handler_is_told() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let process = house.process("one");
        let asking = house.ask_with(&app, Body::Empty, soon(40));
        let (call, start) = process.begun().await;
        assert!((1..=40).contains(&start.deadline_ms));
        assert_eq!(error(asking).await.kind, Kind::HandlerTimeout);
        assert_eq!(process.receive().await, ToHandler::Cancel { call });
        // Also within an answer that does not come to its end.
        let asking = house.ask_with(&app, Body::Empty, soon(40));
        let (call, _) = process.begun().await;
        process.answer(call, glorieta_carrier::Body::Stream);
        let mut body = response(asking).await.body;
        assert_eq!(read(&mut body).await.unwrap_err().kind, Kind::HandlerTimeout);
        drop(body);
        assert_eq!(process.receive_but_credit().await, ToHandler::Cancel { call });
    });
}

#[test]
fn a_handler_that_says_nothing_is_waited_for_no_longer_than_its_route_allows() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let process = house.process("one");
        let ask = |body: Body| {
            let asked = Asked { first_byte: Duration::from_millis(80), ..asked() };
            let (desk, app) = (house.desk.clone(), app.clone());
            spawn_local(async move { call(&desk, &app, asked, body, None).await })
        };
        let asking = ask(Body::Empty);
        let (number, _) = process.begun().await;
        assert_eq!(error(asking).await.kind, Kind::HandlerTimeout);
        assert_eq!(process.receive().await, ToHandler::Cancel { call: number });
        // While it reads the body it is not silent.
        let asking = ask(Body::Full(Bytes::from(vec![0; 100_000])));
        let (number, _) = process.begun().await;
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            process.send(FromHandler::Credit { call: number, bytes: 10_000 });
        }
        process.answer(number, full("read"));
        response(asking).await;
    });
}

#[test]
fn dropping_a_request_cancels_it_in_the_handler_and_its_answer_comes_too_late() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let process = house.process("one");
        let asking = house.ask(&app);
        let (call, _) = process.begun().await;
        asking.abort();
        assert_eq!(process.receive().await, ToHandler::Cancel { call });
        assert_eq!(process.process.calls(), 0);
        // The answer was on its way: nobody else gets it.
        let next = house.ask(&app);
        process.answer(call, full("late"));
        let (other, _) = process.begun().await;
        assert_ne!(other, call);
        process.answer(other, full("mine"));
        assert_eq!(read(&mut response(next).await.body).await.unwrap(), b"mine");
        assert_eq!(broken(&house), []);
    });
}

#[test]
fn a_handler_that_fails_is_an_error_before_its_answer_and_a_cut_within_it() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let process = house.process("one");
        let asking = house.ask(&app);
        let (call, _) = process.begun().await;
        process.send(FromHandler::Failed { call });
        assert_eq!(error(asking).await.kind, Kind::HandlerFailed);
        let asking = house.ask(&app);
        let (call, _) = process.begun().await;
        process.answer(call, glorieta_carrier::Body::Stream);
        process.piece(call, b"half", false);
        process.send(FromHandler::Failed { call });
        assert_eq!(read(&mut response(asking).await.body).await.unwrap_err().kind, Kind::HandlerFailed);
    });
}

#[test]
fn an_answer_that_is_none_is_the_handlers_fault() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let process = house.process("one");
        for (status, headers) in [(99, &[][..]), (200, &[("a b", "c")]), (200, &[("a", "b\nc")])] {
            let asking = house.ask(&app);
            let (call, _) = process.begun().await;
            process.answer_as(call, status, headers, full("x"));
            assert_eq!(error(asking).await.kind, Kind::HandlerFailed);
        }
        assert_eq!(broken(&house), [], "it is one handler's mistake, not the process's");
    });
}

#[test]
fn what_the_process_says_of_itself_is_known() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let process = house.process("one");
        let asking = [house.ask(&app), house.ask(&app)];
        process.begun().await;
        process.send(FromHandler::Beat { lag: 1500, running: 1 });
        until(|| process.process.stats().lag == 1500).await;
        let stats = house.roster.stats().remove(0);
        assert_eq!((stats.calls, stats.running, stats.ready, stats.broken), (2, 1, true, false));
        asking.iter().for_each(JoinHandle::abort);
    });
}
