//! The reference of reasons has every reason that there is, as the engine answers it, and no other.

use glorieta_core::{At, Kind};

const DOCUMENT: &str = include_str!("../../../docs/reference/reasons.md");

/// A row of the table: reason, status, where, meaning.
fn rows() -> Vec<Vec<&'static str>> {
    let lines = DOCUMENT.lines().filter(|line| line.starts_with("| `"));
    lines.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

#[test]
fn every_reason_is_documented_in_order_with_its_status_and_place() {
    let documented: Vec<String> = rows().iter().map(|row| row[..3.min(row.len())].join(" | ")).collect();
    let expected: Vec<String> = Kind::ALL
        .iter()
        .map(|kind| {
            let place = match kind.at() {
                At::Client => "client",
                At::Upstream => "upstream",
                At::Engine => "engine",
            };
            format!("`{}` | {} | {place}", kind.reason(), kind.status())
        })
        .collect();
    assert_eq!(documented, expected);
}

#[test]
fn every_reason_has_a_meaning() {
    for row in rows() {
        assert!(row.len() == 4 && row[3].len() > 10, "{row:?}");
    }
}

#[test]
fn no_word_stands_for_two_reasons() {
    let words: std::collections::BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.reason()).collect();
    assert_eq!(words.len(), Kind::ALL.len());
}
