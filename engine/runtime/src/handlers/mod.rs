//! Requests that Python answers: in processes of their own, reached through rings in shared memory.
//!
//! ```text
//! handler   what a Plan says of it: what it may call, how many requests may wait
//! roster    all processes there are, and what the control loop asks and is told
//! silence   which of them give no sign any more
//! desk      a worker's: its links to the processes, and the event that wakes it
//! end       one such link: what is sent, and to whom what comes belongs
//! talk      one request on its way, as messages reach it
//! call      what `serve` waits for: a process, an answer, the deadline
//! part      a call that the handler makes to an upstream
//! linger    after an answer: what the handler still does
//! flow      bodies in both directions, by credit
//! tunnel    after a 101: a connection on one side, pieces on the other
//! ```
//!
//! Nothing that a process says is trusted: what cannot be breaks its link, and every request on it ends with
//! `handler_lost`. A Plan without handlers costs nothing: no desk is opened, nothing is watched.

mod answer;
mod call;
mod desk;
mod end;
mod flow;
mod handler;
mod head;
mod linger;
mod part;
mod process;
mod roster;
mod silence;
mod talk;
#[cfg(test)]
mod tests;
mod tunnel;

pub use call::{Answered, Asked, call};
pub use desk::Desk;
pub use handler::{Callee, Handler, HandlerRoute, parameters_of};
pub use head::to_message as fields_to_message;
pub use process::{Process, ProcessStats};
pub use roster::{Doors, Roster};
pub use silence::{Silence, watch as watch_silence};
pub use tunnel::Tunnel;
