//! A plan that is asked instead of served, as a Python object.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::refusal::Refusal;

/// Tells what would become of a request, by the very code that serves; opens no socket and starts no thread.
#[pyclass(frozen, module = "glorieta._engine")]
pub struct Trial {
    trial: glorieta_runtime::trial::Trial,
}

#[pymethods]
impl Trial {
    /// Raises `PlanRefused` if the plan cannot be run as it is.
    #[new]
    fn new(py: Python<'_>, plan: &str) -> PyResult<Trial> {
        py.detach(|| build(plan)).map_err(|refusal| refusal.raise(py))
    }

    /// Question and answer as JSON; raises `ValueError` for a question that cannot be understood.
    fn ask(&self, py: Python<'_>, question: &str) -> PyResult<String> {
        py.detach(|| self.trial.ask_json(question)).map_err(PyValueError::new_err)
    }
}

fn build(plan: &str) -> Result<Trial, Refusal> {
    Ok(Trial { trial: glorieta_runtime::trial::Trial::new(glorieta_plan::read(plan)?)? })
}
