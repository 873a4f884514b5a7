use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::json::tests::any_json;
use super::*;

fn plan(pick: Option<&str>, select: &[&str], drop: &[&str], rename: &[(&str, &str)], flatten: &[&str]) -> GatherShape {
    let owned = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
    GatherShape {
        pick: pick.map(str::to_owned),
        select: owned(select),
        drop: owned(drop),
        rename: rename.iter().map(|(path, name)| ((*path).to_owned(), (*name).to_owned())).collect(),
        flatten: owned(flatten),
    }
}

fn shaped(plan: &GatherShape, text: &str) -> Option<String> {
    let shape = Shape::read(plan).unwrap();
    let value = shape.apply(Json::check(text.as_bytes()).unwrap())?.into_json();
    Some(String::from_utf8(value.into_owned()).unwrap())
}

#[test]
fn rules_one_by_one() {
    let text = r#"{"a":1.0,"b":{"c":[{"d":1,"e":2},{"d":3},4],"f":"x"},"g":null}"#;
    let none: &[&str] = &[];
    for (plan, expected) in [
        (plan(None, &[], &[], &[], &[]), Some(text)),
        (plan(Some("b.c.0"), &[], &[], &[], &[]), Some(r#"{"d":1,"e":2}"#)),
        (plan(Some("b.f"), &[], &[], &[], &[]), Some("\"x\"")),
        (plan(Some("b.x"), &[], &[], &[], &[]), None),
        (plan(None, &["a"], &[], &[], &[]), Some(r#"{"a":1.0}"#)),
        (plan(None, &["b.c.d"], &[], &[], &[]), Some(r#"{"b":{"c":[{"d":1},{"d":3}]}}"#)),
        (plan(None, &["b.c", "b.c.d"], &[], &[], &[]), Some(r#"{"b":{"c":[{"d":1,"e":2},{"d":3},4]}}"#)),
        (plan(None, &["a.x", "g.y"], &[], &[], &[]), Some("{}")),
        (plan(Some("b.c"), &["e"], &[], &[], &[]), Some(r#"[{"e":2},{}]"#)),
        (plan(Some("a"), &["e"], &[], &[], &[]), None),
        (plan(None, &[], &["b", "nothing"], &[], &[]), Some(r#"{"a":1.0,"g":null}"#)),
        (plan(None, &[], &["b.c.e", "g", "a"], &[], &[]), Some(r#"{"b":{"c":[{"d":1},{"d":3},4],"f":"x"}}"#)),
        (plan(None, &["b"], &["b.c"], &[("b", "z")], &[]), Some(r#"{"z":{"f":"x"}}"#)),
        (plan(None, &[], &["b.c"], &[("b.f", "a\"")], &[]), Some(r#"{"a":1.0,"b":{"a\"":"x"},"g":null}"#)),
        (plan(None, &[], &["b.c"], &[], &["b", "a"]), Some(r#"{"a":1.0,"g":null,"f":"x"}"#)),
        (plan(None, &["b.f"], none, &[("b.f", "y")], &["b"]), Some(r#"{"y":"x"}"#)),
    ] {
        assert_eq!(shaped(&plan, text).as_deref(), expected, "{plan:?}");
    }
}

#[test]
fn where_two_come_to_one_name_the_renamed_one_wins_and_the_lifted_one_gives_way() {
    let text = r#"{"m":{"a":1,"n":2},"a":3,"b":4,"a":5}"#;
    assert_eq!(shaped(&plan(None, &[], &[], &[], &["m"]), text).unwrap(), r#"{"a":5,"b":4,"n":2}"#);
    assert_eq!(shaped(&plan(None, &[], &[], &[("b", "a")], &["m"]), text).unwrap(), r#"{"a":4,"n":2}"#);
    assert_eq!(
        shaped(&plan(None, &[], &[], &[("a", "b"), ("b", "a")], &[]), r#"{"a":1,"b":2}"#).unwrap(),
        r#"{"b":1,"a":2}"#
    );
}

#[test]
fn names_are_compared_decoded_and_numbers_keep_their_text() {
    let text = r#"{"\u0061":100000000000000000000.10,"b":1e999}"#;
    assert_eq!(shaped(&plan(None, &["a"], &[], &[], &[]), text).unwrap(), r#"{"a":100000000000000000000.10}"#);
    assert_eq!(shaped(&plan(None, &[], &[], &[], &[]), r#"{"a":1,"\u0061":2}"#).unwrap(), r#"{"a":2}"#);
}

#[test]
fn what_is_no_path_and_what_excludes_each_other_is_refused() {
    for wrong in ["", ".", "a..b", "a."] {
        assert!(Shape::read(&plan(None, &[wrong], &[], &[], &[])).unwrap_err().contains("is no path"), "{wrong}");
    }
    assert!(Shape::read(&plan(None, &[], &[], &[("a", "b")], &["a"])).unwrap_err().contains("both"));
}

#[test]
fn a_million_members_cost_no_more_than_their_length() {
    let members: Vec<String> = (0..100_000).map(|number| format!("\"m{number}\":0")).collect();
    let text = format!("{{{0},{0}}}", members.join(","));
    let shape = Shape::read(&plan(None, &[], &["m1"], &[], &[])).unwrap();
    let Some(Shaped::Object(kept)) = shape.apply(Json::check(text.as_bytes()).unwrap()) else { panic!("an object") };
    assert_eq!(kept.len(), 99_999);
}

/// The same rules over values, by lists of paths.
fn model(value: &Value, select: Option<&[Vec<&str>]>, plan: &Paths<'_>) -> Option<Value> {
    match value {
        Value::Object(map) => Some(Value::Object(model_object(map, select, plan))),
        Value::Array(list) => Some(list.iter().filter_map(|each| model(each, select, plan)).collect()),
        scalar => select.is_none().then(|| scalar.clone()),
    }
}

struct Paths<'p> {
    drop: Vec<Vec<&'p str>>,
    rename: Vec<(Vec<&'p str>, &'p str)>,
    flatten: Vec<Vec<&'p str>>,
}

fn below<'p>(paths: &[Vec<&'p str>], key: &str) -> Vec<Vec<&'p str>> {
    paths.iter().filter(|path| path[0] == key && path.len() > 1).map(|path| path[1..].to_vec()).collect()
}

fn model_object(map: &Map<String, Value>, select: Option<&[Vec<&str>]>, plan: &Paths<'_>) -> Map<String, Value> {
    let (mut own, mut renamed, mut lifted) = (Map::new(), Map::new(), Map::new());
    for (key, value) in map {
        let here = |paths: &[Vec<&str>]| paths.iter().any(|path| path.len() == 1 && path[0] == key);
        let inner = select.filter(|select| !here(select)).map(|select| below(select, key));
        if here(&plan.drop) || inner.as_ref().is_some_and(Vec::is_empty) {
            continue;
        }
        let paths = Paths {
            drop: below(&plan.drop, key),
            rename: plan
                .rename
                .iter()
                .filter(|(path, _)| path[0] == key && path.len() > 1)
                .map(|(path, name)| (path[1..].to_vec(), *name))
                .collect(),
            flatten: below(&plan.flatten, key),
        };
        match value {
            Value::Object(inside) if here(&plan.flatten) => {
                lifted.extend(model_object(inside, inner.as_deref(), &paths));
                continue;
            }
            _ => {}
        }
        let Some(value) = model(value, inner.as_deref(), &paths) else { continue };
        match plan.rename.iter().rfind(|(path, _)| path.len() == 1 && path[0] == key) {
            Some((_, name)) => renamed.insert((*name).to_owned(), value),
            None => own.insert(key.clone(), value),
        };
    }
    let mut all = lifted;
    all.extend(own);
    all.extend(renamed);
    all
}

fn any_paths() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[a-d](\\.[a-d]){0,2}", 0..4)
}

fn split(paths: &[String]) -> Vec<Vec<&str>> {
    paths.iter().map(|path| path.split('.').collect()).collect()
}

proptest! {
    #[test]
    fn the_ranges_say_what_the_model_says(
        value in any_json(),
        select in any_paths(),
        drop in any_paths(),
        rename in prop::collection::btree_map("[a-d](\\.[a-d]){0,2}", "[a-d]", 0..3),
        flatten in any_paths(),
    ) {
        let flatten: Vec<String> = flatten.into_iter().filter(|path| !rename.contains_key(path)).collect();
        let plan = GatherShape { pick: None, select, drop, rename: rename.into_iter().collect(), flatten };
        let select = split(&plan.select);
        let paths = Paths {
            drop: split(&plan.drop),
            rename: plan.rename.iter().map(|(path, name)| (path.split('.').collect(), name.as_str())).collect(),
            flatten: split(&plan.flatten),
        };
        let expected = model(&value, (!select.is_empty()).then_some(&select[..]), &paths);
        let seen = shaped(&plan, &value.to_string()).map(|text| serde_json::from_str::<Value>(&text).unwrap());
        prop_assert_eq!(seen, expected);
    }
}

#[test]
fn the_model_itself() {
    let paths = Paths { drop: vec![], rename: vec![(vec!["b"], "c")], flatten: vec![vec!["a"]] };
    let value = json!({"a": {"x": 1, "b": 2}, "b": 3});
    assert_eq!(model(&value, None, &paths), Some(json!({"x": 1, "b": 2, "c": 3})));
}
