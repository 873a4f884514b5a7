//! Bodies of requests made plain before anybody reads them, and bounded while that happens.

mod body;
mod decoder;

use glorieta_core::{Body, Error, Fields, Kind, Name, RequestHead};
use glorieta_plan::DecompressFilter;
use glorieta_policy::Coding;

use crate::Step;
use body::{Bounds, Decompressed};

/// Fields that stand for the bytes of a body as it was sent (RFC 9530, RFC 3230, RFC 2616 §14.15).
pub const DIGESTS: [&[u8]; 4] = [b"Content-Digest", b"Repr-Digest", b"Digest", b"Content-MD5"];

#[derive(Debug)]
pub struct Decompress {
    codings: Box<[Coding]>,
    /// The codings as `Accept-Encoding` says them in an answer (RFC 9110 §12.5.3).
    names: String,
    bounds: Bounds,
}

impl Decompress {
    pub(crate) fn read(plan: &DecompressFilter) -> Result<Decompress, String> {
        if plan.ratio == 0 {
            return Err("a ratio of 0 would refuse every body".to_owned());
        }
        Ok(Decompress {
            codings: Coding::read_list(&plan.algorithms, &Coding::ALL)?,
            names: plan.algorithms.join(", "),
            bounds: Bounds { max_bytes: plan.max_bytes, ratio: u64::from(plan.ratio) },
        })
    }

    /// What it takes, for who sent something else.
    pub fn names(&self) -> &str {
        &self.names
    }

    pub(crate) fn request(&self, head: &mut RequestHead, body: &mut Body) -> Step {
        let coding = match self.coding(&head.fields) {
            Ok(Some(coding)) if !body.is_empty() => coding,
            Ok(_) => return Step::Continue,
            Err(error) => return Step::Refuse(error),
        };
        match Decompressed::new(std::mem::take(body), coding, self.bounds) {
            Ok(decompressed) => *body = Body::Stream(Box::new(decompressed)),
            Err(error) => return Step::Refuse(error),
        }
        head.fields.remove(Name::ContentEncoding);
        head.fields.remove(Name::ContentLength);
        // They were right for what came, and would be wrong for what goes on.
        for name in DIGESTS {
            head.fields.remove_named(name);
        }
        Step::Continue
    }

    /// The coding of a body; `None`: it is plain. More than one is refused: each would multiply the next.
    fn coding(&self, fields: &Fields) -> Result<Option<Coding>, Error> {
        let names = fields.all(Name::ContentEncoding).flat_map(|value| value.split(|&byte| byte == b','));
        let is_coding = |name: &&[u8]| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity");
        let mut names = names.map(<[u8]>::trim_ascii).filter(is_coding);
        let Some(name) = names.next() else { return Ok(None) };
        if names.next().is_some() {
            return Err(Error::because(Kind::ContentCodingUnknown, "its body is encoded more than once"));
        }
        match Coding::parse(name).filter(|coding| self.codings.contains(coding)) {
            Some(coding) => Ok(Some(coding)),
            None => Err(Error::new(Kind::ContentCodingUnknown)
                .with_detail(format!("its body is encoded as {}", String::from_utf8_lossy(name)))),
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
