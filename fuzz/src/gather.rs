//! Gathered answers: what is accepted is JSON to everybody, and stays so whatever is done to it.

use glorieta_plan::{Conflict, GatherShape};
use glorieta_policy::gather::object::Object;
use glorieta_policy::gather::{Json, Merge, Shape, json};
use serde_json::value::RawValue;

const CONFLICTS: [Conflict; 5] =
    [Conflict::Error, Conflict::First, Conflict::Last, Conflict::Deep, Conflict::List];

/// Merges the texts in `input`, which NUL bytes part, after shaping them. Accepted: each is JSON, and so is the whole.
pub fn gathered(input: &[u8]) -> bool {
    let texts: Vec<&[u8]> = input.split(|&byte| byte == 0).collect();
    let shapes = [GatherShape::default(), selecting(), renaming()].map(|plan| Shape::read(&plan).expect("good rules"));
    let mut accepted = true;
    for text in &texts {
        let checked = Json::check(text);
        if let Err(invalid) = checked {
            assert!(invalid.at <= text.len());
            // serde_json knows no bound for the depth here.
            assert!(invalid.what == "is nested too deeply" || !is_json(text), "{text:?} is refused: {}", invalid.what);
            accepted = false;
            continue;
        }
        assert!(is_json(text), "{text:?} is accepted");
    }
    for conflict in CONFLICTS {
        for shape in &shapes {
            merge(&texts, conflict, shape);
        }
    }
    accepted
}

fn merge(texts: &[&[u8]], conflict: Conflict, shape: &Shape) {
    let shaped: Vec<Vec<u8>> = texts
        .iter()
        .filter_map(|text| Some(shape.apply(Json::check(text).ok()?)?.into_json().into_owned()))
        .collect();
    let mut merge = Merge::new(conflict);
    for (place, value) in shaped.iter().enumerate() {
        assert!(is_json(value), "{texts:?} became {value:?}");
        // A name that was lifted or renamed makes nothing deeper.
        let json = Json::check(value).expect("what was shaped is JSON");
        if let Err(clash) = merge.add(place, Object::of(json.into_members()).members) {
            assert!(conflict == Conflict::Error && clash.first < clash.second);
        }
    }
    let mut out = Vec::new();
    merge.write(&mut out);
    assert!(json::is_object(&out) && is_json(&out), "{texts:?} became {out:?}");
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(text).is_ok()
}

fn selecting() -> GatherShape {
    let select = ["a.b", "c", "a.a"].map(str::to_owned).to_vec();
    GatherShape { select, drop: vec!["c.b".to_owned()], ..GatherShape::default() }
}

fn renaming() -> GatherShape {
    let rename = vec![("a.b".to_owned(), "c\"".to_owned()), ("c".to_owned(), "a".to_owned())];
    GatherShape { rename, flatten: vec!["a".to_owned(), "a.a".to_owned()], ..GatherShape::default() }
}
