//! Workers, snapshots and the story of a request.

pub mod admin;
mod certificates;
mod challenges;
mod clock;
mod engine;
mod files;
mod gather;
mod handlers;
mod housekeeper;
pub mod log;
mod memory;
pub mod metrics;
mod mirror;
mod secrets;
mod serve;
mod shadow;
mod snapshot;
mod status;
pub mod trial;
mod worker;

pub use engine::{Engine, Options, check};
pub use handlers::{Doors, ProcessStats, Silence};
pub use memory::{give_back, give_back_large_blocks};
pub use snapshot::Problem;
