//! Workers, snapshots and what watches them.

pub mod log;
