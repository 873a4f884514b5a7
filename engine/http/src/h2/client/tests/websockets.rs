//! WebSockets on streams of an endpoint's connection.

use ::h2::Reason;
use ::h2::ext::Protocol;
use glorieta_core::Name;

use super::*;

/// A connection whose endpoint opens WebSockets.
async fn offering<F: Future<Output = ()> + 'static>(serve: impl Fn(Asked) -> F + 'static) -> Rc<Client> {
    let (inside, outside) = tcp_pair().await;
    spawn_local(async move {
        let mut connection = server::Builder::new().enable_connect_protocol().handshake(outside).await.unwrap();
        while let Some(Ok(asked)) = connection.accept().await {
            spawn_local(serve(asked));
        }
    });
    let (client, driver) = Client::open(inside, &SETTINGS).await.unwrap();
    spawn_local(driver);
    client
}

fn upgrade() -> RequestHead {
    let mut head = RequestHead::build("GET", "a.example", "/chat", Some("q=1"));
    head.fields.add(Name::SecWebSocketKey, b"dGhlIHNhbXBsZSBub25jZQ==");
    head.fields.add_named(b"Sec-WebSocket-Version", b"13");
    head
}

async fn opened(slot: &Slot) -> (ResponseHead, Stream) {
    match slot.connect(&request(&upgrade())).await.unwrap() {
        Connected::Open(head, stream) => (head, stream),
        Connected::Refused(arrived) => panic!("refused: {}", arrived.head.status),
    }
}

#[test]
fn a_web_socket_opens_and_each_side_ends_by_itself() {
    on_worker(async {
        let client = offering(async |(asked, mut respond): Asked| {
            assert_eq!(
                (asked.method().as_str(), asked.uri().to_string().as_str()),
                ("CONNECT", "http://a.example/chat?q=1")
            );
            assert_eq!(asked.extensions().get::<Protocol>().unwrap().as_str(), "websocket");
            let names: Vec<_> = asked.headers().keys().map(|name| name.as_str()).collect();
            assert_eq!(names, ["sec-websocket-version"]);
            let mut stream = respond.send_response(answer(200), false).unwrap();
            let data = read(&mut asked.into_body()).await;
            write(&mut stream, Bytes::from(data), true).await;
        })
        .await;
        assert!(client.offers_websockets());
        let slot = client.take();
        let (head, mut stream) = opened(&slot).await;
        assert_eq!(head.status, 101);
        assert_eq!(head.fields.get_named(b"Sec-WebSocket-Accept"), Some(&b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="[..]));
        let sent = pattern(300_000);
        stream.write_all(&sent).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        assert!(heard == sent);
        drop((stream, slot));
        assert!(client.idle_since().is_some() && client.is_open());
    });
}

#[test]
fn one_that_is_dropped_early_is_reset_and_one_that_is_reset_fails() {
    on_worker(async {
        let heard = Rc::new(RefCell::new(None));
        let hearing = heard.clone();
        let client = offering(move |(asked, mut respond): Asked| {
            let hearing = hearing.clone();
            async move {
                let mut stream = respond.send_response(answer(200), false).unwrap();
                let reset = poll_fn(|cx| stream.poll_reset(cx)).await.unwrap();
                *hearing.borrow_mut() = Some(reset);
                drop(asked);
            }
        })
        .await;
        let slot = client.take();
        drop(opened(&slot).await);
        while heard.borrow().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(*heard.borrow(), Some(Reason::CANCEL));

        let client = offering(async |(asked, mut respond): Asked| {
            let mut stream = respond.send_response(answer(200), false).unwrap();
            asked.into_body().data().await.unwrap().unwrap();
            stream.send_reset(Reason::INTERNAL_ERROR);
        })
        .await;
        let slot = client.take();
        let (_, mut stream) = opened(&slot).await;
        stream.write_all(b"x").await.unwrap();
        assert!(stream.read(&mut [0; 8]).await.is_err());
        assert!(stream.flush().await.is_err());
    });
}

#[test]
fn who_refuses_answers_as_to_any_request() {
    on_worker(async {
        let client = offering(async |(asked, mut respond): Asked| {
            let mut stream = respond.send_response(answer(403), false).unwrap();
            write(&mut stream, Bytes::from_static(b"not you"), true).await;
            // Whoever is refused ends its side, too, and resets nothing.
            assert_eq!(read(&mut asked.into_body()).await, b"");
        })
        .await;
        let slot = client.take();
        let Connected::Refused(arrived) = slot.connect(&request(&upgrade())).await.unwrap() else { panic!("open") };
        let (head, mut body) = arrived.into_body(slot, PATIENCE, None);
        assert_eq!((head.status, &collect(&mut body).await.unwrap().0[..]), (403, &b"not you"[..]));
    });
}

#[test]
fn whether_they_are_offered_stands_in_the_settings() {
    on_worker(async {
        let (client, ..) = by_hand().await;
        assert!(!client.offers_websockets());
    });
}

#[test]
fn what_is_no_request_for_a_web_socket_is_not_sent() {
    on_worker(async {
        let client = offering(async |_: Asked| panic!("it was sent")).await;
        let mut head = upgrade();
        head.fields.remove(Name::SecWebSocketKey);
        let slot = client.take();
        let error = slot.connect(&request(&head)).await.err().unwrap();
        assert_eq!(error.kind, Kind::HeadMalformed);
    });
}
