//! Messages as Python values: kinds are numbers, texts are Latin-1 (RFC 9110 §5.5), bodies are bytes.

use bytes::Bytes;
use glorieta_carrier::{Body, CallFailure, Fields, Outcome, ToHandler};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

use crate::given::{CallResponse, Start};

/// Bytes that header fields may have, eight counted for each: more does not fit into a message with its body.
const LARGEST_HEAD: usize = 60 << 10;

/// `(kind, link, call, …)`, as `glorieta.handlers.serving.carrier` describes it.
pub fn tuple(py: Python<'_>, link: usize, message: ToHandler) -> PyResult<Bound<'_, PyTuple>> {
    match message {
        ToHandler::Start { call, start } => {
            let deadline_ms = start.deadline_ms;
            (0, link, call, deadline_ms, Start::new(py, *start)).into_pyobject(py)
        }
        ToHandler::Body { call, data, last } => (1, link, call, bytes(py, &data), last).into_pyobject(py),
        ToHandler::BodyFailed { call, reason } => (2, link, call, text(py, &reason)).into_pyobject(py),
        ToHandler::Cancel { call } => (3, link, call).into_pyobject(py),
        ToHandler::Credit { call, bytes } => (4, link, call, bytes).into_pyobject(py),
        ToHandler::Result { call, part, outcome } => match *outcome {
            Outcome::Response { status, headers, body, tries } => {
                (5, link, call, part, CallResponse::new(py, status, headers, body, tries)).into_pyobject(py)
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
pub fn whole(py: Python<'_>, body: Body) -> Option<Bound<'_, PyBytes>> {
    match body {
        Body::Empty => Some(bytes(py, b"")),
        Body::Full(data) => Some(bytes(py, &data)),
        Body::Stream => None,
    }
}

pub fn pairs<'py>(py: Python<'py>, fields: &Fields) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, fields.iter().map(|(name, value)| (text(py, name), text(py, value))))
}

/// Each byte is one character.
pub fn text<'py>(py: Python<'py>, value: &[u8]) -> Bound<'py, PyString> {
    match std::str::from_utf8(value) {
        Ok(plain) if value.is_ascii() => PyString::new(py, plain),
        _ => PyString::new(py, &value.iter().map(|&byte| char::from(byte)).collect::<String>()),
    }
}

/// Header fields as they are sent.
///
/// # Errors
/// `TypeError`: no list of pairs of text; `ValueError`: characters beyond Latin-1, or too many fields.
pub fn fields(list: &Bound<'_, PyList>) -> PyResult<Fields> {
    let mut fields = Fields::with_capacity(list.len());
    let mut size = 0;
    for item in list.iter() {
        let (name, value) = item.extract::<(Bound<'_, PyString>, Bound<'_, PyString>)>()?;
        let field = (latin1(&name, &name)?, latin1(&name, &value)?);
        size += field.0.len() + field.1.len() + 8;
        fields.push(field);
    }
    if size > LARGEST_HEAD {
        let problem = format!("headers of {size} bytes, 8 counted for each field, are larger than 60 KiB");
        return Err(PyValueError::new_err(problem));
    }
    Ok(fields)
}

fn latin1(name: &Bound<'_, PyString>, text: &Bound<'_, PyString>) -> PyResult<Bytes> {
    let plain = text.to_str()?;
    if plain.is_ascii() {
        return Ok(Bytes::copy_from_slice(plain.as_bytes()));
    }
    let byte = |letter: char| u8::try_from(u32::from(letter)).ok();
    plain.chars().map(byte).collect::<Option<Vec<u8>>>().map(Bytes::from).ok_or_else(|| {
        PyValueError::new_err(format!("the header {name} has characters beyond Latin-1; encode them, as in %E2%82%AC"))
    })
}
