//! What is different between two lists of header fields.

use super::head::Pairs;
use super::report::Change;

/// Per name, in the order in which names first stand there.
pub fn between(before: &Pairs, after: &Pairs) -> Vec<Change> {
    let mut seen: Vec<String> = Vec::new();
    let mut changes = Vec::new();
    for (name, _) in before.iter().chain(after) {
        let key = name.to_ascii_lowercase();
        if seen.contains(&key) {
            continue;
        }
        let (was, is) = (values(before, &key), values(after, &key));
        seen.push(key);
        let change = match (&was, &is) {
            (was, is) if was == is => continue,
            (None, _) => "added",
            (_, None) => "removed",
            _ => "set",
        };
        changes.push(Change { change, name: name.clone(), value: is, was });
    }
    changes
}

/// All values of a name, joined as they may be (RFC 9110 §5.3).
fn values(pairs: &Pairs, key: &str) -> Option<String> {
    let mut values = pairs.iter().filter(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str());
    let first = values.next()?;
    Some(values.fold(first.to_owned(), |joined, value| format!("{joined}, {value}")))
}

/// In words, for people.
pub fn in_words(changes: &[Change]) -> String {
    let words: Vec<_> = changes.iter().map(|change| format!("{} {}", change.name, change.change)).collect();
    words.join(", ")
}
