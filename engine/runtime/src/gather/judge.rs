//! Whether an answer is one, and what it gives to the whole: decided as soon as it is there, in one pass over it.

use std::borrow::Cow;

use glorieta_core::{Error, Kind};
use glorieta_plan::PartReads;
use glorieta_policy::gather::partial::Reason;
use glorieta_policy::gather::{Json, Member, Shaped, json};

use super::Part;
use super::fetch::{Arrived, Failure};

/// Why an answer has no members.
const FORMLESS: &str = "its answer is no object, and is not nested";

/// A part that is over.
pub struct Over<'a> {
    /// `None`: a shadow, of which nobody asks.
    pub answer: Option<Result<Given<'a>, Failure>>,
    /// What other parts read of it: its JSON, or its default.
    pub json: Option<Cow<'a, [u8]>>,
}

/// What a part gives.
pub struct Given<'a> {
    pub arrived: &'a Arrived,
    pub members: Vec<Member<'a>>,
}

impl<'a> Over<'a> {
    /// A shadow's answer is nobody's.
    pub const fn unheard() -> Over<'a> {
        Over { answer: None, json: None }
    }

    /// One that may be missing, and for which a default may stand in.
    pub fn missing(failure: Failure, default: Option<&'a [u8]>) -> Over<'a> {
        Over { answer: Some(Err(failure)), json: default.map(Cow::Borrowed) }
    }
}

/// Whether an answer is one, what it gives, and what other parts read of it.
///
/// # Errors
/// It has no success, or is not what is needed of it.
pub fn judge<'a>(part: &'a Part, arrived: &'a Arrived) -> Result<Over<'a>, Failure> {
    let status = arrived.head.status;
    if !(200..300).contains(&status) {
        let error = Error::new(Kind::PartFailed).with_detail(format!("answered {status}"));
        return Err(Failure { reason: Reason::Status, status: Some(status), error });
    }
    let invalid = |why: &str| {
        let error = Error::new(Kind::PartInvalid).with_detail(why);
        Failure { reason: Reason::Invalid, status: Some(status), error }
    };
    let (members, json) = if arrived.body.is_empty() {
        // An answer without content, such as 204, has nothing to give.
        (nested(part, Cow::Borrowed(b"null")).unwrap_or_default(), None)
    } else if part.reads == PartReads::Text {
        let quoted = quoted(&arrived.body).map_err(invalid)?;
        let json = part.is_read.then(|| Cow::Owned(quoted.clone()));
        (nested(part, Cow::Owned(quoted)).ok_or_else(|| invalid(FORMLESS))?, json)
    } else {
        let checked = Json::check(&arrived.body)
            .map_err(|found| invalid(&format!("its answer {}, at byte {}", found.what, found.at)))?;
        let json = part.is_read.then(|| Cow::Borrowed(checked.text()));
        (shaped(part, checked).map_err(invalid)?, json)
    };
    Ok(Over { answer: Some(Ok(Given { arrived, members })), json })
}

/// The members of a JSON value, once it is shaped.
fn shaped<'a>(part: &'a Part, checked: Json<'a>) -> Result<Vec<Member<'a>>, &'static str> {
    match part.shape.apply(checked).ok_or("its answer has not what is picked of it")? {
        Shaped::Object(members) if part.nest.is_none() => Ok(members),
        value => nested(part, value.into_json()).ok_or(FORMLESS),
    }
}

/// A text as JSON.
fn quoted(text: &[u8]) -> Result<Vec<u8>, &'static str> {
    if std::str::from_utf8(text).is_err() {
        return Err("its answer is not UTF-8");
    }
    let mut quoted = Vec::with_capacity(text.len() + 2);
    json::quote(text, &mut quoted);
    Ok(quoted)
}

/// The one member that holds the whole value.
fn nested<'a>(part: &'a Part, value: Cow<'a, [u8]>) -> Option<Vec<Member<'a>>> {
    part.nest.as_deref().map(|key| vec![Member { key: Cow::Borrowed(key), value }])
}
