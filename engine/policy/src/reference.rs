//! References to values that a Plan does not hold: `${env:NAME}` and `${file:/path}` within a template.
//!
//! They are read when a Plan is made ready, by whoever knows how; what was read is text from then on, never syntax.

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

#[cfg(test)]
mod tests {
    use super::*;

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
