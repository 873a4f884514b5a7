//! Workers, snapshots and the story of a request.

pub mod admin;
mod clock;
mod engine;
mod files;
mod housekeeper;
pub mod log;
pub mod metrics;
mod serve;
mod snapshot;
mod status;
mod worker;

pub use engine::{Engine, Options, check};
pub use snapshot::Problem;
