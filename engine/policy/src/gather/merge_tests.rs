use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::json::tests::any_json;
use super::super::shape::key;
use super::*;
use crate::gather::Json;

fn merged(conflict: Conflict, parts: &[&str]) -> Result<String, Clash> {
    let mut merge = Merge::new(conflict);
    for (place, part) in parts.iter().enumerate() {
        merge.add(place, Object::of(Json::check(part.as_bytes()).unwrap().into_members()).members)?;
    }
    let mut out = Vec::new();
    merge.write(&mut out);
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn policies() {
    let parts = [r#"{"a":{"x":1,"y":[1]},"b":1.0}"#, r#"{"b":2,"a":{"y":[2],"z":3}}"#, r#"{"c":0,"b":"t"}"#];
    let clash = Clash { key: key("b"), first: 0, second: 1 };
    assert_eq!(merged(Conflict::Error, &parts), Err(clash));
    for (conflict, expected) in [
        (Conflict::First, r#"{"a":{"x":1,"y":[1]},"b":1.0,"c":0}"#),
        (Conflict::Last, r#"{"a":{"y":[2],"z":3},"b":"t","c":0}"#),
        (Conflict::Deep, r#"{"a":{"x":1,"y":[2],"z":3},"b":"t","c":0}"#),
        (Conflict::List, r#"{"a":[{"x":1,"y":[1]},{"y":[2],"z":3}],"b":[1.0,2,"t"],"c":0}"#),
    ] {
        assert_eq!(merged(conflict, &parts).as_deref(), Ok(expected), "{conflict:?}");
    }
}

#[test]
fn what_does_not_collide_is_copied_as_it_stands() {
    for conflict in [Conflict::Error, Conflict::First, Conflict::Last, Conflict::Deep, Conflict::List] {
        let parts = [r#"{"a": 1e999, "b" : [ 1 ]}"#, "{}", r#"{"c":"\u0041"}"#];
        assert_eq!(merged(conflict, &parts).as_deref(), Ok(r#"{"a":1e999,"b":[ 1 ],"c":"\u0041"}"#));
    }
}

#[test]
fn what_glorieta_sets_takes_the_place_of_a_list() {
    let mut merge = Merge::new(Conflict::List);
    for part in 0..2 {
        merge.add(part, [Member { key: Cow::Borrowed(b"a"), value: Cow::Borrowed(b"1") }]).unwrap();
    }
    for name in [&b"a"[..], b"b"] {
        merge.set(Member { key: Cow::Borrowed(name), value: Cow::Borrowed(b"[]") });
    }
    let mut out = Vec::new();
    merge.write(&mut out);
    assert_eq!(out, br#"{"a":[],"b":[]}"#);
}

/// The same policies over values.
fn model(conflict: Conflict, parts: &[Map<String, Value>]) -> Option<Value> {
    let mut merged = Map::new();
    let mut counts = std::collections::HashMap::new();
    for (key, value) in parts.iter().flatten() {
        let count: &mut u32 = counts.entry(key.clone()).or_default();
        *count += 1;
        let Some(own) = merged.get_mut(key) else {
            merged.insert(key.clone(), value.clone());
            continue;
        };
        match conflict {
            Conflict::Error => return None,
            Conflict::First => {}
            Conflict::Last => *own = value.clone(),
            Conflict::Deep => model_deep(own, value),
            Conflict::List if *count == 2 => *own = json!([own, value]),
            Conflict::List => own.as_array_mut().unwrap().push(value.clone()),
        }
    }
    Some(Value::Object(merged))
}

fn model_deep(below: &mut Value, above: &Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                model_deep(below.entry(key).or_insert(json!({})), value);
            }
        }
        (below, above) => *below = above.clone(),
    }
}

fn any_object() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map("[a-d]", any_json(), 0..4).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #[test]
    fn the_ranges_say_what_the_model_says(
        parts in prop::collection::vec(any_object(), 0..4),
        conflict in prop::sample::select(vec![Conflict::Error, Conflict::First, Conflict::Last, Conflict::Deep, Conflict::List]),
    ) {
        let texts: Vec<String> = parts.iter().map(|part| Value::Object(part.clone()).to_string()).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let seen = merged(conflict, &texts).ok().map(|text| serde_json::from_str::<Value>(&text).unwrap());
        prop_assert_eq!(seen, model(conflict, &parts));
    }
}
