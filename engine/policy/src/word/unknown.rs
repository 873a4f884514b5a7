//! What is said of a word that is none.

use super::{NAMED, PLAIN};

pub(super) fn unknown(text: &str, kind: &str, name: &str) -> String {
    let plain = PLAIN.iter().map(|(known, _)| ((*known).to_owned(), distance(text, known)));
    let named =
        NAMED.iter().filter(|_| !name.is_empty()).map(|known| (format!("{known}.{name}"), distance(kind, known)));
    match plain.chain(named).min_by_key(|(_, distance)| *distance) {
        Some((nearest, distance)) if distance <= 1 + text.len() / 4 => {
            format!("unknown word {text:?}; did you mean {nearest:?}?")
        }
        _ => format!("unknown word {text:?}"),
    }
}

/// How many letters must change to make one text of the other (Levenshtein's distance).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, left) in one.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], above + 1);
        for (index, right) in other.bytes().enumerate() {
            let change = diagonal + usize::from(left != right);
            diagonal = row[index + 1];
            row[index + 1] = change.min(diagonal + 1).min(row[index] + 1);
        }
    }
    row[other.len()]
}
