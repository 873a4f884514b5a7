//! WebSockets within streams.

use h2::ext::Protocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

fn connect(protocol: &'static str) -> Request<()> {
    let connect = Request::builder().method("CONNECT").uri("http://a.example/chat");
    connect.extension(Protocol::from_static(protocol)).body(()).unwrap()
}

/// Switches to the other end of the stream that is returned.
async fn switching(idle: Duration) -> (Handler, TcpStream) {
    let (upstream, endpoint) = tcp_pair().await;
    let handler: Handler = Box::new(move |exchange, record| {
        Box::pin(async move {
            assert!(exchange.upgrade);
            assert_eq!((exchange.head.method_text(), exchange.head.path()), (&b"GET"[..], &b"/chat"[..]));
            let mut head = ResponseHead::new(101);
            for (name, value) in
                [("Upgrade", "websocket"), ("Sec-WebSocket-Accept", "x"), ("Sec-WebSocket-Protocol", "y")]
            {
                head.fields.add_named(name.as_bytes(), value.as_bytes());
            }
            let leftover = Bytes::from_static(b"welcome");
            Reply::Switch { head, upstream: Box::new(upstream), leftover, idle, record }
        })
    });
    (handler, endpoint)
}

/// Opens a WebSocket: what is received, and what is sent.
async fn open(client: &mut Client) -> (RecvStream, SendStream<Bytes>) {
    // Whether streams carry protocols is known once the settings have come.
    while !client.send.is_extended_connect_protocol_enabled() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (response, send) = client.send.send_request(connect("websocket"), false).unwrap();
    let response = response.await.unwrap();
    assert_eq!(response.status(), 200);
    let names: Vec<_> = response.headers().keys().map(|name| name.as_str().to_owned()).collect();
    assert_eq!(names, ["sec-websocket-protocol", "date"]);
    (response.into_body(), send)
}

#[test]
fn a_tunnel_passes_both_ways_and_each_end_by_itself() {
    on_worker(async {
        let (handler, mut endpoint) = switching(PATIENCE).await;
        let (served, mut client) = serve([handler]).await;
        let (mut receive, mut send) = open(&mut client).await;
        assert_eq!(receive.data().await.unwrap().unwrap(), "welcome");
        send.send_data(Bytes::from_static(b"hello"), true).unwrap();
        let mut heard = Vec::new();
        endpoint.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"hello");
        let sent = pattern(300_000);
        let sending = sent.clone();
        spawn_local(async move { endpoint.write_all(&sending).await });
        let (data, _) = read(&mut receive).await.unwrap();
        assert!(data == sent);
        drop((receive, send));
        client.leave().await.unwrap();
        assert_eq!(served.ended().await, [Told::Tunnelled(5, 300_007), Told::Over]);
    });
}

#[test]
fn resets_are_passed_on_as_resets() {
    on_worker(async {
        let (handler, mut endpoint) = switching(PATIENCE).await;
        let (_served, mut client) = serve([handler]).await;
        let (receive, mut send) = open(&mut client).await;
        send.send_reset(Reason::CANCEL);
        drop(receive);
        let mut heard = Vec::new();
        let error = endpoint.read_to_end(&mut heard).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);

        let (handler, endpoint) = switching(PATIENCE).await;
        let (_served, mut client) = serve([handler]).await;
        let (mut receive, _send) = open(&mut client).await;
        crate::testing::reset(endpoint);
        assert_eq!(read(&mut receive).await.unwrap_err().reason(), Some(Reason::CANCEL));
    });
}

#[test]
fn a_tunnel_in_which_nothing_moves_ends() {
    on_worker(async {
        let (handler, _endpoint) = switching(Duration::from_millis(50)).await;
        let (served, mut client) = serve([handler]).await;
        let (mut receive, send) = open(&mut client).await;
        assert_eq!(read(&mut receive).await.unwrap_err().reason(), Some(Reason::CANCEL));
        drop((receive, send));
        client.leave().await.unwrap();
        assert_eq!(served.ended().await, [Told::Tunnelled(0, 7), Told::Over]);
    });
}

#[test]
fn success_without_a_web_socket_is_none_and_other_protocols_are_refused() {
    on_worker(async {
        let (_served, mut client) = serve([ok("a page"), answer(full(403, "no"))]).await;
        while !client.send.is_extended_connect_protocol_enabled() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        for (protocol, status) in [("websocket", 502), ("websocket", 403), ("connect-udp", 501)] {
            let (response, _send) = client.send.send_request(connect(protocol), false).unwrap();
            assert_eq!(response.await.unwrap().status(), status, "{protocol}");
        }
    });
}
