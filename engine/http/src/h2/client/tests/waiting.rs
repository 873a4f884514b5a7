//! What is waited for, and for how long.

use super::*;
use crate::outgoing::Request;

async fn silent() -> Rc<Client> {
    connected(async |(asked, respond): Asked| {
        std::future::pending::<()>().await;
        drop((asked, respond));
    })
    .await
}

#[test]
fn each_step_has_its_time() {
    on_worker(async {
        let client = silent().await;
        let soon = Duration::from_millis(30);
        let (get, put) = (head("GET"), head("PUT"));
        let large = || Script::body(None, [Step::Data(Bytes::from(vec![0; 1 << 20])), Step::Never]);
        let waiting = || Script::body(None, [Step::Never]);
        for (request, body, kind) in [
            (Request { first_byte: soon, ..request(&get) }, Body::Empty, Kind::FirstByteTimeout),
            // The endpoint gives no window back.
            (Request { idle: soon, ..request(&put) }, large(), Kind::IdleTimeout),
            (Request { deadline: Some(Moment::now().plus(soon)), ..request(&put) }, waiting(), Kind::Deadline),
            (Request { deadline: Some(Moment::now().plus(soon)), ..request(&get) }, Body::Empty, Kind::Deadline),
        ] {
            let error = client.take().send(&request, &mut Upload::new(body)).await.err().unwrap();
            assert_eq!(error.kind, kind);
        }
        assert!(client.is_open() && client.idle_since().is_some());
    });
}

#[test]
fn a_pause_within_a_body_has_its_time_too() {
    on_worker(async {
        let client = connected(async |(_, mut respond): Asked| {
            let mut stream = respond.send_response(answer(200), false).unwrap();
            stream.send_data(Bytes::from_static(b"begun"), false).unwrap();
            std::future::pending::<()>().await;
        })
        .await;
        let (slot, get) = (client.take(), head("GET"));
        let arrived = slot.send(&request(&get), &mut Upload::new(Body::Empty)).await.unwrap();
        let (_, mut body) = arrived.into_body(slot, Duration::from_millis(30), None);
        assert_eq!(collect(&mut body).await.unwrap_err().kind, Kind::IdleTimeout);
        assert!(client.is_open());
    });
}

#[test]
fn interim_answers_are_passed_on_and_100_lets_the_body_go() {
    on_worker(async {
        let (client, driver, mut endpoint) = by_hand().await;
        spawn_local(driver);
        let answering = spawn_local(async move {
            next_frame(&mut endpoint, 1).await;
            // Literal fields `:status: 103` and `:status: 100`: the name is the eighth of the static table.
            endpoint.write_all(&frame(1, 4, 1, b"\x08\x03103")).await.unwrap();
            endpoint.write_all(&frame(1, 4, 1, b"\x08\x03100")).await.unwrap();
            let (_, body) = next_frame(&mut endpoint, 0).await;
            endpoint.write_all(&frame(1, 5, 1, &[0x88])).await.unwrap();
            (body, endpoint)
        });
        let (mut head, heard) = (head("PUT"), Heard::default());
        head.fields.add_named(b"Expect", b"100-continue");
        let request = Request { wire: Some(&heard), ..request(&head) };
        let body = Body::Full(Bytes::from_static(b"body"));
        let arrived = client.take().send(&request, &mut Upload::new(body)).await.unwrap();
        assert_eq!((arrived.head.status, &*heard.0.borrow()), (200, &vec![103]));
        assert_eq!(answering.await.unwrap().0, b"body");
    });
}

#[test]
fn an_endpoint_that_says_nothing_is_asked_whether_it_is_there() {
    on_worker(async {
        let (client, mut driver, mut endpoint) = by_hand().await;
        let short = Duration::from_millis(40);
        driver.pace.quiet = short;
        driver.pace.pong = short;
        driver.pace.pause = short;
        let driving = spawn_local(driver);
        let asking = {
            let client = client.clone();
            spawn_local(async move { fails(&client).await })
        };
        // The first is answered, and the next comes after a pause; nobody answers it.
        let (_, ping) = next_frame(&mut endpoint, 6).await;
        endpoint.write_all(&frame(6, 1, 0, &ping)).await.unwrap();
        next_frame(&mut endpoint, 6).await;
        let error = asking.await.unwrap();
        assert_eq!((error.kind, error.retry), (Kind::UpstreamReset, Retry::IfIdempotent));
        assert_eq!(error.detail(), "has not answered a PING");
        driving.await.unwrap();
    });
}

#[test]
fn a_connection_that_nobody_wants_is_closed_though_its_endpoint_hangs() {
    on_worker(async {
        let (client, mut driver, _endpoint) = by_hand().await;
        driver.pace.closing = Duration::from_millis(30);
        let driving = spawn_local(driver);
        drop(client);
        driving.await.unwrap();
    });
}
