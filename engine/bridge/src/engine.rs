//! The running engine as a Python object.

use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::time::Duration;

use glorieta_runtime::{Options, ProcessStats, Silence, give_back};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::refusal::Refusal;

/// Serves a plan in threads of its own; Python only tells it what to do next.
#[pyclass(frozen, module = "glorieta._engine")]
pub struct Engine {
    engine: glorieta_runtime::Engine,
}

#[pymethods]
impl Engine {
    /// Starts serving; raises `PlanRefused` if the plan cannot be run as it is.
    #[new]
    #[pyo3(signature = (plan, *, colour = false, utc_offset_seconds = 0))]
    fn new(py: Python<'_>, plan: &str, colour: bool, utc_offset_seconds: i32) -> PyResult<Engine> {
        py.detach(|| start(plan, Options { colour, utc_offset_seconds })).map_err(|refusal| refusal.raise(py))
    }

    /// Runs this plan instead, all of it or (with `PlanRefused`) nothing of it.
    fn apply(&self, py: Python<'_>, plan: &str) -> PyResult<()> {
        py.detach(|| apply(&self.engine, plan)).map_err(|refusal| refusal.raise(py))
    }

    /// Counts a reload that was refused before there was a plan to apply.
    fn count_refused(&self) {
        self.engine.count_refused();
    }

    /// The real addresses of each listener, in the plan's order.
    fn addresses<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let listeners = PyDict::new(py);
        for (listener, addresses) in py.detach(|| self.engine.addresses()) {
            listeners.set_item(listener, addresses)?;
        }
        Ok(listeners)
    }

    fn admin_addresses(&self, py: Python<'_>) -> Vec<String> {
        py.detach(|| self.engine.admin_addresses())
    }

    /// The read-only view, as JSON.
    fn status(&self, py: Python<'_>) -> String {
        py.detach(|| self.engine.status_json())
    }

    /// The metrics, as Prometheus text.
    fn metrics(&self, py: Python<'_>) -> String {
        py.detach(|| self.engine.metrics_text())
    }

    /// Stops accepting and waits for what is under way; `False` if something had to be cut. `None`: the plan's time.
    #[pyo3(signature = (seconds = None))]
    fn drain(&self, py: Python<'_>, seconds: Option<f64>) -> PyResult<bool> {
        let patience = seconds.map(Duration::try_from_secs_f64).transpose();
        let patience = patience.map_err(|error| PyValueError::new_err(format!("seconds: {error}")))?;
        Ok(py.detach(|| self.engine.drain(patience)))
    }

    /// Makes a `drain` that is waiting cut what is left.
    fn abort_drain(&self, py: Python<'_>) {
        py.detach(|| self.engine.abort_drain());
    }

    /// Whether no request, tunnel or connection of layer 4 is under way.
    fn is_idle(&self, py: Python<'_>) -> bool {
        py.detach(|| self.engine.is_idle())
    }

    /// Prepares for a process that will run these handlers in this generation: its number, and the descriptors with
    /// which it is started (memory, event, one per worker). They are the caller's to close.
    fn handler_process(
        &self,
        py: Python<'_>,
        handlers: Vec<String>,
        generation: &str,
    ) -> PyResult<(u64, RawFd, RawFd, Vec<RawFd>)> {
        let doors = py.detach(|| self.engine.handler_process(&handlers, generation))?;
        let workers = doors.workers.into_iter().map(OwnedFd::into_raw_fd).collect();
        Ok((doors.process, doors.memory.into_raw_fd(), doors.event.into_raw_fd(), workers))
    }

    /// A process may have requests from now on; `False`: there is none of that number.
    fn handlers_ready(&self, py: Python<'_>, process: u64) -> bool {
        py.detach(|| self.engine.handlers_ready(process))
    }

    /// Lets a process stand in for a generation that has the same routes by the same numbers, until it is told to
    /// leave.
    fn handlers_lend(&self, py: Python<'_>, process: u64, generation: &str) {
        py.detach(|| self.engine.handlers_lend(process, generation));
    }

    /// A process gets no requests any more; those that it has come to their end.
    fn handlers_leave(&self, py: Python<'_>, process: u64) {
        py.detach(|| self.engine.handlers_leave(process));
    }

    /// A process has ended: the requests that it had fail, those that it had not read go to another.
    fn handler_gone(&self, py: Python<'_>, process: u64) {
        py.detach(|| self.engine.handler_gone(process));
    }

    /// Every process that has not ended.
    fn handler_stats<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let stats = py.detach(|| self.engine.handler_stats());
        stats.into_iter().map(|stats| process(py, &stats)).collect()
    }

    /// A descriptor that is readable while `broken_handlers` or `silent_handlers` has something to say. It stays the
    /// engine's.
    fn handler_alarm(&self) -> PyResult<RawFd> {
        Ok(self.engine.handler_alarm()?.as_raw_fd())
    }

    /// The processes that have said what cannot be since this was asked last, and what that was. They get no
    /// requests any more and are to be ended.
    fn broken_handlers(&self) -> Vec<(u64, &'static str)> {
        self.engine.broken_handlers()
    }

    /// The processes that have given no sign since this was asked last, or give one again (`True`), and for how many
    /// seconds there was none.
    fn silent_handlers(&self) -> Vec<(u64, bool, f64)> {
        let told = |(process, silence)| match silence {
            Silence::Began(duration) => (process, false, duration.as_secs_f64()),
            Silence::Ended(duration) => (process, true, duration.as_secs_f64()),
        };
        self.engine.silent_handlers().into_iter().map(told).collect()
    }

    /// Has a token of ACME's HTTP-01 answered from now on.
    fn put_http_challenge(&self, token: &str, answer: &str) {
        self.engine.put_http_challenge(token, answer);
    }

    fn remove_http_challenge(&self, token: &str) {
        self.engine.remove_http_challenge(token);
    }

    /// Has a name of ACME's TLS-ALPN-01 answered from now on, by a certificate and its key (PKCS #8), both DER;
    /// `ValueError` says what is wrong with them.
    fn put_tls_challenge(&self, name: &str, certificate: &[u8], key: &[u8]) -> PyResult<()> {
        self.engine.put_tls_challenge(name, certificate, key).map_err(PyValueError::new_err)
    }

    fn remove_tls_challenge(&self, name: &str) {
        self.engine.remove_tls_challenge(name);
    }

    /// Opens log files anew after they were moved away.
    fn reopen_logs(&self, py: Python<'_>) {
        py.detach(|| self.engine.reopen_logs());
    }
}

fn process<'py>(py: Python<'py>, stats: &ProcessStats) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("process", stats.id)?;
    dict.set_item("handlers", stats.handlers.iter().map(|handler| &**handler).collect::<Vec<&str>>())?;
    dict.set_item("generation", &*stats.generation)?;
    dict.set_item("ready", stats.ready)?;
    dict.set_item("broken", stats.broken)?;
    dict.set_item("calls", stats.calls)?;
    dict.set_item("running", stats.running)?;
    dict.set_item("lingering", stats.lingering)?;
    dict.set_item("lag_us", stats.lag)?;
    Ok(dict)
}

fn start(plan: &str, options: Options) -> Result<Engine, Refusal> {
    let plan = glorieta_plan::read(plan)?;
    let engine = glorieta_runtime::Engine::start(&plan, options);
    drop(plan);
    give_back();
    Ok(Engine { engine: engine? })
}

fn apply(engine: &glorieta_runtime::Engine, plan: &str) -> Result<(), Refusal> {
    let plan = glorieta_plan::read(plan)?;
    let applied = engine.apply(&plan);
    drop(plan);
    give_back();
    Ok(applied?)
}
