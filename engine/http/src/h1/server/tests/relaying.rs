//! Large bodies from an endpoint, which pass from socket to socket: they arrive as if they had been copied.

use super::*;
use crate::h1::client::{Client, Home};
use crate::outgoing::{Request, Upload};

/// Counts the connections that come home, and keeps the last.
#[derive(Clone, Default)]
struct Place(Rc<RefCell<Option<Box<Client>>>>);

impl Home for Place {
    fn welcome(self, client: Box<Client>) {
        self.0.replace(Some(client));
    }
}

/// A handler that asks an endpoint and passes its answer on.
fn passing(client: Box<Client>, place: &Place, idle: Duration) -> Handler {
    let place = place.clone();
    handler(move |_| async move {
        let head = RequestHead::build("GET", "a.example", "/", None);
        let request = Request {
            head: &head,
            upgrade: None,
            limits: Limits::default(),
            first_byte: PATIENCE,
            idle: PATIENCE,
            deadline: None,
            wire: None,
        };
        let arrived = client.send(&request, &mut Upload::new(Body::Empty)).await.unwrap();
        let (head, body) = arrived.into_body(place, idle, None);
        Response { head, body, announced: None }
    })
}

/// A served connection whose request is passed on to the endpoint.
async fn passed(settings: Settings, idle: Duration) -> (Served, TcpStream, Place) {
    let (inside, mut endpoint) = tcp_pair().await;
    let place = Place::default();
    let client = Client::new(inside, Moment::now());
    let mut served = serve_with(settings, [passing(client, &place, idle), ok("next")]).await;
    served.send(GET).await;
    read_head(&mut endpoint).await;
    (served, endpoint, place)
}

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

fn head(length: usize) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes()
}

#[test]
fn bodies_of_every_size_arrive_whole_and_both_connections_live_on() {
    on_worker(async {
        // Around what is read with the head, what is worth a pipe, and what a pipe holds.
        for length in [16_000, 16 << 10, 49_000, (48 << 10) + 100, 65_536, 256 << 10, 300_000, 5 << 20] {
            let (mut served, mut endpoint, place) = passed(settings(), PATIENCE).await;
            let body = pattern(length);
            let answering = async {
                endpoint.write_all(&[head(length), body.clone()].concat()).await.unwrap();
            };
            let reading = async {
                read_head(&mut served.client).await;
                assert!(read_bytes(&mut served.client, length).await == body, "{length}");
            };
            tokio::join!(answering, reading);
            assert_eq!(served.ask(GET).await, "next");
            assert!(place.0.take().is_some_and(|mut client| client.is_alive()), "{length}");
            let story = served.ended().await;
            assert_eq!(story, [Told::Out(length as u64), Told::Over, Told::Out(4), Told::Over]);
        }
    });
}

#[test]
fn what_lies_behind_a_body_is_not_passed_on() {
    on_worker(async {
        let (mut served, mut endpoint, place) = passed(settings(), PATIENCE).await;
        let length = 200_000;
        let more = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
        endpoint.write_all(&[head(length), pattern(length), more.to_vec()].concat()).await.unwrap();
        read_head(&mut served.client).await;
        assert!(read_bytes(&mut served.client, length).await == pattern(length));
        assert_eq!(served.ask(GET).await, "next");
        // Whoever takes the connection for another request sees that it does not rest.
        let came_home = place.0.take();
        assert!(came_home.is_none_or(|mut client| !client.is_alive()));
    });
}

#[test]
fn a_slow_body_to_a_slow_client_arrives_whole() {
    on_worker(async {
        let (mut served, mut endpoint, place) = passed(settings(), PATIENCE).await;
        let body = pattern(2 << 20);
        let answering = async {
            endpoint.write_all(&head(body.len())).await.unwrap();
            for piece in body.chunks(150_000) {
                tokio::time::sleep(Duration::from_millis(2)).await;
                endpoint.write_all(piece).await.unwrap();
            }
        };
        let reading = async {
            read_head(&mut served.client).await;
            let mut seen = Vec::new();
            while seen.len() < body.len() {
                tokio::time::sleep(Duration::from_millis(1)).await;
                let most = (body.len() - seen.len()).min(70_000);
                seen.extend(read_bytes(&mut served.client, most).await);
            }
            assert!(seen == body);
        };
        tokio::join!(answering, reading);
        let home = place.clone();
        until(|| home.0.borrow().is_some()).await;
    });
}

#[test]
fn a_body_that_breaks_off_is_not_ended() {
    on_worker(async {
        for with_reset in [false, true] {
            let (mut served, mut endpoint, place) = passed(settings(), PATIENCE).await;
            endpoint.write_all(&[head(1 << 20), pattern(100_000)].concat()).await.unwrap();
            read_head(&mut served.client).await;
            read_bytes(&mut served.client, 100_000).await;
            if with_reset {
                reset(endpoint);
            } else {
                drop(endpoint);
            }
            assert_eq!(read_all(&mut served.client).await, "");
            assert!(place.0.take().is_none());
            let story = served.ended().await;
            assert_eq!(story, [Told::Out(100_000), Told::Failed(Kind::ResponseCutOff), Told::Over]);
        }
    });
}

#[test]
fn a_body_that_pauses_too_long_is_given_up() {
    on_worker(async {
        let (mut served, mut endpoint, place) = passed(settings(), Duration::from_millis(80)).await;
        endpoint.write_all(&[head(1 << 20), pattern(100_000)].concat()).await.unwrap();
        read_head(&mut served.client).await;
        read_bytes(&mut served.client, 100_000).await;
        assert_eq!(read_all(&mut served.client).await, "");
        assert_eq!(endpoint.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(place.0.take().is_none());
        assert_eq!(served.ended().await, [Told::Out(100_000), Told::Failed(Kind::IdleTimeout), Told::Over]);
    });
}

#[test]
fn a_client_that_goes_or_does_not_read_ends_it() {
    on_worker(async {
        for goes in [true, false] {
            let short = Settings { write_timeout: Duration::from_millis(80), ..settings() };
            let (mut served, mut endpoint, place) = passed(if goes { settings() } else { short }, PATIENCE).await;
            let sending = spawn_local(async move {
                let all = [head(64 << 20), pattern(64 << 20)].concat();
                assert!(endpoint.write_all(&all).await.is_err());
            });
            read_head(&mut served.client).await;
            read_bytes(&mut served.client, 100_000).await;
            let Served { client, story, task, .. } = served;
            let kept = if goes {
                reset(client);
                None
            } else {
                Some(client)
            };
            task.await.unwrap();
            sending.await.unwrap();
            drop(kept);
            assert!(place.0.take().is_none());
            let story = story.take();
            assert!(
                matches!(story[..], [Told::Out(100_000..), Told::Failed(Kind::ClientGone), Told::Over]),
                "{story:?}"
            );
        }
    });
}
