//! `glorieta._engine`: what Python may ask of the engine, and nothing else.
//!
//! The only crate that knows Python. Everything crosses as owned text or numbers, so that neither side
//! ever waits for the other's memory; every call that may block lets other Python threads run.

mod engine;
mod refusal;

use mimalloc::MiMalloc;

/// For the engine's side of the process; Python keeps its own allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[pyo3::pymodule(name = "_engine")]
mod module {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::engine::Engine;
    #[pymodule_export]
    use crate::refusal::PlanRefused;
    use crate::refusal::{self, Pairs};

    /// Every problem of a plan (as JSON) that can be found without opening a socket, as (path, message).
    #[pyfunction]
    fn check(py: Python<'_>, plan: &str) -> Pairs {
        py.detach(|| match glorieta_plan::read(plan) {
            Ok(plan) => refusal::pairs(glorieta_runtime::check(&plan)),
            Err(problem) => vec![(problem.path, problem.message)],
        })
    }

    /// The engine's version.
    #[pyfunction]
    fn version() -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}
