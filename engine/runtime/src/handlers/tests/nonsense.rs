//! A process that says what cannot be.

use glorieta_carrier::Call;
use glorieta_core::Kind;

use super::*;

fn call_to(upstream: u32) -> Box<Call> {
    let text = Bytes::from_static;
    Box::new(Call {
        upstream,
        timeout_ms: 0,
        method: text(b"GET"),
        target: text(b"/"),
        headers: Vec::new(),
        body: glorieta_carrier::Body::Empty,
    })
}

fn streamed(call: u32) -> FromHandler {
    let answer = Answer { status: 200, headers: Vec::new(), body: glorieta_carrier::Body::Stream };
    FromHandler::Answer { call, answer: Box::new(answer) }
}

fn piece(call: u32, size: usize, last: bool) -> FromHandler {
    FromHandler::AnswerBody { call, data: Bytes::from(vec![0; size]), last }
}

/// Messages for the request of that number.
type Say = Box<dyn Fn(u32) -> Vec<Vec<u8>>>;

#[test]
fn what_cannot_be_breaks_the_link_and_is_reported() {
    let window = 64 << 10;
    let sayings: Vec<(&str, Say)> = vec![
        ("no message", Box::new(|_| vec![vec![]])),
        ("of no kind", Box::new(|call| vec![[&[99][..], &call.to_le_bytes()].concat()])),
        (
            "cut off",
            Box::new(|call| {
                let whole = streamed(call).encode();
                vec![whole[..whole.len() - 1].to_vec()]
            }),
        ),
        ("a second answer", Box::new(|call| vec![streamed(call).encode(), streamed(call).encode()])),
        ("a piece before the answer", Box::new(|call| vec![piece(call, 1, false).encode()])),
        (
            "more than was asked for",
            Box::new(move |call| {
                vec![streamed(call).encode(), piece(call, window, false).encode(), piece(call, 1, false).encode()]
            }),
        ),
        (
            "a call that is not allowed",
            Box::new(|call| vec![FromHandler::Call { call, part: 1, request: call_to(7) }.encode()]),
        ),
    ];
    for (what, say) in sayings {
        on_worker(async {
            let (house, app) = (House::new(), handler(|app| app.queue_timeout = Duration::from_millis(20)));
            let process = house.process("one");
            let alarm = house.roster.alarm().unwrap().try_clone_to_owned().unwrap();
            let asking = house.ask(&app);
            let (call, _) = process.begun().await;
            say(call).into_iter().for_each(|message| process.send_bytes(message));
            let lost = match asking.await.unwrap() {
                Err(error) => error,
                Ok(Answered::Response(mut response, _)) => read(&mut response.body).await.unwrap_err(),
                Ok(Answered::Switched { .. }) => panic!("{what}: switched"),
            };
            assert_eq!(lost.kind, Kind::HandlerLost, "{what}");
            let mut poll =
                libc::pollfd { fd: std::os::fd::AsRawFd::as_raw_fd(&alarm), events: libc::POLLIN, revents: 0 };
            // SAFETY: one descriptor, which lives during the call.
            assert_eq!(unsafe { libc::poll(&raw mut poll, 1, 0) }, 1, "{what}: nobody was told");
            let troubles = broken(&house);
            assert_eq!(troubles.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [process.process.id], "{what}");
            assert!(process.process.stats().broken);
            // It gets nothing more, and one that replaces it does.
            assert_eq!(error(house.ask(&app)).await.kind, Kind::HandlerOverloaded, "{what}");
            let next = house.process("one");
            let asking = house.ask(&app);
            let (call, _) = next.begun().await;
            next.answer(call, full("x"));
            response(asking).await;
            house.has_ended(&process);
        });
    }
}

#[test]
fn messages_for_requests_that_are_over_or_never_were_are_nobodys() {
    on_worker(async {
        let (house, app) = (House::new(), handler(|_| {}));
        let process = house.process("one");
        for call in [0, 1, 77, u32::MAX] {
            process.send(streamed(call));
            process.send(piece(call, 10, true));
            process.send(FromHandler::Failed { call });
            process.send(FromHandler::Credit { call, bytes: 5 });
            process.send(FromHandler::CallCancel { call, part: 1 });
            process.send(FromHandler::CallBody { call, part: 1, data: Bytes::new(), last: true });
            process.send(FromHandler::CallCredit { call, part: 1, bytes: 1 });
        }
        process.send(FromHandler::Call { call: 9, part: 4, request: call_to(0) });
        match process.receive().await {
            ToHandler::Result { call: 9, part: 4, outcome } => {
                assert!(matches!(*outcome, glorieta_carrier::Outcome::Failed(_)), "{outcome:?}");
            }
            other => panic!("{other:?}"),
        }
        let asking = house.ask(&app);
        let (call, _) = process.begun().await;
        process.answer(call, full("x"));
        response(asking).await;
        assert_eq!(broken(&house), []);
    });
}

#[test]
fn random_messages_harm_nobody_but_their_link() {
    for seed in 0..300u64 {
        on_worker(async {
            let mut random = fastrand::Rng::with_seed(seed);
            let (house, app) = (House::new(), handler(|app| app.queue_timeout = Duration::from_millis(10)));
            let process = house.process("one");
            let asking = house.ask_with(&app, Body::Full(Bytes::from(vec![1; 100_000])), soon(30));
            let (call, _) = process.begun().await;
            for _ in 0..20 {
                let mut message = match random.u8(..4) {
                    0 => streamed(call).encode(),
                    1 => piece(call, random.usize(..2000), random.bool()).encode(),
                    2 => FromHandler::Credit { call, bytes: random.u32(..) }.encode(),
                    _ => FromHandler::Call { call, part: random.u32(..3), request: call_to(random.u32(..2)) }.encode(),
                };
                for _ in 0..random.u8(..3) {
                    let place = random.usize(..message.len());
                    message[place] = random.u8(..);
                }
                process.send_bytes(message);
            }
            settle().await;
            if let Ok(Answered::Response(mut response, _)) = asking.await.unwrap() {
                let _ = read(&mut response.body).await;
            }
            let next = house.process("one");
            house.has_ended(&process);
            let asking = house.ask(&app);
            let (call, _) = next.begun().await;
            next.answer(call, full("x"));
            response(asking).await;
        });
    }
}
