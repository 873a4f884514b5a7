//! The strictest `Cache-Control` of several answers, by the table that Python's twin is held to as well
//! (`tests/contract/test_caching_agrees.py`).

use std::path::Path;

use glorieta_policy::gather::Caching;
use serde_json::Value;

#[test]
fn the_engine_says_what_the_table_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/contract/caching.json");
    let text = std::fs::read_to_string(&file).expect("the table");
    let cases: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert!(cases.len() >= 50, "only {} cases", cases.len());
    for case in &cases {
        let mut caching = Caching::default();
        for part in case["parts"].as_array().expect("parts") {
            add(&mut caching, part);
        }
        let control = caching.header().map(|value| String::from_utf8(value).expect("text"));
        let vary: Vec<_> = caching.vary().map(|name| std::str::from_utf8(name).expect("text")).collect();
        assert_eq!(control.as_deref(), case["control"].as_str(), "{}", case["about"]);
        assert_eq!(Value::from(vary), case["vary"], "{}", case["about"]);
    }
}

fn add(caching: &mut Caching, part: &Value) {
    if part == "unknown" {
        return caching.add_unknown();
    }
    caching.add(values(&part["cache-control"]), part["age"].as_str().map(str::as_bytes), values(&part["vary"]));
}

/// The lines of a header; a part without it has none.
fn values(lines: &Value) -> impl Iterator<Item = &[u8]> {
    lines.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::as_bytes)
}
