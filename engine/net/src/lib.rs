//! Sockets, streams, timers and names: everything that touches the operating system.

mod acceptor;
pub mod activation;
mod address;
mod carried;
pub mod connect;
pub mod datagram;
pub mod dns;
pub mod listen;
pub mod proxy_protocol;
pub mod quic;
mod relay;
mod splice;
mod stream;
#[cfg(test)]
mod testing;
pub mod timer;
pub mod tls;
mod tunnel;
mod way;

pub use acceptor::Acceptor;
pub use activation::Activation;
pub use address::BoundAddress;
pub use carried::Carried;
pub use connect::{Destination, connect};
pub use relay::Relay;
pub use stream::{Silence, Stream};
pub use timer::Timer;
pub use tunnel::{End, TunnelOptions, TunnelReport, tunnel};
