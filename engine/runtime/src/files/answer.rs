//! The answer for one opened file: preconditions, ranges, and what describes it.

use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use glorieta_core::{Body, Error, Fields, Kind, Method, Name, Response, ResponseHead};
use glorieta_policy::Coding;
use glorieta_policy::conditional::{self, Outcome, Validators};
use glorieta_policy::range::{self, ByteRange, Selection};

use super::body::{FileBody, Piece};
use super::kinds;
use super::locate::Opened;

/// Bodies up to this length are read at once.
const SMALL: u64 = 64 << 10;
/// The first second of the year 10000, which no date of HTTP can name.
const END_OF_DATES: i64 = 253_402_300_800;

/// An answer that may cross from the blocking pool to a worker.
pub(super) struct Answer {
    head: ResponseHead,
    content: Content,
}

enum Content {
    /// No body, and what `Content-Length` says.
    None(Option<u64>),
    Small(Bytes),
    Large(FileBody),
}

impl Answer {
    pub(super) fn into_response(self) -> Response {
        let (body, announced) = match self.content {
            Content::None(announced) => (Body::Empty, announced),
            Content::Small(bytes) => (Body::Full(bytes), None),
            Content::Large(body) => (Body::Stream(Box::new(body)), None),
        };
        Response { head: self.head, body, announced }
    }
}

/// Judges what is asked of a file, and reads it if it is small. Blocks.
/// `varies`: another client could get it encoded otherwise.
pub(super) fn answer(opened: Opened, method: Method, conditions: &Fields, varies: bool) -> Result<Answer, Error> {
    let about = About::of(&opened, varies);
    match conditional::evaluate(method, conditions, &about.validators()) {
        Outcome::Proceed => {}
        Outcome::NotModified => {
            let mut head = ResponseHead::new(304);
            about.describe(&mut head.fields);
            return Ok(Answer { head, content: Content::None(Some(about.length)) });
        }
        Outcome::PreconditionFailed => {
            return Ok(Answer { head: ResponseHead::new(412), content: Content::None(None) });
        }
    }
    // A range is defined for GET only (RFC 9110 §14.2).
    let range = conditions.get(Name::Range).filter(|_| method == Method::Get);
    let selection = match range {
        Some(range) if conditional::range_applies(conditions, &about.validators()) => {
            range::select(range, about.length)
        }
        _ => Selection::Whole,
    };
    match selection {
        Selection::Whole => about.whole(opened, method),
        Selection::Unsatisfiable => Ok(about.unsatisfiable()),
        Selection::Parts(parts) if parts.len() == 1 => about.part(opened, parts[0]),
        Selection::Parts(parts) => about.parts(opened, &parts),
    }
}

/// What is said about a file.
struct About {
    length: u64,
    etag: String,
    /// Whole seconds since 1970.
    modified: Option<u64>,
    kind: &'static str,
    coding: Option<Coding>,
    varies: bool,
}

impl About {
    fn of(opened: &Opened, varies: bool) -> About {
        let metadata = &opened.metadata;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let seconds = metadata.mtime();
        let modified = (0..END_OF_DATES).contains(&seconds).then_some(seconds as u64);
        About {
            length: metadata.len(),
            etag: etag(metadata.len(), seconds, metadata.mtime_nsec(), metadata.ino()),
            // A date that lies ahead must not be sent (RFC 9110 §8.8.2.1).
            modified: modified.filter(|&modified| modified <= now),
            kind: kinds::of(opened.name.to_bytes()),
            coding: opened.coding,
            varies,
        }
    }

    fn validators(&self) -> Validators<'_> {
        Validators { etag: Some(self.etag.as_bytes()), modified: self.modified }
    }

    fn describe(&self, fields: &mut Fields) {
        fields.add(Name::Etag, self.etag.as_bytes());
        if let Some(modified) = self.modified {
            let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(modified));
            fields.add(Name::LastModified, date.as_bytes());
        }
        fields.add(Name::AcceptRanges, b"bytes");
        if self.varies {
            fields.add(Name::Vary, Name::AcceptEncoding.text().as_bytes());
        }
    }

    fn head(&self, status: u16, kind: &str) -> ResponseHead {
        let mut head = ResponseHead::new(status);
        head.fields.add(Name::ContentType, kind.as_bytes());
        head.fields.add_named(b"X-Content-Type-Options", b"nosniff");
        if let Some(coding) = self.coding {
            head.fields.add(Name::ContentEncoding, coding.token().as_bytes());
        }
        self.describe(&mut head.fields);
        head
    }

    fn whole(&self, opened: Opened, method: Method) -> Result<Answer, Error> {
        let head = self.head(200, self.kind);
        if method == Method::Head {
            return Ok(Answer { head, content: Content::None(Some(self.length)) });
        }
        let pieces = match self.length {
            0 => Vec::new(),
            length => vec![Piece::File(ByteRange { first: 0, last: length - 1 })],
        };
        Ok(Answer { head, content: content(opened, pieces)? })
    }

    fn unsatisfiable(&self) -> Answer {
        let mut head = ResponseHead::new(416);
        head.fields.add(Name::ContentRange, format!("bytes */{}", self.length).as_bytes());
        head.fields.add(Name::AcceptRanges, b"bytes");
        Answer { head, content: Content::None(None) }
    }

    fn part(&self, opened: Opened, part: ByteRange) -> Result<Answer, Error> {
        let mut head = self.head(206, self.kind);
        head.fields.add(Name::ContentRange, part.content_range(self.length).as_bytes());
        Ok(Answer { head, content: content(opened, vec![Piece::File(part)])? })
    }

    fn parts(&self, opened: Opened, parts: &[ByteRange]) -> Result<Answer, Error> {
        // Random, so that nobody can put a boundary into a file beforehand.
        let boundary = format!("{:032x}", fastrand::u128(..));
        let mut pieces = Vec::with_capacity(2 * parts.len() + 1);
        let mut between = "";
        for &part in parts {
            let text = format!(
                "{between}--{boundary}\r\nContent-Type: {}\r\nContent-Range: {}\r\n\r\n",
                self.kind,
                part.content_range(self.length)
            );
            pieces.extend([Piece::Text(text.into()), Piece::File(part)]);
            between = "\r\n";
        }
        pieces.push(Piece::Text(format!("\r\n--{boundary}--\r\n").into()));
        let head = self.head(206, &format!("multipart/byteranges; boundary={boundary}"));
        Ok(Answer { head, content: content(opened, pieces)? })
    }
}

fn content(opened: Opened, pieces: Vec<Piece>) -> Result<Content, Error> {
    let body = FileBody::new(opened.file, pieces);
    if body.length() > SMALL {
        return Ok(Content::Large(body));
    }
    body.read_all()
        .map(Content::Small)
        .map_err(|error| Error::new(Kind::Internal).with_detail(format!("reading a file: {error}")))
}

/// Strong: another size, time or file is another tag. Mixed, so that no inode number is shown.
fn etag(length: u64, seconds: i64, nanoseconds: i64, inode: u64) -> String {
    let state =
        [seconds as u64, nanoseconds as u64, inode].into_iter().fold(length, |state, value| mix(state ^ mix(value)));
    format!("\"{length:x}-{state:016x}\"")
}

/// Spreads every bit over all others and maps no two numbers to one (the finaliser of SplitMix64).
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_change_of_a_file_changes_its_tag() {
        let tags = [
            etag(1, 2, 3, 4),
            etag(2, 2, 3, 4),
            etag(1, 3, 3, 4),
            etag(1, 2, 4, 4),
            etag(1, 2, 3, 5),
            etag(1, 3, 2, 4),
            etag(1, -2, 3, 4),
        ];
        for (index, tag) in tags.iter().enumerate() {
            assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 18, "{tag}");
            assert!(!tags[..index].contains(tag), "{tag}");
        }
        assert_eq!(etag(1, 2, 3, 4), tags[0]);
    }
}
