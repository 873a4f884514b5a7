//! How connections end: without losing a request where that can be helped.

use super::*;

#[test]
fn a_closing_connection_finishes_what_is_under_way() {
    on_worker(async {
        let (go, told) = tokio::sync::oneshot::channel::<()>();
        let slow = handler(|_| async move {
            told.await.unwrap();
            full(200, "whole")
        });
        let (served, mut client) = serve([ok("first"), slow]).await;
        assert_eq!(text(client.get("/").await.unwrap()).await, "first");
        client.ready().await;
        let request = Request::get("http://a.example/").body(()).unwrap();
        let (response, _) = client.send.send_request(request, true).unwrap();
        let rests = served.rests.clone();
        until(|| rests.get().0 == rests.get().1).await;
        served.close();
        go.send(()).unwrap();
        assert_eq!(text(response.await.unwrap()).await, "whole");
        // It ends by itself: the client holds on to it.
        assert_eq!(served.ended().await.len(), 4);
        client.leave().await.unwrap();
    });
}

#[test]
fn an_idle_connection_ends_when_it_is_asked_to() {
    on_worker(async {
        let (served, mut client) = serve([ok("only")]).await;
        assert_eq!(text(client.get("/").await.unwrap()).await, "only");
        served.close();
        served.ended().await;
        assert!(client.leave().await.is_ok());
    });
}

#[test]
fn the_wait_for_another_request_ends() {
    on_worker(async {
        let short = Settings { keep_alive: Duration::from_millis(60), ..settings() };
        let (served, mut client) = serve_with(short, h2::client::Builder::new(), [ok("only")]).await;
        assert_eq!(text(client.get("/").await.unwrap()).await, "only");
        served.ended().await;
        assert!(client.leave().await.is_ok());
    });
}

#[test]
fn a_bounded_number_of_requests_is_answered_on_one_connection() {
    on_worker(async {
        let bounded = Settings { requests_per_connection: 2, ..settings() };
        let (served, mut client) = serve_with(bounded, h2::client::Builder::new(), [ok("1"), ok("2")]).await;
        assert_eq!(text(client.get("/").await.unwrap()).await, "1");
        assert_eq!(text(client.get("/").await.unwrap()).await, "2");
        assert_eq!(served.ended().await.len(), 4);
        assert!(client.send.clone().ready().await.is_err());
    });
}

#[test]
fn more_requests_at_once_than_are_allowed_are_refused_unprocessed() {
    on_worker(async {
        let few = Settings { streams: 2, ..settings() };
        let waiting = || handler(|_| std::future::pending());
        let mut builder = h2::client::Builder::new();
        // Before it has read what is allowed.
        builder.initial_max_send_streams(10);
        let (inside, outside) = tcp_pair().await;
        let service = Scripted::new(few, [waiting(), waiting()]);
        let peer = Peer { address: None, client: None, scheme: Scheme::Http, trusted: false };
        let (mut send, connection) = builder.handshake::<_, Bytes>(outside).await.unwrap();
        let mut answers = Vec::new();
        for _ in 0..3 {
            let request = Request::get("http://a.example/").body(()).unwrap();
            answers.push(send.send_request(request, true).unwrap().0);
        }
        let _driving = spawn_local(connection);
        let _serving = spawn_local(serve_connection(inside, Timer::new(), peer, service, None));
        let error = answers.remove(2).await.unwrap_err();
        assert_eq!(error.reason(), Some(Reason::REFUSED_STREAM));
    });
}
