//! A plan that was not taken, as a Python exception that lists every reason.

use glorieta_plan::Unreadable;
use glorieta_runtime::Problem;
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

create_exception!(
    _engine,
    PlanRefused,
    PyException,
    "A plan that the engine does not run; `problems` holds every reason as (path, message)."
);

/// Path and message of each problem.
pub type Pairs = Vec<(String, String)>;

pub fn pairs(problems: Vec<Problem>) -> Pairs {
    problems.into_iter().map(|problem| (problem.path, problem.message)).collect()
}

fn line((path, message): &(String, String)) -> String {
    if path.is_empty() { message.clone() } else { format!("{path}: {message}") }
}

/// Why a plan was not taken, before it becomes an exception (which needs the interpreter).
pub struct Refusal(Pairs);

impl From<Unreadable> for Refusal {
    fn from(problem: Unreadable) -> Refusal {
        Refusal(vec![(problem.path, problem.message)])
    }
}

impl From<Vec<Problem>> for Refusal {
    fn from(problems: Vec<Problem>) -> Refusal {
        Refusal(pairs(problems))
    }
}

impl Refusal {
    pub fn raise(self, py: Python<'_>) -> PyErr {
        let lines: Vec<String> = self.0.iter().map(line).collect();
        let error = PlanRefused::new_err(lines.join("\n"));
        match error.value(py).setattr("problems", self.0) {
            Ok(()) => error,
            Err(other) => other,
        }
    }
}
