//! Streams that another connection carries among others, as those of HTTP/2 and HTTP/3 are: a tunnel passes bytes
//! through them as through a socket.

use std::fmt::Debug;

use tokio::io::{AsyncRead, AsyncWrite};

/// Both directions of such a stream. Flushing fails once its peer has given it up; dropping it before both directions
/// have ended resets it.
pub trait Carried: AsyncRead + AsyncWrite + Unpin + Debug {}
