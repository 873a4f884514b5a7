//! What must be there before anything is served: the snapshot, its sockets, and threads to serve them.

use std::sync::Arc;

use glorieta_plan::Plan;
use tokio::sync::mpsc::unbounded_channel;

use super::Handle;
use crate::metrics::Registry;
use crate::secrets::Secrets;
use crate::snapshot::{Problem, Snapshot};
use crate::worker::{self, Shared};

/// Builds a snapshot on a thread of its own.
///
/// Each thread has its own heap: so a snapshot lies by itself, not between the pieces of the Plan that it was made of
/// and those of its predecessor, and when it is dropped whole pages come free. At 10,000 routes five reloads would
/// otherwise leave half as much again.
pub fn build(plan: &Plan, before: Option<&Snapshot>, registry: &Registry) -> Result<Snapshot, Vec<Problem>> {
    let work = || Ok(Snapshot::build(plan, before, registry, &Secrets::from_system())?.with_view(plan));
    std::thread::scope(|scope| {
        match std::thread::Builder::new().name("glorieta-build".into()).spawn_scoped(scope, work) {
            Ok(builder) => builder.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(error) => Err(vec![Problem::at("", format!("a thread cannot start: {error}"))]),
        }
    })
}

pub fn worker_count(plan: &Plan) -> usize {
    // The standard library heeds affinity and cgroup quotas.
    let available = std::thread::available_parallelism().map_or(1, usize::from);
    plan.workers.map_or(available, |workers| workers as usize).clamp(1, 1024)
}

pub fn start_workers(shared: &Arc<Shared>, count: usize) -> Result<Vec<Handle>, Vec<Problem>> {
    let start = |index| {
        let (mailbox, receiver) = unbounded_channel();
        let shared = shared.clone();
        let name = format!("glorieta-{index}");
        let thread = std::thread::Builder::new().name(name).spawn(move || worker::run(index, shared, receiver));
        thread.map(|thread| Handle { mailbox, thread: Some(thread) })
    };
    let started: std::io::Result<Vec<Handle>> = (0..count).map(start).collect();
    started.map_err(|error| vec![Problem::at("workers", format!("a thread cannot start: {error}"))])
}

/// Each connection needs a descriptor, each request to an upstream a second: the usual soft limit of 1,024 is for
/// programs that call `select`, which nothing here does.
pub fn raise_descriptor_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit writes to the struct that it is given, setrlimit only reads it.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 && limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}
