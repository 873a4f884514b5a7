//! What a handler is told of its client's TLS, as Python values; made when somebody asks.

use glorieta_carrier::{Certificate, Tls};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

/// `(version, certificate)`, as `glorieta.handlers.certificate` describes it.
pub fn facts<'py>(py: Python<'py>, tls: &Tls) -> PyResult<Bound<'py, PyAny>> {
    let certificate = tls.certificate.as_deref().map(|shown| certificate(py, shown)).transpose()?;
    Ok((tls.version, certificate).into_pyobject(py)?.into_any())
}

fn certificate<'py>(py: Python<'py>, shown: &Certificate) -> PyResult<Bound<'py, PyTuple>> {
    let text = |value: &[u8]| PyString::new(py, &String::from_utf8_lossy(value));
    let names = PyTuple::new(py, shown.names.iter().map(|name| text(name)))?;
    let (subject, issuer, serial) = (text(&shown.subject), text(&shown.issuer), text(&shown.serial));
    let (fingerprint, der) = (text(&shown.fingerprint), PyBytes::new(py, &shown.der));
    (subject, issuer, names, serial, fingerprint, shown.not_before, shown.not_after, der).into_pyobject(py)
}
