//! `glorieta._engine`: what Python may ask of the engine, and nothing else.
//!
//! The only crate that knows Python. Everything crosses as owned text or numbers, so that neither side
//! ever waits for the other's memory; every call that may block lets other Python threads run.

mod carrier;
mod engine;
mod given;
mod message;
mod refusal;
mod trial;

#[pyo3::pymodule(name = "_engine")]
mod module {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::carrier::Carrier;
    #[pymodule_export]
    use crate::engine::Engine;
    #[pymodule_export]
    use crate::given::{CallResponse, Start};
    #[pymodule_export]
    use crate::refusal::PlanRefused;
    use crate::refusal::{self, Pairs};
    #[pymodule_export]
    use crate::trial::Trial;

    /// Every problem of a plan (as JSON) that can be found without opening a socket, as (path, message). `secrets`:
    /// whether the variables and files that it refers to must be at hand.
    #[pyfunction]
    #[pyo3(signature = (plan, *, secrets = true))]
    fn check(py: Python<'_>, plan: &str, secrets: bool) -> Pairs {
        py.detach(|| match glorieta_plan::read(plan) {
            Ok(plan) => refusal::pairs(glorieta_runtime::check(&plan, secrets)),
            Err(problem) => vec![(problem.path, problem.message)],
        })
    }

    #[pymodule_init]
    fn init(_module: &Bound<'_, PyModule>) -> PyResult<()> {
        glorieta_runtime::give_back_large_blocks();
        Ok(())
    }

    /// The engine's version.
    #[pyfunction]
    fn version() -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}
