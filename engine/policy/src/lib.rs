//! Pure decisions: which route, which endpoint, usable or not, once more or not.
//!
//! Nothing here reads a clock, draws a random number or touches a socket: time
//! ([`glorieta_core::Moment`]) and random bits are arguments, so that a simulation can run a day
//! in a second and a failing test fails again. State that workers share is made of atomics.

pub mod accept;
pub mod balance;
pub mod client;
pub mod coding;
pub mod conditional;
pub mod gather;
pub mod grpc;
pub mod health;
pub mod limit;
pub mod networks;
pub mod path;
pub mod range;
pub mod reference;
pub mod retry;
pub mod route;
pub mod split;
pub mod template;
pub mod window;
pub mod word;

pub use coding::{Accepted, Coding};
pub use networks::{Access, Networks};
pub use reference::{LookUp, Reference};
pub use route::{Found, Parameters, Table};
pub use split::Split;
pub use template::Template;
pub use word::{View, Word};
