//! Services behind the engine: endpoints, pools, picking, sending, retrying, health.
//!
//! [`call`] is the one way in which anything is asked of an upstream: proxying, and later gather parts, handlers,
//! mirrors and key fetches. Retries, pools and their counts exist here once.

mod attempt;
mod call;
mod check;
mod check_grpc;
mod connect;
mod datagram;
mod endpoint;
mod lease;
mod multiplexed;
mod observer;
mod once;
mod pick;
mod pool;
mod queue;
mod resolve;
mod set;
mod settings;
mod shares;
mod state;
#[cfg(test)]
mod testing;

pub use call::{Answer, CallContext, Host, Timeouts, call};
pub use check::keep_checking;
pub use connect::{Connected, connect};
pub use datagram::{Assigned, Assigning};
pub use endpoint::{Endpoint, EndpointState};
pub use lease::{Hold, Lease, Permit};
pub use observer::{Observer, Outcome, Progress};
pub use resolve::{keep_resolving, resolve_once};
pub use set::EndpointSet;
pub use settings::{Balance, Settings};
pub use shares::{Share, Shares};
pub use state::{State, Upstream};
