//! A client that goes cancels what is done for it; one that only has no more to say does not.

use super::*;

/// Says when it is dropped.
struct Guard(Rc<Cell<bool>>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

/// A handler that never ends by itself; whether it has begun, and whether it was dropped.
fn endless() -> (Handler, Rc<Cell<bool>>, Rc<Cell<bool>>) {
    let (begun, dropped) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
    let (begins, guard) = (begun.clone(), Guard(dropped.clone()));
    let handler = handler(move |exchange| async move {
        begins.set(true);
        std::future::pending::<()>().await;
        drop((exchange, guard));
        Response::new(200)
    });
    (handler, begun, dropped)
}

/// A handler that answers once it is told to.
fn when_told(text: &'static str) -> (tokio::sync::oneshot::Sender<()>, Handler) {
    let (go, told) = tokio::sync::oneshot::channel();
    let handler = handler(move |exchange| async move {
        told.await.unwrap();
        drop(exchange);
        full(200, text)
    });
    (go, handler)
}

#[test]
fn a_reset_cancels_the_request() {
    on_worker(async {
        for request in
            ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"]
        {
            let (handler, begun, dropped) = endless();
            let mut served = serve([handler]).await;
            served.send(request).await;
            until(|| begun.get()).await;
            assert!(!dropped.get());
            let Served { client, story, task, .. } = served;
            reset(client);
            until(|| dropped.get()).await;
            task.await.unwrap();
            assert_eq!(story.take(), [Told::Over]);
        }
    });
}

#[test]
fn the_end_of_the_clients_direction_does_not() {
    on_worker(async {
        let (go, waiting) = when_told("still here");
        let mut served = serve([waiting]).await;
        served.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        served.client.shutdown().await.unwrap();
        // Time enough for it to be noticed.
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!served.task.is_finished());
        go.send(()).unwrap();
        assert!(read_all(&mut served.client).await.ends_with("\r\n\r\nstill here"));
        assert_eq!(served.ended().await, [Told::Out(10), Told::Over]);
    });
}

#[test]
fn who_closes_after_a_request_is_asked_and_is_gone() {
    on_worker(async {
        for request in
            ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"]
        {
            let (handler, begun, dropped) = endless();
            let mut served = serve([handler]).await;
            served.send(request).await;
            until(|| begun.get()).await;
            let Served { client, story, task, .. } = served;
            drop(client);
            until(|| dropped.get()).await;
            task.await.unwrap();
            assert_eq!(story.take(), [Told::Over]);
        }
    });
}

#[test]
fn who_closes_before_it_was_looked_is_gone_as_well() {
    on_worker(async {
        let (handler, _, dropped) = endless();
        let mut served = serve([handler]).await;
        served.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let Served { client, task, .. } = served;
        drop(client);
        until(|| dropped.get()).await;
        task.await.unwrap();
    });
}

#[test]
fn who_only_ends_its_direction_is_asked_once_and_gets_its_answer() {
    on_worker(async {
        let (go, waiting) = when_told("still here");
        let mut served = serve([waiting]).await;
        served.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        served.client.shutdown().await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!served.task.is_finished());
        go.send(()).unwrap();
        let answer = read_all(&mut served.client).await;
        assert!(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 "), "{answer}");
        assert!(answer.ends_with("\r\n\r\nstill here"), "{answer}");
    });
}

#[test]
fn a_client_of_the_older_version_is_not_asked() {
    on_worker(async {
        let (go, waiting) = when_told("still here");
        let mut served = serve([waiting]).await;
        served.send("GET / HTTP/1.0\r\nHost: x\r\n\r\n").await;
        served.client.shutdown().await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        go.send(()).unwrap();
        assert!(read_all(&mut served.client).await.starts_with("HTTP/1.1 200 "));
    });
}

#[test]
fn a_next_request_does_not_either() {
    on_worker(async {
        let (go, waiting) = when_told("first");
        let mut served = serve([waiting, ok("second")]).await;
        served.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let rests = served.rests.clone();
        until(|| rests.get() == (1, 1)).await;
        served.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        go.send(()).unwrap();
        assert_eq!(served.answer().await.1, "first");
        assert_eq!(served.answer().await.1, "second");
    });
}

/// A body of one piece, and then nothing; or of more once they are sent.
struct Pausing(Guard, tokio::sync::mpsc::UnboundedReceiver<&'static str>);

impl glorieta_core::BodySource for Pausing {
    fn poll_frame(&mut self, cx: &mut std::task::Context<'_>) -> Poll<Option<Result<glorieta_core::Frame, Error>>> {
        assert!(!self.0.0.get());
        self.1.poll_recv(cx).map(|piece| piece.map(|piece| Ok(glorieta_core::Frame::Data(piece.into()))))
    }
}

/// A client that has read the first piece of an answer which then pauses; the sender of its further pieces, and whether
/// its source was dropped.
async fn paused() -> (Served, tokio::sync::mpsc::UnboundedSender<&'static str>, Rc<Cell<bool>>) {
    let dropped = Rc::new(Cell::new(false));
    let (pieces, coming) = tokio::sync::mpsc::unbounded_channel();
    pieces.send("event").unwrap();
    let body = Body::Stream(Box::new(Pausing(Guard(dropped.clone()), coming)));
    let mut served = serve([answer(Response { body, ..Response::new(200) })]).await;
    served.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    read_head(&mut served.client).await;
    assert_eq!(read_bytes(&mut served.client, 10).await, b"5\r\nevent\r\n");
    (served, pieces, dropped)
}

#[test]
fn a_reset_between_two_pieces_of_an_answer_drops_its_source() {
    on_worker(async {
        let (Served { client, story, task, .. }, _pieces, dropped) = paused().await;
        reset(client);
        until(|| dropped.get()).await;
        task.await.unwrap();
        assert_eq!(story.take(), [Told::Out(5), Told::Failed(Kind::ClientGone), Told::Over]);
    });
}

#[test]
fn who_closes_between_two_pieces_of_an_answer_is_asked_and_is_gone() {
    on_worker(async {
        let (Served { client, story, task, .. }, _pieces, dropped) = paused().await;
        drop(client);
        until(|| dropped.get()).await;
        task.await.unwrap();
        assert_eq!(story.take(), [Told::Out(5), Told::Failed(Kind::ClientGone), Told::Over]);
    });
}

#[test]
fn who_only_ends_its_direction_between_two_pieces_gets_the_others() {
    on_worker(async {
        let (mut served, pieces, dropped) = paused().await;
        served.client.shutdown().await.unwrap();
        // The question is a zero before the size of the next chunk.
        assert_eq!(read_bytes(&mut served.client, 1).await, b"0");
        tokio::time::sleep(Duration::from_millis(100)).await;
        pieces.send("another").unwrap();
        assert_eq!(read_bytes(&mut served.client, 12).await, b"7\r\nanother\r\n");
        assert!(!dropped.get());
        drop(pieces);
        assert_eq!(read_all(&mut served.client).await, "0\r\n\r\n");
        assert_eq!(served.ended().await, [Told::Out(12), Told::Over]);
    });
}

#[test]
fn who_has_ended_its_direction_before_the_answer_is_asked_within_it_again() {
    on_worker(async {
        let (go, told) = tokio::sync::oneshot::channel::<()>();
        let (pieces, coming) = tokio::sync::mpsc::unbounded_channel();
        let dropped = Rc::new(Cell::new(false));
        let guard = Guard(dropped.clone());
        let handler = handler(move |exchange| async move {
            told.await.unwrap();
            drop(exchange);
            Response { body: Body::Stream(Box::new(Pausing(guard, coming))), ..Response::new(200) }
        });
        let mut served = serve([handler]).await;
        served.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        served.client.shutdown().await.unwrap();
        assert_eq!(read_head(&mut served.client).await, "HTTP/1.1 100 Continue\r\n\r\n");
        go.send(()).unwrap();
        read_head(&mut served.client).await;
        assert_eq!(read_bytes(&mut served.client, 1).await, b"0");
        pieces.send("event").unwrap();
        drop(pieces);
        assert_eq!(read_all(&mut served.client).await, "5\r\nevent\r\n0\r\n\r\n");
        served.ended().await;
    });
}

#[test]
fn a_reset_within_a_body_fails_what_reads_it() {
    on_worker(async {
        let seen = Rc::new(Cell::new(None));
        let says = seen.clone();
        let reading = handler(move |mut exchange| async move {
            says.set(collect(&mut exchange.body).await.err().map(|error| error.kind));
            Response::new(400)
        });
        let mut served = serve([reading]).await;
        served.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\npart").await;
        let rests = served.rests.clone();
        until(|| rests.get() == (1, 1)).await;
        let Served { client, task, .. } = served;
        reset(client);
        task.await.unwrap();
        assert_eq!(seen.get(), Some(Kind::ClientGone));
    });
}
