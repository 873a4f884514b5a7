//! Processes that end, with and without requests.

use glorieta_core::Kind;

use super::*;

#[test]
fn what_a_process_had_when_it_ended_is_lost_and_not_sent_again() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let first = house.process("one");
        let asking = house.ask(&app);
        first.begun().await;
        let second = house.process("one");
        house.has_ended(&first);
        assert_eq!(error(asking).await.kind, Kind::HandlerLost);
        assert_eq!(second.next(), None);
        assert_eq!(house.roster.stats().len(), 1);
    });
}

#[test]
fn what_a_process_had_not_read_when_it_ended_goes_to_another() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let first = house.process("one");
        let asking = house.ask_with(&app, Body::Full(Bytes::from_static(b"order")), None);
        settle().await;
        let second = house.process("one");
        house.has_ended(&first);
        let (call, start) = second.begun().await;
        assert_eq!(start.body, full("order"));
        second.answer(call, full("done"));
        assert_eq!(read(&mut response(asking).await.body).await.unwrap(), b"done");
    });
}

#[test]
fn once_a_process_was_ready_its_end_changes_nothing_for_whoever_asks_whether_requests_are_served() {
    on_worker(async {
        let house = House::new();
        let doors = house.roster.announce(&["app".to_owned()], "one").unwrap();
        let first = house.process("one");
        assert!(!house.roster.has_begun(), "one of two");
        house.roster.remove(doors.process);
        house.has_ended(&first);
        let first = house.process("one");
        house.has_ended(&first);
        assert!(house.roster.has_begun());
    });
}

#[test]
fn what_it_said_before_it_ended_counts() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let process = house.process("one");
        let asking = house.ask(&app);
        let (call, _) = process.begun().await;
        process.answer(call, full("last words"));
        house.has_ended(&process);
        assert_eq!(read(&mut response(asking).await.body).await.unwrap(), b"last words");
    });
}

#[test]
fn an_answer_that_was_coming_is_cut() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let process = house.process("one");
        let asking = house.ask(&app);
        let (call, _) = process.begun().await;
        process.answer(call, glorieta_carrier::Body::Stream);
        let mut body = response(asking).await.body;
        house.has_ended(&process);
        assert_eq!(read(&mut body).await.unwrap_err().kind, Kind::HandlerLost);
    });
}

#[test]
fn the_old_generation_ends_its_requests_while_the_new_one_works() {
    on_worker(async {
        let house = House::new();
        let old = house.process("one");
        let asking = house.ask(&handler(|_| {}));
        let (call, _) = old.begun().await;
        let new = house.process("two");
        let next = house.ask(&handler(|app| app.generation = "two".into()));
        let (other, _) = new.begun().await;
        new.answer(other, full("new"));
        response(next).await;
        old.answer(call, full("old"));
        assert_eq!(read(&mut response(asking).await.body).await.unwrap(), b"old");
        assert_eq!(old.process.stats().calls, 0);
    });
}

#[test]
fn a_process_stands_in_for_the_next_generation_until_it_leaves() {
    on_worker(async {
        let house = House::new();
        let old = house.process("one");
        let app = handler(|app| app.generation = "two".into());
        assert!(!house.desk.is_free(&app));
        house.roster.lend(old.process.id, "two");
        let asking = house.ask(&app);
        let (call, _) = old.begun().await;
        house.roster.leave(old.process.id);
        assert!(!house.desk.is_free(&app));
        let new = house.process("two");
        let next = house.ask(&app);
        let (other, _) = new.begun().await;
        new.answer(other, full("new"));
        response(next).await;
        // What it has comes to its end.
        old.answer(call, full("old"));
        assert_eq!(read(&mut response(asking).await.body).await.unwrap(), b"old");
    });
}

#[test]
fn a_process_whose_event_loop_is_blocked_gets_requests_last() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let (blocked, free) = (house.process("one"), house.process("one"));
        blocked.send(FromHandler::Beat { lag: 500_000, running: 0 });
        settle().await;
        let asked: Vec<_> = (0..3).map(|_| house.ask(&app)).collect();
        for _ in &asked {
            let (call, _) = free.begun().await;
            free.answer(call, full("free"));
        }
        for asking in asked {
            assert_eq!(read(&mut response(asking).await.body).await.unwrap(), b"free");
        }
        assert_eq!(blocked.next(), None);
        // It is back: what it works on decides.
        blocked.send(FromHandler::Beat { lag: 1_000, running: 0 });
        settle().await;
        let (first, second) = (house.ask(&app), house.ask(&app));
        blocked.begun().await;
        free.begun().await;
        drop((first, second));
    });
}
