//! Layer 4 by UDP: clients are told apart by their addresses and ports, and each has a session with one endpoint.
//!
//! ```text
//! hall      one socket of a listener's on this worker: datagrams come in, and find their sessions
//! session   one client and one endpoint: datagrams go both ways until nothing moves any more
//! story     what is counted and written down of a session
//! ```

mod hall;
mod session;
mod story;

pub use hall::listen;
