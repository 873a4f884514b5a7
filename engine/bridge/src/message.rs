//! Messages as Python values: kinds are numbers, texts are Latin-1 (RFC 9110 §5.5), bodies are bytes.

use bytes::Bytes;
use glorieta_carrier::{Body, CallFailure, Certificate, Fields, Outcome, Start, Tls, ToHandler};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

/// `(kind, link, call, …)`, as `glorieta.handlers.serving.carrier` describes it.
pub fn tuple(py: Python<'_>, link: usize, message: ToHandler) -> PyResult<Bound<'_, PyTuple>> {
    match message {
        ToHandler::Start { call, start } => begin(py, link, call, *start),
        ToHandler::Body { call, data, last } => (1, link, call, bytes(py, &data), last).into_pyobject(py),
        ToHandler::BodyFailed { call, reason } => (2, link, call, text(py, &reason)).into_pyobject(py),
        ToHandler::Cancel { call } => (3, link, call).into_pyobject(py),
        ToHandler::Credit { call, bytes } => (4, link, call, bytes).into_pyobject(py),
        ToHandler::Result { call, part, outcome } => match *outcome {
            Outcome::Response { status, headers, body, tries } => {
                (5, link, call, part, status, pairs(py, &headers)?, whole(py, body), tries).into_pyobject(py)
            }
            Outcome::Failed(failure) => failed(py, link, call, part, &failure),
        },
        ToHandler::ResultBody { call, part, data, last } => {
            (6, link, call, part, bytes(py, &data), last).into_pyobject(py)
        }
        ToHandler::ResultFailed { call, part, failure } => failed(py, link, call, part, &failure),
        ToHandler::CallCredit { call, part, bytes } => (8, link, call, part, bytes).into_pyobject(py),
        ToHandler::Over { call, reason } => (9, link, call, text(py, &reason)).into_pyobject(py),
    }
}

fn begin(py: Python<'_>, link: usize, call: u32, start: Start) -> PyResult<Bound<'_, PyTuple>> {
    let (parameters, headers) = (pairs(py, &start.parameters)?, pairs(py, &start.headers)?);
    let number = |number: u32| number.into_pyobject(py).map(Bound::into_any);
    let texts = [&start.method, &start.path, &start.query, &start.protocol, &start.scheme, &start.client, &start.id];
    let mut items = vec![number(0)?, link.into_pyobject(py)?.into_any(), number(call)?];
    items.extend([number(start.route)?, number(start.deadline_ms)?]);
    items.extend(texts.map(|value| text(py, value).into_any()));
    items.extend([parameters.into_any(), headers.into_any(), whole(py, start.body).into_pyobject(py)?.into_any()]);
    // Nothing stands there for connections in clear.
    items.extend(start.tls.map(|tls| secured(py, &tls)).transpose()?);
    PyTuple::new(py, items)
}

/// `(version, certificate)`, as `glorieta.handlers.certificate` describes it.
fn secured<'py>(py: Python<'py>, tls: &Tls) -> PyResult<Bound<'py, PyAny>> {
    let certificate = tls.certificate.as_deref().map(|shown| certificate(py, shown)).transpose()?;
    Ok((tls.version, certificate).into_pyobject(py)?.into_any())
}

fn certificate<'py>(py: Python<'py>, shown: &Certificate) -> PyResult<Bound<'py, PyTuple>> {
    let text = |value: &[u8]| PyString::new(py, &String::from_utf8_lossy(value));
    let names = PyTuple::new(py, shown.names.iter().map(|name| text(name)))?;
    let (subject, issuer, serial) = (text(&shown.subject), text(&shown.issuer), text(&shown.serial));
    let (fingerprint, der) = (text(&shown.fingerprint), bytes(py, &shown.der));
    (subject, issuer, names, serial, fingerprint, shown.not_before, shown.not_after, der).into_pyobject(py)
}

fn failed<'py>(
    py: Python<'py>,
    link: usize,
    call: u32,
    part: u32,
    failure: &CallFailure,
) -> PyResult<Bound<'py, PyTuple>> {
    let detail = String::from_utf8_lossy(&failure.detail);
    (7, link, call, part, text(py, &failure.reason), detail, failure.tries).into_pyobject(py)
}

fn bytes<'py>(py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, data)
}

/// `None`: it comes in pieces.
fn whole(py: Python<'_>, body: Body) -> Option<Bound<'_, PyBytes>> {
    match body {
        Body::Empty => Some(bytes(py, b"")),
        Body::Full(data) => Some(bytes(py, &data)),
        Body::Stream => None,
    }
}

fn pairs<'py>(py: Python<'py>, fields: &Fields) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, fields.iter().map(|(name, value)| (text(py, name), text(py, value))))
}

/// Each byte is one character.
fn text<'py>(py: Python<'py>, value: &[u8]) -> Bound<'py, PyString> {
    match std::str::from_utf8(value) {
        Ok(plain) if value.is_ascii() => PyString::new(py, plain),
        _ => PyString::new(py, &value.iter().map(|&byte| char::from(byte)).collect::<String>()),
    }
}

/// Header fields as they are sent.
pub fn fields(pairs: &[(PyBackedStr, PyBackedStr)]) -> PyResult<Fields> {
    pairs.iter().map(|(name, value)| Ok((latin1(name, name)?, latin1(name, value)?))).collect()
}

fn latin1(name: &str, text: &str) -> PyResult<Bytes> {
    if text.is_ascii() {
        return Ok(Bytes::copy_from_slice(text.as_bytes()));
    }
    let byte = |letter: char| u8::try_from(u32::from(letter)).ok();
    text.chars().map(byte).collect::<Option<Vec<u8>>>().map(Bytes::from).ok_or_else(|| {
        PyValueError::new_err(format!("the header {name} has characters beyond Latin-1; encode them, as in %E2%82%AC"))
    })
}
