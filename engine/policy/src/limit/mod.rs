//! How many connections may be opened, and how fast: of all clients of a listener, and of each.

mod clients;
mod rate;

pub use clients::{Client, Clients, Entered, PerClient, Refusal};
pub use rate::{Arrivals, Rate};
