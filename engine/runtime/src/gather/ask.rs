//! A part's request, written anew: of the client's only what was asked for, and what glorieta itself says.

use bytes::Bytes;
use glorieta_core::{Error, Fields, Kind, Method, Name, RequestHead};
use glorieta_policy::gather::Hole;
use glorieta_policy::gather::text::Answers;
use glorieta_policy::path;

use super::{Part, Sent};
use crate::serve::Request;

/// What says who asks, and which request this belongs to, goes to every part.
const TRAVELLING: [Name; 10] = [
    Name::Via,
    Name::Forwarded,
    Name::XForwardedFor,
    Name::XForwardedProto,
    Name::XForwardedHost,
    Name::XForwardedPort,
    Name::XRealIp,
    Name::XRequestId,
    Name::TraceParent,
    Name::TraceState,
];
/// What says how the client's body is to be read.
const OF_THE_BODY: [Name; 2] = [Name::ContentType, Name::ContentEncoding];

/// A part's request.
#[derive(Debug)]
pub struct Asked {
    pub head: RequestHead,
    pub body: Option<Bytes>,
}

/// What is sent to a part.
///
/// # Errors
/// A value that it needs is not there, or makes its path another one than was meant.
pub fn ask(request: &Request, part: &Part, answers: Answers<'_>, body: Option<&Bytes>) -> Result<Asked, Hole> {
    let scope = request.scope();
    let view = scope.view(&request.head);
    let mut target = Vec::with_capacity(128);
    part.target.target(&view, answers, &mut target)?;
    part.query.write(&view, answers, &mut target)?;
    let mut head = RequestHead { method: Method::parse(part.method.as_bytes()), ..RequestHead::default() };
    let own = &request.head.fields;
    for (name, text, value) in own.iter() {
        let forwarded = || part.forward.iter().any(|each| each.eq_ignore_ascii_case(text));
        let with_body = matches!(part.body, Sent::Request) && OF_THE_BODY.contains(&name);
        if TRAVELLING.contains(&name) || with_body || forwarded() {
            head.fields.add_named(text, value);
        }
    }
    for (name, value) in &part.headers {
        let mut text = Vec::new();
        value.header(&view, answers, &mut text)?;
        head.fields.remove_named(name);
        if !text.is_empty() {
            head.fields.add_named(name, &text);
        }
    }
    let body = match &part.body {
        Sent::Nothing => None,
        Sent::Request => body.cloned(),
        Sent::Json(body) => {
            let mut text = Vec::new();
            body.write(&view, answers, &mut text)?;
            default(&mut head.fields, Name::ContentType, b"application/json");
            Some(text.into())
        }
    };
    default(&mut head.fields, Name::Accept, b"application/json");
    // What is packed could not be read here.
    head.fields.set(Name::AcceptEncoding, b"identity");
    head.method_span = head.fields.push_text(part.method.as_bytes());
    head.set_authority(request.head.authority());
    aim(&mut head, &target).map_err(Hole::Refused)?;
    Ok(Asked { head, body })
}

fn default(fields: &mut Fields, name: Name, value: &[u8]) {
    if !fields.has(name) {
        fields.add(name, value);
    }
}

/// Writes path and query, in their one form.
fn aim(head: &mut RequestHead, target: &[u8]) -> Result<(), Error> {
    let (path, query) = match target.iter().position(|&byte| byte == b'?') {
        Some(mark) => (&target[..mark], Some(&target[mark + 1..]).filter(|query| !query.is_empty())),
        None => (target, None),
    };
    if query.is_some_and(|query| !query.iter().all(|&byte| byte.is_ascii_graphic() && byte != b'#')) {
        return Err(Error::because(Kind::PathRefused, "the query of a part has characters that no query has"));
    }
    let mut normal = Vec::new();
    let changed = path::normalise(path, &mut normal)?;
    head.set_path(if changed { &normal } else { path });
    head.set_query(query);
    Ok(())
}
