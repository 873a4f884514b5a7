//! What is sent to a part: texts with words of the request, and with `${parts.NAME.path}`, values of other parts'
//! answers. Those are put in escaped, as a path segment, a query's value or a JSON text, and never read again.

use serde_json::Value;

use glorieta_core::error::Kind;
use glorieta_core::{Error, Result};

use super::json::{elements, find, is_array, is_object, quote, unescape};
use super::shape;
use crate::reference::LookUp;
use crate::template::{Cut, cut, drop_controls, encode, stays, word};
use crate::word::{View, Word, decode};

/// The family of words that read other parts' answers.
const PARTS: &str = "parts";

/// The place of a part by its name.
pub type Places<'a> = &'a dyn Fn(&str) -> Option<usize>;

/// What the parts answered, by place: checked JSON; `None`: nothing.
pub type Answers<'a> = &'a dyn Fn(usize) -> Option<&'a [u8]>;

/// A value that is not there, so that nothing can be sent.
#[derive(Debug)]
pub enum Hole {
    /// The word of another part, as it was written.
    Missing(Box<str>),
    /// Values made something of a path that it was not meant to be.
    Refused(Error),
}

/// A value of another part's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PartWord {
    part: usize,
    path: Box<[Box<[u8]>]>,
    written: Box<str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(Box<[u8]>),
    Request(Word),
    Part(PartWord),
}

/// A text with words in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    pieces: Vec<Piece>,
}

impl Text {
    /// # Errors
    /// A sentence for the person who wrote it.
    pub fn read(text: &str, look_up: LookUp<'_>, places: Places<'_>) -> Result<Text, String> {
        let mut pieces = Vec::new();
        cut(text, look_up, &mut |piece| {
            pieces.push(match piece {
                Cut::Literal(literal) => Piece::Literal(literal.into_bytes().into()),
                Cut::Word(written) => match PartWord::read(written, places)? {
                    Some(word) => Piece::Part(word),
                    None => Piece::Request(request_word(written)?),
                },
            });
            Ok(())
        })?;
        Ok(Text { pieces })
    }

    /// The parts whose values it has.
    pub fn parts(&self) -> impl Iterator<Item = usize> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Part(word) => Some(word.part),
            _ => None,
        })
    }

    /// Appends path and query of a request. What is put in stays within its segment or value, but for what was part
    /// of a target before: `path`, `path.NAME`, `search`, `target`, and `query` behind a question mark.
    ///
    /// # Errors
    /// A value that is not there, or one that makes the path climb.
    pub fn target(&self, view: &View<'_>, answers: Answers<'_>, out: &mut Vec<u8>) -> Result<(), Hole> {
        let begin = out.len();
        for piece in &self.pieces {
            let start = out.len();
            match piece {
                Piece::Literal(text) => out.extend_from_slice(text),
                Piece::Request(word) if stays(word, &out[begin..]) => {
                    word.read(view, out);
                }
                Piece::Request(word) => {
                    read_decoded(word, view, out);
                    encode(out, start);
                }
                Piece::Part(word) => {
                    word.text(answers, out)?;
                    if out.len() == start && !out[begin..].contains(&b'?') {
                        return Err(word.missing());
                    }
                    encode(out, start);
                }
            }
        }
        let end = out[begin..].iter().position(|&byte| byte == b'?').map_or(out.len(), |length| begin + length);
        let refuse = |detail| Hole::Refused(Error::because(Kind::PathRefused, detail));
        if !out[begin..end].starts_with(b"/") {
            return Err(refuse("the path of a part does not begin with a slash"));
        }
        if out[begin..end].split(|&byte| byte == b'/').any(|segment| segment == b"." || segment == b"..") {
            return Err(refuse("the path of a part has a dot segment"));
        }
        Ok(())
    }

    /// Appends a header's value; control bytes in values are left out.
    ///
    /// # Errors
    /// A value that is not there.
    pub fn header(&self, view: &View<'_>, answers: Answers<'_>, out: &mut Vec<u8>) -> Result<(), Hole> {
        for piece in &self.pieces {
            let start = out.len();
            match piece {
                Piece::Literal(text) => out.extend_from_slice(text),
                Piece::Request(word) => {
                    word.read(view, out);
                }
                Piece::Part(word) => word.text(answers, out)?,
            }
            drop_controls(out, start);
        }
        Ok(())
    }

    /// Appends the text itself: what was percent-encoded in the request is decoded.
    fn plain(&self, view: &View<'_>, answers: Answers<'_>, out: &mut Vec<u8>) -> Result<(), Hole> {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.extend_from_slice(text),
                Piece::Request(word) => read_decoded(word, view, out),
                Piece::Part(word) => word.text(answers, out)?,
            }
        }
        Ok(())
    }
}

fn request_word(written: &str) -> Result<Word, String> {
    let word = word(written)?;
    if word.is_outcome() { Err(format!("{written:?} is known only to the access log")) } else { Ok(word) }
}

/// Reads a word; parts of a target are decoded.
fn read_decoded(word: &Word, view: &View<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    word.read(view, out);
    let decoded = match word {
        Word::QueryParameter(_) => decode(&out[start..]).into_owned(),
        Word::Path | Word::PathParameter(..) => decode_path(&out[start..]),
        _ => return,
    };
    out.truncate(start);
    out.extend(decoded);
}

/// Decodes the percent escapes of a path, in which a plus sign is one.
fn decode_path(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    for (place, piece) in text.split(|&byte| byte == b'+').enumerate() {
        if place > 0 {
            decoded.push(b'+');
        }
        decoded.extend_from_slice(&decode(piece));
    }
    decoded
}

impl PartWord {
    /// `None`: it is no word of a part.
    fn read(written: &str, places: Places<'_>) -> Result<Option<PartWord>, String> {
        let (family, rest) = written.split_once('.').unwrap_or((written, ""));
        if family != PARTS {
            return Ok(None);
        }
        let (name, path) = rest.split_once('.').unwrap_or((rest, ""));
        let part = places(name).ok_or_else(|| format!("{written:?}: there is no part {name:?}"))?;
        let path = if path.is_empty() { Vec::new() } else { shape::steps(path)? };
        Ok(Some(PartWord { part, path: path.into(), written: written.into() }))
    }

    fn value<'a>(&self, answers: Answers<'a>) -> Result<&'a [u8], Hole> {
        let value = answers(self.part).and_then(|answer| find(answer, self.path.iter().map(|step| &**step)));
        value.ok_or_else(|| self.missing())
    }

    /// Appends a text, a number, a truth value, or several of them with commas between.
    fn text(&self, answers: Answers<'_>, out: &mut Vec<u8>) -> Result<(), Hole> {
        let value = self.value(answers)?;
        if !is_array(value) {
            return if scalar(value, out) { Ok(()) } else { Err(self.missing()) };
        }
        for (place, element) in elements(value).enumerate() {
            if place > 0 {
                out.push(b',');
            }
            if !scalar(element, out) {
                return Err(self.missing());
            }
        }
        Ok(())
    }

    fn missing(&self) -> Hole {
        Hole::Missing(self.written.clone())
    }
}

/// Appends the text of a value; `false`: it has none.
fn scalar(value: &[u8], out: &mut Vec<u8>) -> bool {
    if let Some(inner) = value.strip_prefix(b"\"") {
        out.extend_from_slice(&unescape(inner.strip_suffix(b"\"").unwrap_or(inner)));
        return true;
    }
    if is_object(value) || is_array(value) || value == b"null" {
        return false;
    }
    out.extend_from_slice(value);
    true
}

/// Parameters of a query; one that comes out empty is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Names, encoded, and values.
    pairs: Vec<(Box<[u8]>, Text)>,
}

impl Query {
    /// # Errors
    /// A sentence for the person who wrote it.
    pub fn read(pairs: &[(String, String)], look_up: LookUp<'_>, places: Places<'_>) -> Result<Query, String> {
        let pair = |(name, value): &(String, String)| {
            let mut encoded = name.as_bytes().to_vec();
            encode(&mut encoded, 0);
            Ok((encoded.into(), Text::read(value, look_up, places)?))
        };
        Ok(Query { pairs: pairs.iter().map(pair).collect::<Result<_, String>>()? })
    }

    /// The parts whose values it has.
    pub fn parts(&self) -> impl Iterator<Item = usize> {
        self.pairs.iter().flat_map(|(_, value)| value.parts())
    }

    /// Appends the parameters to a target, behind those that it has.
    ///
    /// # Errors
    /// A value that is not there.
    pub fn write(&self, view: &View<'_>, answers: Answers<'_>, target: &mut Vec<u8>) -> Result<(), Hole> {
        let mut joint = match target.iter().position(|&byte| byte == b'?') {
            None => Some(b'?'),
            Some(mark) if mark + 1 == target.len() => None,
            Some(_) => Some(b'&'),
        };
        for (name, value) in &self.pairs {
            let before = target.len();
            target.extend(joint);
            target.extend_from_slice(name);
            target.push(b'=');
            let start = target.len();
            value.plain(view, answers, target)?;
            if target.len() == start {
                target.truncate(before);
                continue;
            }
            encode(target, start);
            joint = Some(b'&');
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum BodyPiece {
    Json(Box<[u8]>),
    Text(Text),
    Value(PartWord),
}

/// A JSON body whose texts are templates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    pieces: Vec<BodyPiece>,
}

impl Body {
    /// # Errors
    /// A sentence for the person who wrote it.
    pub fn read(value: &Value, look_up: LookUp<'_>, places: Places<'_>) -> Result<Body, String> {
        let mut body = Body::default();
        body.add(value, look_up, places)?;
        Ok(body)
    }

    fn add(&mut self, value: &Value, look_up: LookUp<'_>, places: Places<'_>) -> Result<(), String> {
        match value {
            Value::String(text) => {
                let text = Text::read(text, look_up, places)?;
                match text.pieces.as_slice() {
                    [Piece::Part(word)] => self.pieces.push(BodyPiece::Value(word.clone())),
                    [] => self.literal(b"\"\""),
                    [Piece::Literal(literal)] => self.literal_with(|out| quote(literal, out)),
                    _ => self.pieces.push(BodyPiece::Text(text)),
                }
            }
            Value::Array(list) => {
                for (place, each) in list.iter().enumerate() {
                    self.literal(if place > 0 { b"," } else { b"[" });
                    self.add(each, look_up, places)?;
                }
                self.literal(if list.is_empty() { b"[]" } else { b"]" });
            }
            Value::Object(map) => {
                for (place, (key, each)) in map.iter().enumerate() {
                    self.literal(if place > 0 { b"," } else { b"{" });
                    self.literal_with(|out| quote(key.as_bytes(), out));
                    self.literal(b":");
                    self.add(each, look_up, places)?;
                }
                self.literal(if map.is_empty() { b"{}" } else { b"}" });
            }
            plain => self.literal(plain.to_string().as_bytes()),
        }
        Ok(())
    }

    fn literal(&mut self, text: &[u8]) {
        self.literal_with(|out| out.extend_from_slice(text));
    }

    fn literal_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut text = match self.pieces.pop() {
            Some(BodyPiece::Json(before)) => before.into_vec(),
            other => {
                self.pieces.extend(other);
                Vec::new()
            }
        };
        write(&mut text);
        self.pieces.push(BodyPiece::Json(text.into()));
    }

    /// The parts whose values it has.
    pub fn parts(&self) -> impl Iterator<Item = usize> {
        self.pieces.iter().flat_map(|piece| {
            let (word, text) = match piece {
                BodyPiece::Json(_) => (None, None),
                BodyPiece::Text(text) => (None, Some(text.parts())),
                BodyPiece::Value(word) => (Some(word.part), None),
            };
            word.into_iter().chain(text.into_iter().flatten())
        })
    }

    /// Appends the JSON.
    ///
    /// # Errors
    /// A value that is not there.
    pub fn write(&self, view: &View<'_>, answers: Answers<'_>, out: &mut Vec<u8>) -> Result<(), Hole> {
        for piece in &self.pieces {
            match piece {
                BodyPiece::Json(text) => out.extend_from_slice(text),
                BodyPiece::Value(word) => out.extend_from_slice(word.value(answers)?),
                BodyPiece::Text(text) => {
                    let mut plain = Vec::new();
                    text.plain(view, answers, &mut plain)?;
                    quote(&plain, out);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
