//! What the tests of this crate share: a runtime like a worker's, and pairs of connected sockets.

use std::future::Future;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixStream};

use crate::{Stream, timer};

/// Runs on a runtime like a worker's, timers included; what takes longer than this hangs.
pub(crate) fn on_worker<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default()).unwrap();
    runtime.block_on(async {
        tokio::task::spawn_local(timer::drive());
        tokio::time::timeout(Duration::from_secs(30), work).await.expect("it hangs")
    })
}

/// Two ends of one connection: the engine's, and the other.
pub(crate) async fn tcp_pair() -> (Stream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let outside = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (inside, _) = listener.accept().await.unwrap();
    (Stream::Tcp(inside), outside)
}

pub(crate) fn unix_pair() -> (Stream, UnixStream) {
    let (inside, outside) = UnixStream::pair().unwrap();
    (Stream::Unix(inside), outside)
}

/// Closes a connection with a reset.
pub(crate) fn reset(stream: TcpStream) {
    Stream::Tcp(stream).reset_on_close();
}

/// Bytes in which no part is like another.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(next).collect()
}
