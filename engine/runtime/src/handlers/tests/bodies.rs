//! Bodies in both directions, by credit.

use std::cell::Cell;
use std::task::{Context, Poll};

use glorieta_core::{BodySource, Kind};

use super::*;

/// A body of so many pieces, which counts how many were asked for.
struct Counted {
    left: usize,
    asked: Rc<Cell<usize>>,
    end: Option<Kind>,
}

const PIECE: usize = 10_000;

impl BodySource for Counted {
    fn poll_frame(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        if self.left == 0 {
            return Poll::Ready(self.end.map(|kind| Err(Error::new(kind))));
        }
        self.left -= 1;
        self.asked.set(self.asked.get() + 1);
        Poll::Ready(Some(Ok(Frame::Data(Bytes::from(vec![b'x'; PIECE])))))
    }
}

fn counted(left: usize, end: Option<Kind>) -> (Body, Rc<Cell<usize>>) {
    let asked: Rc<Cell<usize>> = Rc::default();
    (Body::Stream(Box::new(Counted { left, asked: asked.clone(), end })), asked)
}

#[test]
fn a_request_body_comes_as_far_as_the_handler_wants_it() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let process = house.process("one");
        let (body, pieces) = counted(3, None);
        let asking = house.ask_with(&app, body, None);
        let (call, start) = process.begun().await;
        assert_eq!(start.body, glorieta_carrier::Body::Stream);
        settle().await;
        assert_eq!((pieces.get(), process.next()), (0, None), "nobody has asked");
        process.send(FromHandler::Credit { call, bytes: 15_000 });
        let mut got = 0;
        while got < 15_000 {
            let ToHandler::Body { data, last: false, .. } = process.receive().await else { panic!("no piece") };
            got += data.len();
        }
        settle().await;
        assert_eq!((got, pieces.get(), process.next()), (15_000, 2, None));
        process.send(FromHandler::Credit { call, bytes: u32::MAX });
        loop {
            let ToHandler::Body { data, last, .. } = process.receive().await else { panic!("no piece") };
            got += data.len();
            if last {
                break;
            }
        }
        assert_eq!(got, 3 * PIECE);
        process.answer(call, full("thanks"));
        response(asking).await;
    });
}

#[test]
fn a_body_that_breaks_off_is_told_to_the_handler_which_may_still_answer() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let process = house.process("one");
        let asking = house.ask_with(&app, counted(0, Some(Kind::BodyTooLarge)).0, None);
        let (call, _) = process.begun().await;
        process.send(FromHandler::Credit { call, bytes: 1 });
        let reason = Bytes::from_static(b"body_too_large");
        assert_eq!(process.receive().await, ToHandler::BodyFailed { call, reason });
        process.answer_as(call, 413, &[], full("too much"));
        assert_eq!(response(asking).await.head.status, 413);
    });
}

#[test]
fn a_body_that_is_too_large_for_one_message_comes_in_pieces() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let process = house.process("one");
        let whole = Bytes::from(vec![b'y'; 300_000]);
        let asking = house.ask_with(&app, Body::Full(whole.clone()), None);
        let (call, start) = process.begun().await;
        assert_eq!(start.body, glorieta_carrier::Body::Stream);
        process.send(FromHandler::Credit { call, bytes: 1_000_000 });
        let mut got = Vec::new();
        loop {
            let ToHandler::Body { data, last, .. } = process.receive().await else { panic!("no piece") };
            got.extend_from_slice(&data);
            if last {
                break;
            }
        }
        assert_eq!(got, whole);
        process.answer(call, full("thanks"));
        response(asking).await;
    });
}

#[test]
fn a_head_that_leaves_no_room_lets_its_body_follow_and_one_that_is_too_large_is_refused() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let process = house.process("one");
        let ask = |header: usize| {
            let mut asked = asked();
            asked.start.headers.push((Bytes::from_static(b"x"), Bytes::from(vec![b'h'; header])));
            let (desk, app) = (house.desk.clone(), app.clone());
            let body = Body::Full(Bytes::from(vec![b'b'; 60_000]));
            spawn_local(async move { call(&desk, &app, asked, body, None).await })
        };
        let asking = ask(100_000);
        let (call, start) = process.begun().await;
        assert_eq!((start.body, start.headers[0].1.len()), (glorieta_carrier::Body::Stream, 100_000));
        process.answer(call, full("x"));
        response(asking).await;
        assert_eq!(error(ask(200_000)).await.kind, Kind::HeadTooLarge);
        assert_eq!(process.process.calls(), 0);
    });
}

#[test]
fn a_slow_reader_holds_the_handler_up_and_gets_everything() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let process = Rc::new(house.process("one"));
        let asking = house.ask(&app);
        let (call, _) = process.begun().await;
        process.answer(call, glorieta_carrier::Body::Stream);
        let mut response = response(asking).await;
        let sent: Rc<Cell<usize>> = Rc::default();
        let (writer, written) = (process.clone(), sent.clone());
        // Ten times the window, as far as there is credit.
        let writing = spawn_local(async move {
            let mut credit = 0;
            while written.get() < 640_000 {
                if credit == 0 {
                    match writer.receive().await {
                        ToHandler::Credit { bytes, .. } => credit += bytes as usize,
                        other => panic!("{other:?}"),
                    }
                }
                let size = credit.min(16_000).min(640_000 - written.get());
                credit -= size;
                written.set(written.get() + size);
                writer.piece(call, &vec![b'z'; size], written.get() == 640_000);
            }
        });
        until(|| sent.get() >= 64 << 10).await;
        settle().await;
        assert_eq!(sent.get(), 64 << 10, "the client has read nothing");
        assert_eq!(read(&mut response.body).await.unwrap().len(), 640_000);
        writing.await.unwrap();
        assert_eq!(process.process.calls(), 0);
    });
}

#[test]
fn a_handler_may_answer_while_it_reads() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let process = house.process("one");
        let asking = house.ask_with(&app, counted(5, None).0, None);
        let (call, _) = process.begun().await;
        process.answer(call, glorieta_carrier::Body::Stream);
        let mut body = response(asking).await.body;
        let reading = spawn_local(async move { read(&mut body).await });
        process.send(FromHandler::Credit { call, bytes: u32::MAX });
        loop {
            if let ToHandler::Body { data, last, .. } = process.receive_but_credit().await {
                process.piece(call, &data, last);
                if last {
                    break;
                }
            }
        }
        assert_eq!(reading.await.unwrap().unwrap().len(), 5 * PIECE);
    });
}

#[test]
fn an_answer_has_the_length_that_it_announces_or_is_cut() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let process = house.process("one");
        for (data, right) in [("12345", true), ("1234", false), ("123456", false)] {
            let asking = house.ask(&app);
            let (call, _) = process.begun().await;
            process.answer_as(call, 200, &[("content-length", "5")], glorieta_carrier::Body::Stream);
            process.piece(call, data.as_bytes(), true);
            let mut body = response(asking).await.body;
            assert_eq!(body.length(), Some(5));
            let read = read(&mut body).await;
            assert_eq!(read.is_ok(), right, "{data}");
            drop(body);
            while process.next().is_some() {}
        }
    });
}

#[test]
fn a_process_that_does_not_read_holds_bodies_up() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let process = house.process("one");
        let (body, pieces) = counted(1000, None);
        let asking = house.ask_with(&app, body, None);
        let (call, _) = process.begun().await;
        process.send(FromHandler::Credit { call, bytes: u32::MAX });
        settle().await;
        until(|| pieces.get() > 20).await;
        settle().await;
        // A ring of 256 KiB and a few messages that wait for room; ten million bytes would be the whole.
        assert!(pieces.get() < 100, "{} pieces were read ahead", pieces.get());
        let mut got = 0;
        loop {
            let ToHandler::Body { data, last, .. } = process.receive().await else { panic!("no piece") };
            got += data.len();
            if last {
                break;
            }
        }
        assert_eq!(got, 1000 * PIECE);
        process.answer(call, full("x"));
        response(asking).await;
    });
}
