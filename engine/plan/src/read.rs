//! From text to a Plan, with errors that somebody can act on who has only the file at hand.

use std::fmt;

use serde::Deserialize;

use crate::{FORMAT, Plan};

/// Why a text is not a Plan that this engine runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Where in the document, such as `listeners[0].routes[2].target`; empty: the whole.
    pub path: String,
    pub message: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { out.write_str(&self.message) } else { write!(out, "{}: {}", self.path, self.message) }
    }
}

impl std::error::Error for Unreadable {}

/// Only what tells one format from another: everything else may differ between them.
#[derive(Deserialize)]
struct Stamp {
    format: u32,
}

/// Reads a Plan's JSON. A Plan of another format is named as such, whatever else is wrong with it.
pub fn read(text: &str) -> Result<Plan, Unreadable> {
    let read = read_strictly(text);
    let format = match &read {
        Ok(plan) => plan.format,
        Err(_) => serde_json::from_str(text).map_or(FORMAT, |stamp: Stamp| stamp.format),
    };
    if format == FORMAT { read } else { Err(other_format(format)) }
}

fn read_strictly(text: &str) -> Result<Plan, Unreadable> {
    // Knowing at each step where it is costs a third of the time: asked for only when something is wrong.
    serde_json::from_str(text).or_else(|_| read_with_places(text))
}

fn read_with_places(text: &str) -> Result<Plan, Unreadable> {
    let mut source = serde_json::Deserializer::from_str(text);
    let plan = serde_path_to_error::deserialize(&mut source)
        .map_err(|error| in_words(written(error.path()), error.inner()))?;
    source.end().map_err(|error| in_words(String::new(), &error))?;
    Ok(plan)
}

/// The path as far as it is known: none for the whole document, or for what is not JSON.
fn written(path: &serde_path_to_error::Path) -> String {
    let text = path.to_string();
    text.trim_end_matches(".?").trim_start_matches(['?', '.']).to_owned()
}

fn other_format(format: u32) -> Unreadable {
    Unreadable {
        path: "format".into(),
        message: format!("{format} is another version's; this engine reads format {FORMAT}. Compile the plan again"),
    }
}

/// The parser's sentence, with the place behind it in words of its own.
fn in_words(path: String, error: &serde_json::Error) -> Unreadable {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let sentence = text.strip_suffix(&place).unwrap_or(&text);
    let message = if error.is_eof() {
        format!("the text ends in the middle, at line {}, column {}", error.line(), error.column())
    } else {
        format!("{sentence} (line {}, column {})", error.line(), error.column())
    };
    Unreadable { path, message }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn small() -> Value {
        json!({
            "format": FORMAT, "version": "0123456789ab", "workers": 1, "listeners": [], "groups": [], "upstreams": [],
            "handlers": [],
            "admin": {"address": null, "required": false, "socket": null, "hosts": []},
            "access_log": {"to": "stdout", "format": "json", "queue": 1024},
            "drain_ms": 45000, "server_name": null,
        })
    }

    #[test]
    fn what_was_written_is_read() {
        let plan = read(&small().to_string()).unwrap();
        assert_eq!((plan.version.as_str(), plan.drain_ms), ("0123456789ab", 45000));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_path_and_place() {
        let mut document = small();
        document["admin"]["colour"] = json!("red");
        let problem = read(&document.to_string()).unwrap_err();
        assert_eq!(problem.path, "admin.colour");
        assert!(problem.message.contains("unknown field `colour`"), "{problem}");
        assert!(problem.message.contains("(line 1, column "), "{problem}");
        assert!(!problem.message.contains("at line"), "{problem}");
    }

    #[test]
    fn a_missing_key_is_an_error() {
        let mut document = small();
        document.as_object_mut().unwrap().remove("drain_ms");
        assert!(read(&document.to_string()).unwrap_err().message.contains("missing field `drain_ms`"));
    }

    #[test]
    fn another_format_is_named_before_what_differs_in_it() {
        let mut document = small();
        document["format"] = json!(FORMAT + 1);
        document["novelty"] = json!(true);
        let problem = read(&document.to_string()).unwrap_err();
        assert_eq!(problem.path, "format");
        assert!(problem.message.contains(&format!("reads format {FORMAT}")), "{problem}");
    }

    #[test]
    fn half_a_document_and_two_documents_are_errors() {
        let text = small().to_string();
        let problem = read(&text[..text.len() - 5]).unwrap_err();
        assert!(problem.message.contains("ends in the middle"), "{problem}");
        let problem = read("{").unwrap_err();
        assert_eq!((problem.path.as_str(), problem.to_string()), ("", problem.message.clone()));
        assert!(read(&format!("{text} {text}")).unwrap_err().message.contains("trailing characters"));
        assert!(read("").is_err());
    }
}
