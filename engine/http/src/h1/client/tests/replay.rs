//! What has been sent once and is sent again on another connection.

use super::*;

/// Sends to an endpoint that reads the head and `taken` bytes, and then breaks off; the request's upload after it.
async fn broken_off(head: &RequestHead, upload: &mut Upload, taken: usize) -> Error {
    let (client, mut endpoint) = connected().await;
    let request = request(head);
    let breaking = async {
        read_head(&mut endpoint).await;
        read_bytes(&mut endpoint, taken).await;
        reset(endpoint);
    };
    tokio::join!(client.send(&request, upload), breaking).0.err().expect("no answer")
}

#[test]
fn a_kept_body_is_sent_again_byte_for_byte() {
    on_worker(async {
        let sent = pattern(60_000);
        let cut = [0, 10, 11, 5_000, 5_000, 30_000, 60_000];
        let pieces = cut.windows(2).map(|ends| Step::data(&sent[ends[0]..ends[1]]));
        let head = put();
        let mut upload = Upload::new(Script::body(Some(60_000), pieces));
        for taken in [0, 7, 60_000] {
            let error = broken_off(&head, &mut upload, taken).await;
            assert_eq!(error.kind, Kind::UpstreamReset);
            assert!(upload.is_replayable());
        }
        let (client, mut endpoint) = connected().await;
        let request = request(&head);
        let answering = async {
            assert!(read_head(&mut endpoint).await.contains("Content-Length: 60000\r\n"));
            assert!(read_bytes(&mut endpoint, 60_000).await == sent);
            endpoint.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        };
        let (arrived, ()) = tokio::join!(client.send(&request, &mut upload), answering);
        assert_eq!(arrived.unwrap().head.status, 204);
    });
}

#[test]
fn what_had_not_been_read_yet_follows_what_is_sent_again() {
    on_worker(async {
        let (head, go) = (put(), Duration::from_millis(100));
        let steps = [Step::data("sent before, "), Step::Sleep(go), Step::data("read after")];
        let mut upload = Upload::new(Script::body(None, steps));
        broken_off(&head, &mut upload, 4).await;
        assert!(upload.is_replayable() && upload.is_begun());
        let (client, mut endpoint) = connected().await;
        let request = request(&head);
        let answering = async {
            assert!(read_head(&mut endpoint).await.contains("Transfer-Encoding: chunked\r\n"));
            assert_eq!(read_chunked(&mut endpoint).await.0, b"sent before, read after");
            endpoint.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        };
        let (arrived, ()) = tokio::join!(client.send(&request, &mut upload), answering);
        assert_eq!(arrived.unwrap().head.status, 204);
    });
}

#[test]
fn a_long_body_is_not_kept() {
    on_worker(async {
        let head = put();
        for (pieces, replayable) in [(8, true), (9, false)] {
            let length = Some(pieces * (8 << 10));
            let steps = (0..pieces).map(|_| Step::Data(Bytes::from(pattern(8 << 10))));
            let mut upload = Upload::new(Script::body(length, steps));
            broken_off(&head, &mut upload, pieces as usize * (8 << 10)).await;
            assert_eq!(upload.is_replayable(), replayable, "{pieces}");
        }
    });
}

#[test]
fn trailers_and_failures_are_not_kept() {
    on_worker(async {
        let head = put();
        let mut upload = Upload::new(Script::body(None, [Step::data("x"), Step::Trailers(fields(&[("digest", "1")]))]));
        let (client, mut endpoint) = connected().await;
        let request = request(&head);
        let breaking = async {
            read_head(&mut endpoint).await;
            assert_eq!(read_chunked(&mut endpoint).await, (b"x".to_vec(), "digest: 1\r\n".to_owned()));
            reset(endpoint);
        };
        let (sent, ()) = tokio::join!(client.send(&request, &mut upload), breaking);
        assert_eq!(sent.err().unwrap().kind, Kind::UpstreamReset);
        assert!(!upload.is_replayable());

        let (client, _endpoint) = connected().await;
        let mut upload = Upload::new(Script::body(None, [Step::Fail(Error::new(Kind::BodyCutOff))]));
        let sent = client.send(&request, &mut upload).await;
        assert_eq!(sent.err().unwrap().kind, Kind::BodyCutOff);
        assert!(!upload.is_replayable());
    });
}

#[test]
fn a_body_that_was_not_asked_for_is_as_good_as_new() {
    on_worker(async {
        let head = expecting();
        let mut upload = Upload::new(Script::body(Some(4), [Step::data("body")]));
        broken_off(&head, &mut upload, 0).await;
        assert!(upload.is_replayable() && !upload.is_begun());
    });
}
