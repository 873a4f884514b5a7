//! How calls reach handler processes, and what they ask for comes back: two rings in shared memory for each pair of
//! a worker and a handler process, and the messages that lie in them.
//!
//! ```text
//! worker ──  to_handler: Start, Body, Cancel, Credit, Result …  ──▶ handler process
//!        ◀──  from_handler: Answer, AnswerBody, Call, Credit …  ──
//! ```
//!
//! A handler process is somebody's Python: it may crash, stop reading, or write nonsense into the memory. Nothing
//! that comes from it is trusted: every length is checked, and what is wrong ends the link and not the worker.
//! No tokio here and no Python: `runtime` awaits the worker's end, `bridge` hands the other one to an event loop.

mod event;
mod link;
mod memory;
mod message;
mod ring;
mod wire;

pub use event::Event;
pub use link::{Broken, Link, Side};
pub use memory::Memory;
pub use message::{Answer, Body, Call, CallFailure, Certificate, Fields, FromHandler, Outcome, Start, Tls, ToHandler};
pub use ring::LARGEST;
