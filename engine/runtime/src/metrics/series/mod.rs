//! What is counted: per route, per upstream, per listener and per handler.
//!
//! Handles are fetched when a snapshot is built and kept in its routes, so that counting a request
//! looks nothing up. Labels are names from the Plan only: no client can add one.

mod handler;
mod listener;
mod mirror;
mod outcome;
mod route;
mod upstream;
mod variant;

pub use handler::{Background, HandlerSeries};
pub use listener::{Connections, Direction, Handshake, ListenerSeries};
pub use mirror::{Dropped, MirrorSeries};
pub use outcome::Outcome;
pub use route::RouteSeries;
pub use upstream::UpstreamSeries;
pub use variant::VariantSeries;
