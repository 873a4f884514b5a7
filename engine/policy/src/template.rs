//! Texts with `${word}` in them: header values, redirects, bodies, rewritten paths, log lines.
//!
//! A template is cut into its parts once. What a client sent is put in as it is and never read as
//! a template again, and bytes that may not stand in a header value never leave here (attack 22).

use glorieta_core::error::Kind;
use glorieta_core::{Error, Result};

use crate::path::is_unreserved;
use crate::reference::{LookUp, Reference};
use crate::word::{View, Word};

/// A text with words in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(Box<[u8]>),
    Word(Word),
}

impl Template {
    /// Reads a template for a request: `${client.ip}`, `$$` for a dollar sign. What references (`${env:NAME}`,
    /// `${file:/path}`) name is looked up now and is text from then on.
    ///
    /// # Errors
    /// A sentence for the person who wrote it: an unknown word, a `$` alone, a missing brace, a
    /// word that has no value before the answer, or what `look_up` says.
    pub fn parse(text: &str, look_up: LookUp<'_>) -> Result<Template, String> {
        let template = Template::parse_log(text, look_up)?;
        for part in &template.parts {
            if let Part::Word(word) = part
                && word.is_outcome()
            {
                return Err(format!("{text:?} has a word that only the access log knows"));
            }
        }
        Ok(template)
    }

    /// Reads a template of the access log, where words of the answer (`${status}`) have a value.
    ///
    /// # Errors
    /// As [`Template::parse`].
    pub fn parse_log(text: &str, look_up: LookUp<'_>) -> Result<Template, String> {
        let mut parts = Vec::new();
        cut(text, look_up, &mut |piece| {
            parts.push(match piece {
                Cut::Literal(literal) => Part::Literal(literal.into_bytes().into()),
                Cut::Word(written) => Part::Word(word(written)?),
            });
            Ok(())
        })?;
        Ok(Template { parts })
    }

    /// Whether it has no words: expanding it always gives the same.
    pub fn is_literal(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Literal(_)))
    }

    /// The text of a template without words.
    pub fn as_literal(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [] => Some(b""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Every word in it, in order.
    pub fn words(&self) -> impl Iterator<Item = &Word> {
        self.parts.iter().filter_map(|part| match part {
            Part::Word(word) => Some(word),
            Part::Literal(_) => None,
        })
    }

    /// Appends the text with the request's values; what has no value is empty. Control bytes in a
    /// value are left out.
    pub fn expand(&self, view: &View<'_>, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.extend_from_slice(text),
                Part::Word(word) => {
                    let start = out.len();
                    word.read(view, out);
                    if word.is_foreign() {
                        drop_controls(out, start);
                    }
                }
            }
        }
    }

    /// Appends a path for the request to the upstream. Values other than `path` and `path.NAME`
    /// (which are encoded already) are percent-encoded, so that they stay within one segment.
    ///
    /// # Errors
    /// [`Kind::PathRefused`] where values made the path climb: a header whose value is `..`.
    pub fn expand_path(&self, view: &View<'_>, out: &mut Vec<u8>) -> Result<()> {
        let begin = out.len();
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.extend_from_slice(text),
                Part::Word(word) => {
                    let start = out.len();
                    word.read(view, out);
                    if !stays(word, &out[begin..start]) {
                        encode(out, start);
                    }
                }
            }
        }
        let end = out[begin..].iter().position(|&byte| byte == b'?').map_or(out.len(), |length| begin + length);
        let mut segments = out[begin..end].split(|&byte| byte == b'/');
        if !self.is_literal() && segments.any(|segment| segment == b"." || segment == b"..") {
            return Err(Error::because(Kind::PathRefused, "the rewritten path has a dot segment"));
        }
        Ok(())
    }

    /// Appends a `Location`. A value must not turn a path into another site's address: where the
    /// template does not itself begin with `//`, slashes at the front become one.
    pub fn expand_location(&self, view: &View<'_>, out: &mut Vec<u8>) {
        let begin = out.len();
        self.expand(view, out);
        let meant = matches!(self.parts.first(), Some(Part::Literal(text)) if text.starts_with(b"//"));
        let slashes = out[begin..].iter().take_while(|&&byte| byte == b'/' || byte == b'\\').count();
        if slashes > 1 && !meant {
            out.drain(begin + 1..begin + slashes);
            out[begin] = b'/';
        }
    }
}

/// A piece of a text with words in it.
pub(crate) enum Cut<'t> {
    Literal(String),
    /// What stands between `${` and `}`.
    Word(&'t str),
}

/// Cuts a text into its pieces; what references name is looked up and is literal.
///
/// # Errors
/// A `$` alone, a missing brace, or what `look_up` or `take` says.
pub(crate) fn cut<'t>(
    text: &'t str,
    look_up: LookUp<'_>,
    take: &mut dyn FnMut(Cut<'t>) -> Result<(), String>,
) -> Result<(), String> {
    let mut literal = String::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        literal.push_str(&rest[..dollar]);
        rest = &rest[dollar + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            literal.push('$');
            rest = after;
            continue;
        }
        let Some(after) = rest.strip_prefix('{') else {
            return Err(format!("{text:?} has a single `$`; write `$$` for a dollar sign, `${{word}}` for a value"));
        };
        let Some(brace) = after.find('}') else {
            return Err(format!("{text:?} has a `${{` without `}}`"));
        };
        match Reference::read(&after[..brace]) {
            Some(reference) => literal.push_str(&look_up(reference)?),
            None => {
                if !literal.is_empty() {
                    take(Cut::Literal(std::mem::take(&mut literal)))?;
                }
                take(Cut::Word(&after[..brace]))?;
            }
        }
        rest = &after[brace + 1..];
    }
    literal.push_str(rest);
    if literal.is_empty() { Ok(()) } else { take(Cut::Literal(literal)) }
}

/// Whether a word's value goes behind this beginning of a target as it came: what was part of one keeps its escapes.
pub(crate) fn stays(word: &Word, before: &[u8]) -> bool {
    match word {
        Word::Path | Word::PathParameter(..) | Word::Search | Word::Target => true,
        Word::Query | Word::QueryParameter(_) => before.contains(&b'?'),
        _ => false,
    }
}

/// Reads a word of a request.
///
/// # Errors
/// A sentence for the person who wrote it.
pub(crate) fn word(text: &str) -> Result<Word, String> {
    if let Some((kind, _)) = text.split_once(':') {
        return Err(format!(
            "${{{text}}}: there is no {kind:?}; values from outside are ${{env:NAME}} and ${{file:/path}}"
        ));
    }
    Word::parse(text)
}

/// Leaves out control bytes behind `start`.
pub(crate) fn drop_controls(out: &mut Vec<u8>, start: usize) {
    let is_control = |byte: u8| (byte < 0x20 && byte != b'\t') || byte == 0x7f;
    if out[start..].iter().any(|&byte| is_control(byte)) {
        let kept: Vec<u8> = out.drain(start..).filter(|&byte| !is_control(byte)).collect();
        out.extend_from_slice(&kept);
    }
}

/// Percent-encodes what stands behind `start`, so that it stays within one segment or value.
pub(crate) fn encode(out: &mut Vec<u8>, start: usize) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if out[start..].iter().all(|&byte| is_unreserved(byte)) {
        return;
    }
    let plain: Vec<u8> = out.drain(start..).collect();
    for byte in plain {
        if is_unreserved(byte) {
            out.push(byte);
        } else {
            out.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::as_written;

    fn look_up(reference: Reference<'_>) -> Result<String, String> {
        match reference {
            Reference::Env("TOKEN") => Ok("s3cret ${path} $".to_owned()),
            other => Err(format!("there is no {other}")),
        }
    }

    #[test]
    fn what_a_reference_names_is_text_and_never_read_again() {
        let template = Template::parse("Bearer ${env:TOKEN}", &look_up).unwrap();
        assert_eq!(template.as_literal(), Some(&b"Bearer s3cret ${path} $"[..]));
        let mixed = Template::parse("${env:TOKEN}/${path}/$${env:TOKEN}", &look_up).unwrap();
        assert_eq!(mixed.words().count(), 1);
        assert!(!mixed.is_literal());
    }

    #[test]
    fn errors_name_the_reference_and_never_its_value() {
        assert_eq!(Template::parse("${file:/run/a}", &look_up).unwrap_err(), "there is no ${file:/run/a}");
        for wrong in ["${env:TOKEN} ${nothing}", "${env:TOKEN} $", "${env:TOKEN} ${path", "${vault:a} ${env:TOKEN}"] {
            assert!(!Template::parse(wrong, &look_up).unwrap_err().contains("s3cret"), "{wrong}");
        }
    }

    #[test]
    fn a_reference_may_stand_for_itself() {
        let template = Template::parse("${env:TOKEN}", &as_written).unwrap();
        assert_eq!(template.as_literal(), Some(&b"${env:TOKEN}"[..]));
    }
}
