//! Answers made smaller for clients that take them so.
//!
//! What the client takes is noted before any other filter changes the request; what is answered is judged after all
//! of them have changed the answer.

mod body;
mod encoder;
mod head;
mod media;

use std::rc::Rc;

use bytes::Bytes;
use glorieta_core::{Body, Error, Fields, Method, Name, RequestHead, Response, ResponseHead};
use glorieta_plan::CompressFilter;
use glorieta_policy::{Accepted, Coding};

use crate::{Scope, Step};
use body::Compressed;
pub use body::Volume;
use encoder::{Encoder, Style};
use media::Types;

/// Codings in which answers can be given.
const KNOWN: [Coding; 3] = [Coding::Zstd, Coding::Brotli, Coding::Gzip];
/// Bodies up to this length that are there as a whole are compressed as a whole, and keep a `Content-Length`.
const AT_ONCE: usize = 64 << 10;

#[derive(Debug)]
pub struct Compress {
    /// As the server would rather have them.
    codings: Box<[Coding]>,
    styles: Box<[Style]>,
    types: Types,
    min_bytes: u64,
    credentials: bool,
}

/// What is known of a request when its answer comes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Noted {
    /// The coding that it would get.
    pub coding: Option<Coding>,
    /// It carries what only its client knows.
    credentials: bool,
    no_transform: bool,
}

impl Compress {
    pub(crate) fn read(plan: &CompressFilter) -> Result<Compress, String> {
        let codings = Coding::read_list(&plan.algorithms, &KNOWN)?;
        let styles = codings.iter().map(|&coding| Style::read(coding, &plan.levels)).collect::<Result<_, _>>()?;
        Ok(Compress {
            codings,
            styles,
            types: Types::read(&plan.types)?,
            min_bytes: plan.min_bytes,
            credentials: plan.credentials,
        })
    }

    pub(crate) fn request(&self, head: &RequestHead, scope: &Scope<'_>) -> Step {
        let fields = &head.fields;
        scope.noted.set(Noted {
            coding: Accepted::read(fields.all(Name::AcceptEncoding)).choose(&self.codings),
            credentials: has_credentials(fields) || scope.secured.is_some_and(|secured| secured.certificate.is_some()),
            no_transform: head::forbids_transforming(fields),
        });
        Step::Continue
    }

    /// What the answer would be encoded as, or why it would not, in words for a person.
    pub fn tell(&self, noted: Noted) -> String {
        match noted.coding {
            None => "the client takes none of its codings".to_owned(),
            Some(_) if noted.no_transform => "the client says no-transform".to_owned(),
            Some(_) if noted.credentials && !self.credentials => "the request carries credentials".to_owned(),
            Some(coding) => format!("{} where the answer is worth it", coding.token()),
        }
    }

    /// Compresses the body if that may be, and says so in the head. `Some`: how much it was and becomes.
    pub(crate) fn body(&self, response: &mut Response, request: &RequestHead, noted: Noted) -> Option<Rc<Volume>> {
        if response.head.status == 304 {
            head::name_as_asked(&mut response.head.fields, request);
            // A 304 seldom says what it is about, so it varies wherever an answer could: a cache takes over its fields
            // (RFC 9111 §3.2), and would otherwise give one client's coding to all.
            if !noted.no_transform {
                head::vary(&mut response.head.fields);
            }
            return None;
        }
        if noted.no_transform || !self.could(response, request.method) {
            return None;
        }
        head::vary(&mut response.head.fields);
        if !self.credentials && (noted.credentials || response.head.fields.has(Name::SetCookie)) {
            return None;
        }
        let style = *self.styles.iter().find(|style| Some(style.coding) == noted.coding)?;
        if request.method == Method::Head {
            describe(&mut response.head, style.coding);
            (response.body, response.announced) = (Body::Empty, None);
            return None;
        }
        let mut encoder = Encoder::begin(style)?;
        let volume = Rc::new(Volume::default());
        response.body = match std::mem::take(&mut response.body) {
            Body::Full(bytes) if bytes.len() <= AT_ONCE => match whole(&bytes, &mut encoder, &volume) {
                Ok(compressed) => Body::Full(compressed),
                Err(_) => {
                    response.body = Body::Full(bytes);
                    return None;
                }
            },
            body => Body::Stream(Box::new(Compressed::new(body, encoder, volume.clone()))),
        };
        response.announced = None;
        describe(&mut response.head, style.coding);
        Some(volume)
    }

    /// Whether it would be compressed for a client that takes it so.
    fn could(&self, response: &Response, method: Method) -> bool {
        let Response { head, body, announced } = response;
        let fields = &head.fields;
        let length = match method {
            // What an answer to GET would have; nothing is said of what streams.
            Method::Head => announced.or(body.length().filter(|&length| length > 0)),
            _ => body.length(),
        };
        !matches!(head.status, 100..=199 | 204 | 205 | 206 | 304)
            && length.is_none_or(|length| length > 0 && length >= self.min_bytes)
            && fields.get(Name::ContentType).is_some_and(|value| self.types.has(value))
            && !fields.has(Name::ContentEncoding)
            && !fields.has(Name::ContentRange)
            && !head::forbids_transforming(fields)
            && !head::is_vouched_for(fields)
    }
}

/// What a page of a stranger could make a browser send, and would then have to guess (BREACH).
fn has_credentials(fields: &Fields) -> bool {
    fields.has(Name::Cookie) || fields.has(Name::Authorization)
}

fn whole(bytes: &[u8], encoder: &mut Encoder, volume: &Volume) -> Result<Bytes, Error> {
    let mut out = Vec::new();
    encoder.take(bytes, &mut out)?;
    encoder.finish(&mut out)?;
    volume.add(bytes.len(), out.len());
    Ok(out.into())
}

fn describe(head: &mut ResponseHead, coding: Coding) {
    let fields = &mut head.fields;
    fields.set(Name::ContentEncoding, coding.token().as_bytes());
    // Nothing knows the ranges of what is made anew each time.
    fields.remove(Name::AcceptRanges);
    fields.remove(Name::ContentLength);
    head::weaken_etag(fields);
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
