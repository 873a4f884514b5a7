//! References to values that a Plan does not hold: `${env:NAME}` and `${file:/path}` within a template, or within a
//! text that is sent or compared as it is.
//!
//! They are read when a Plan is made ready, by whoever knows how; what was read is text from then on, never syntax.

use std::borrow::Cow;
use std::fmt;

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference<'a> {
    /// A variable of the environment.
    Env(&'a str),
    /// The content of a file, by its absolute path.
    File(&'a str),
}

/// Reads what a reference names; an error is a sentence that names it and never its value.
pub type LookUp<'a> = &'a dyn Fn(Reference<'_>) -> Result<String, String>;

impl<'a> Reference<'a> {
    /// Reads what stands between `${` and `}`; `None`: it is no reference.
    pub fn read(text: &'a str) -> Option<Reference<'a>> {
        match text.split_once(':')? {
            ("env", name) => Some(Reference::Env(name)),
            ("file", path) => Some(Reference::File(path)),
            _ => None,
        }
    }
}

impl fmt::Display for Reference<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Env(name) => write!(out, "${{env:{name}}}"),
            Reference::File(path) => write!(out, "${{file:{path}}}"),
        }
    }
}

/// Where nothing is to be read: the reference itself stands for what it names.
///
/// # Errors
/// None.
pub fn as_written(reference: Reference<'_>) -> Result<String, String> {
    Ok(reference.to_string())
}

/// A text with the values of its references in their place. `$$` is a dollar sign, and so is a `$` that begins no
/// reference: unlike a template, such a text has no words.
///
/// # Errors
/// What `look_up` says.
pub fn fill<'t>(text: &'t str, look_up: LookUp<'_>) -> Result<Cow<'t, str>, String> {
    if !text.contains('$') {
        return Ok(text.into());
    }
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        filled.push_str(&rest[..dollar]);
        rest = &rest[dollar + 1..];
        if let Some((reference, after)) = begins(rest) {
            filled.push_str(&look_up(reference)?);
            rest = after;
        } else {
            filled.push('$');
            rest = rest.strip_prefix('$').unwrap_or(rest);
        }
    }
    filled.push_str(rest);
    Ok(filled.into())
}

/// Whether a text for [`fill`] has any reference.
pub fn refers(text: &str) -> bool {
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        rest = &rest[dollar + 1..];
        if begins(rest).is_some() {
            return true;
        }
        rest = rest.strip_prefix('$').unwrap_or(rest);
    }
    false
}

/// The reference with which a text behind a `$` begins, and what follows it.
fn begins(text: &str) -> Option<(Reference<'_>, &str)> {
    let (inner, after) = text.strip_prefix('{')?.split_once('}')?;
    Some((Reference::read(inner)?, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_filled_and_nothing_else_in_them_means_anything() {
        let look_up = |reference: Reference<'_>| match reference {
            Reference::Env("TOKEN") => Ok("s3cret ${env:TOKEN} $$".to_owned()),
            other => Err(format!("there is no {other}")),
        };
        for (text, filled) in [
            ("plain", "plain"),
            ("", ""),
            ("a$$b$", "a$b$"),
            ("$$${client.ip}$ {x}", "$${client.ip}$ {x}"),
            ("${env:TOKEN", "${env:TOKEN"),
            ("$${env:TOKEN}", "${env:TOKEN}"),
            ("a ${env:TOKEN}$", "a s3cret ${env:TOKEN} $$$"),
            ("$$${env:TOKEN}", "$s3cret ${env:TOKEN} $$"),
        ] {
            assert_eq!(fill(text, &look_up).as_deref(), Ok(filled), "{text}");
        }
        assert_eq!(fill("s ${file:/a}", &look_up), Err("there is no ${file:/a}".to_owned()));
        for (text, has) in [("a${env:A}", true), ("$$${file:/a}", true), ("$${env:A}", false), ("${path} $", false)] {
            assert_eq!(refers(text), has, "{text}");
        }
    }

    #[test]
    fn references_are_told_from_words() {
        assert_eq!(Reference::read("env:TOKEN"), Some(Reference::Env("TOKEN")));
        assert_eq!(Reference::read("file:/run/a:b"), Some(Reference::File("/run/a:b")));
        for word in ["client.ip", "header.x-user", "env.TOKEN", "vault:a", "env"] {
            assert_eq!(Reference::read(word), None, "{word}");
        }
        assert_eq!(as_written(Reference::Env("A")), Ok("${env:A}".to_owned()));
        assert_eq!(as_written(Reference::File("/a")), Ok("${file:/a}".to_owned()));
    }
}
