//! Requests and upstreams' answers as Python objects. Of what they carry, Python gets what it asks for, when it asks:
//! most handlers look at a header or two, and making texts of all of them would cost more than the rest of a request.

use glorieta_carrier::{Body, Fields, Start as StartMessage};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyList, PyString};

use crate::message::{pairs, text, whole};

/// Header fields, or parameters, that become a list of pairs once somebody looks.
struct Pairs {
    fields: Fields,
    list: PyOnceLock<Py<PyList>>,
}

impl Pairs {
    fn new(fields: Fields) -> Pairs {
        Pairs { fields, list: PyOnceLock::new() }
    }

    fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(known, _)| known == name.as_bytes())
    }

    fn list(&self, py: Python<'_>) -> PyResult<Py<PyList>> {
        self.list.get_or_try_init(py, || pairs(py, &self.fields).map(Bound::unbind)).map(|list| list.clone_ref(py))
    }
}

/// A request as the engine hands it over, with the attributes of `glorieta.handlers.transport.Start`.
#[pyclass(frozen, module = "glorieta._engine")]
pub struct Start {
    start: StartMessage,
    parameters: Pairs,
    headers: Pairs,
    body: Option<Py<PyBytes>>,
}

impl Start {
    pub fn new(py: Python<'_>, mut start: StartMessage) -> Start {
        let body = whole(py, std::mem::replace(&mut start.body, Body::Empty)).map(Bound::unbind);
        let parameters = Pairs::new(std::mem::take(&mut start.parameters));
        let headers = Pairs::new(std::mem::take(&mut start.headers));
        Start { start, parameters, headers, body }
    }
}

#[pymethods]
impl Start {
    #[getter]
    fn route(&self) -> u32 {
        self.start.route
    }

    #[getter]
    fn method<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text(py, &self.start.method)
    }

    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text(py, &self.start.path)
    }

    #[getter]
    fn query<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text(py, &self.start.query)
    }

    #[getter]
    fn protocol<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text(py, &self.start.protocol)
    }

    #[getter]
    fn scheme<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text(py, &self.start.scheme)
    }

    #[getter]
    fn client<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text(py, &self.start.client)
    }

    #[getter]
    fn request_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text(py, &self.start.request_id)
    }

    #[getter]
    fn parameters(&self, py: Python<'_>) -> PyResult<Py<PyList>> {
        self.parameters.list(py)
    }

    #[getter]
    fn headers(&self, py: Python<'_>) -> PyResult<Py<PyList>> {
        self.headers.list(py)
    }

    /// The headers as bytes, for ASGI.
    #[getter]
    fn raw_headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let pairs = self.headers.fields.iter().map(|(name, value)| (PyBytes::new(py, name), PyBytes::new(py, value)));
        PyList::new(py, pairs)
    }

    #[getter]
    fn body(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        self.body.as_ref().map(|body| body.clone_ref(py))
    }

    /// Whether it has a header of this name, in lower case.
    fn has(&self, name: &str) -> bool {
        self.headers.has(name)
    }
}

/// An upstream's answer, with the attributes of `glorieta.handlers.transport.CallResponse`.
#[pyclass(frozen, module = "glorieta._engine")]
pub struct CallResponse {
    #[pyo3(get)]
    status: u16,
    headers: Pairs,
    body: Option<Py<PyBytes>>,
    #[pyo3(get)]
    tries: u16,
}

impl CallResponse {
    pub fn new(py: Python<'_>, status: u16, headers: Fields, body: Body, tries: u16) -> CallResponse {
        CallResponse { status, headers: Pairs::new(headers), body: whole(py, body).map(Bound::unbind), tries }
    }
}

#[pymethods]
impl CallResponse {
    #[getter]
    fn headers(&self, py: Python<'_>) -> PyResult<Py<PyList>> {
        self.headers.list(py)
    }

    #[getter]
    fn body(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        self.body.as_ref().map(|body| body.clone_ref(py))
    }

    /// Whether it has a header of this name, in lower case.
    fn has(&self, name: &str) -> bool {
        self.headers.has(name)
    }
}
