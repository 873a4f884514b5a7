//! Connections that are to end, because the listener goes or the process does.

use super::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

#[test]
fn the_request_under_way_is_answered_and_is_the_last() {
    on_worker(async {
        let (go, told) = tokio::sync::oneshot::channel::<()>();
        let waiting = handler(|exchange| async move {
            told.await.unwrap();
            drop(exchange);
            full(200, "last")
        });
        let mut served = serve([ok("first"), waiting]).await;
        served.send(GET).await;
        assert!(!served.answer().await.0.contains("Connection"));
        served.send(GET).await;
        let rests = served.rests.clone();
        until(|| rests.get() == (2, 2)).await;
        served.closing.set(true);
        served.alarm.ring();
        go.send(()).unwrap();
        let (head, text) = served.answer().await;
        assert!(head.contains("Connection: close\r\n"), "{head}");
        assert_eq!(text, "last");
        assert_eq!(read_all(&mut served.client).await, "");
        served.ended().await;
    });
}

#[test]
fn an_idle_connection_ends_when_the_alarm_rings() {
    on_worker(async {
        for before in [0, 1] {
            let mut served = serve([ok("1")]).await;
            for _ in 0..before {
                assert_eq!(served.ask(GET).await, "1");
            }
            let rests = served.rests.clone();
            until(|| rests.get().0 == before + 1).await;
            // Not closing: the alarm only makes it look.
            served.alarm.ring();
            tokio::time::sleep(Duration::from_millis(30)).await;
            assert!(!served.task.is_finished());
            let began = Moment::now();
            served.closing.set(true);
            served.alarm.ring();
            assert_eq!(read_all(&mut served.client).await, "");
            assert!(Moment::now().since(began) >= LAST_REQUEST);
            served.ended().await;
        }
    });
}

#[test]
fn a_request_that_was_on_its_way_is_still_answered() {
    on_worker(async {
        let mut served = serve([ok("just in time")]).await;
        let rests = served.rests.clone();
        until(|| rests.get().0 == 1).await;
        served.closing.set(true);
        served.alarm.ring();
        tokio::task::yield_now().await;
        served.send(GET).await;
        let (head, text) = served.answer().await;
        assert!(head.contains("Connection: close\r\n"), "{head}");
        assert_eq!(text, "just in time");
        assert_eq!(read_all(&mut served.client).await, "");
    });
}

#[test]
fn a_connection_that_is_closing_from_the_start_ends_by_itself() {
    on_worker(async {
        let mut served = serve([]).await;
        served.closing.set(true);
        assert_eq!(read_all(&mut served.client).await, "");
        served.ended().await;
    });
}
