//! HTTP on both sides of the engine: heads and bodies in, heads and bodies out.

pub mod buffers;
pub mod h1;
pub mod h2;
pub mod h3;
pub mod multiplexed;
pub mod outgoing;
mod pace;
mod server;
mod service;
#[cfg(test)]
mod testing;

pub use server::serve_connection;
pub use service::{Record, Reply, Service, Settings, Versions};
