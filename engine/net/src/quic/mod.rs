//! QUIC (RFC 9000), by `quinn`: one endpoint per worker at each address, and datagrams that find the worker which has
//! their connection.
//!
//! ```text
//! keys        of the process: what proves an address, resets what nobody knows, and seals connection ids
//! ids         connection ids that say, to nobody but us, which worker has the connection
//! exchange    datagrams that came in at one worker and are another's
//! socket      a worker's UDP socket, with its share of the exchange
//! open        the sockets of an address, opened once and kept through every reload
//! transport   what a client may have of memory, streams and time
//! endpoint    what answers at one worker
//! ```
//!
//! The kernel leads a client's datagrams to one worker's socket for as long as the client keeps its address and the
//! sockets stay the same. A client that moves (RFC 9000 §9) is led to another worker, which passes its datagrams on.

mod endpoint;
mod exchange;
mod ids;
mod keys;
mod open;
mod socket;
mod transport;

pub use endpoint::{endpoint, server_config};
pub use open::{Datagrams, open};
pub use transport::transport;

pub use quinn::{Connecting, Connection, ConnectionError, Endpoint, Incoming, TransportConfig};
