use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;

use super::*;

/// What serde_json says of a text; it knows no bound for the depth.
fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(text).is_ok()
}

fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[test]
fn what_is_json_is_accepted_and_what_is_not_is_refused() {
    let good = [
        "{}",
        "[]",
        " {\t} ",
        "null",
        "-0",
        "0.5e-10",
        "1E+400",
        r#""\u00e9\"\\\/\b\f\n\r\t""#,
        r#""\ud83d""#,
        r#"{"a":{"b":[1,{"c":[]}]},"a":2}"#,
        "[[],{},[{}]]",
        "\"\u{7f}\u{2028}\"",
    ];
    for text in good {
        assert!(Json::check(text.as_bytes()).is_ok(), "{text}");
        assert!(is_json(text.as_bytes()), "{text}");
    }
    let bad = [
        "",
        " ",
        "{",
        "}",
        "[",
        "{]",
        "[}",
        "[1,]",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:2}",
        "01",
        "+1",
        "1.",
        ".5",
        "1e",
        "-",
        "--1",
        "NaN",
        "nan",
        "Infinity",
        "-Infinity",
        "nul",
        "truefalse",
        "true false",
        "{} {}",
        "[] ,",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\n\"",
        "'a'",
        "\u{feff}{}",
        "// a\n{}",
        "[1 2]",
        "{\"a\" 1}",
        "[,1]",
        "{\"a\":1 \"b\":2}",
        "\"\u{0}\"",
        "1 2",
    ];
    for text in bad {
        assert!(Json::check(text.as_bytes()).is_err(), "{text}");
        assert!(!is_json(text.as_bytes()), "{text}");
    }
}

#[test]
fn what_is_not_utf8_is_refused_with_its_place() {
    assert_eq!(Json::check(b"{\"a\":\"\xff\"}").unwrap_err(), Invalid { at: 6, what: "is not UTF-8" });
    assert!(Json::check(b"\"\xed\xa0\x80\"").is_err());
}

#[test]
fn the_depth_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Json::check(nested(DEEPEST as usize).as_bytes()).is_ok());
    assert_eq!(Json::check(nested(DEEPEST as usize + 1).as_bytes()).unwrap_err().what, "is nested too deeply");
    let endless = "{\"a\":".repeat(1 << 20);
    assert!(Json::check(endless.as_bytes()).is_err());
}

#[test]
fn members_are_ranges_of_the_text_and_names_are_compared_decoded() {
    let text = br#" { "a" : 1.50 , "\u0062":[ 1, {"x":"}"} ],"c\"d":null , "e":{ } } "#;
    let json = Json::check(text).unwrap();
    let seen: Vec<(String, String)> = json
        .clone()
        .into_members()
        .iter()
        .map(|(key, value)| (String::from_utf8_lossy(key).into(), String::from_utf8_lossy(value).into()))
        .collect();
    let expected = [("a", "1.50"), ("b", r#"[ 1, {"x":"}"} ]"#), ("c\\\"d", "null"), ("e", "{ }")];
    assert_eq!(seen, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!(members(json.text()).collect::<Vec<_>>(), json.into_members());
}

#[test]
fn paths_lead_through_objects_and_arrays_and_the_last_of_two_counts() {
    let text = br#"{"a":{"b":[10,{"c":"x"},[]]},"a":{"b":[20,{"c":"y"}]},"n":1}"#;
    let path = |path: &str| {
        find(text, path.split('.').map(str::as_bytes)).map(|value| String::from_utf8_lossy(value).into_owned())
    };
    assert_eq!(path("a.b.1.c").as_deref(), Some("\"y\""));
    assert_eq!(path("a.b.0").as_deref(), Some("20"));
    for nothing in ["a.c", "a.b.2", "a.b.x", "n.a", "a.b.-1", ""] {
        assert_eq!(path(nothing), None, "{nothing}");
    }
}

#[test]
fn strings_are_decoded_and_encoded() {
    for (inner, text) in [
        ("plain", "plain"),
        (r#"a\"b\\c\/d\n\t\r\b\f"#, "a\"b\\c/d\n\t\r\u{8}\u{c}"),
        (r"\u00e9\u20ac", "é€"),
        (r"\ud83d\ude00!", "😀!"),
        (r"\ud83d!", "\u{fffd}!"),
        (r"\ude00\ud83d", "\u{fffd}\u{fffd}"),
        (r"\ud83d\u0041", "\u{fffd}A"),
    ] {
        assert_eq!(String::from_utf8_lossy(&unescape(inner.as_bytes())), text, "{inner}");
    }
    let mut quoted = Vec::new();
    quote("\"\\\n\u{1f}é\u{7f}".as_bytes(), &mut quoted);
    assert_eq!(String::from_utf8_lossy(&quoted), "\"\\\"\\\\\\u000a\\u001fé\u{7f}\"");
    quoted.clear();
    quote(b"a\xffb", &mut quoted);
    assert_eq!(String::from_utf8_lossy(&quoted), "\"a\u{fffd}b\"");
}

/// Texts that are nearly JSON.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(","),
        Just(":"),
        Just("\"a\""),
        Just("\"\\u00e9\""),
        Just("1"),
        Just("-0.5e7"),
        Just("true"),
        Just("null"),
        Just(" "),
        Just("\\"),
        Just("\""),
        Just("0"),
        Just("é"),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat().into_bytes())
}

/// Any JSON value, small.
pub fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1000_i32..1000).prop_map(Value::from),
        "[a-c\"\\\\é\n]{0,10}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-d\"é]{1,2}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn it_accepts_what_serde_accepts(text in soup()) {
        prop_assert_eq!(Json::check(&text).is_ok(), is_json(&text) && depth(&text) <= DEEPEST as usize);
    }

    #[test]
    fn it_accepts_no_bytes_that_serde_does_not(text in prop::collection::vec(any::<u8>(), 0..40)) {
        prop_assert_eq!(Json::check(&text).is_ok(), is_json(&text));
    }

    #[test]
    fn what_it_cuts_out_is_what_serde_reads(value in any_json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        let json = Json::check(text.as_bytes()).unwrap();
        prop_assert_eq!(json.text(), text.as_bytes());
        let read = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap();
        let name = |key: &[u8]| read(format!("\"{}\"", std::str::from_utf8(key).unwrap()).as_bytes());
        match &value {
            Value::Object(map) => {
                let seen: Vec<_> = json.into_members().iter().map(|(key, value)| (name(key), read(value))).collect();
                let expected: Vec<_> = map.iter().map(|(key, value)| (Value::from(key.as_str()), value.clone())).collect();
                prop_assert_eq!(seen, expected);
            }
            Value::Array(list) => {
                prop_assert_eq!(&elements(json.text()).map(read).collect::<Vec<_>>(), list);
            }
            _ => prop_assert_eq!(members(json.text()).count() + elements(json.text()).count(), 0),
        }
    }

    #[test]
    fn decoding_undoes_encoding(text in any::<String>()) {
        let mut inner = Vec::new();
        escape(text.as_bytes(), &mut inner);
        let decoded = unescape(&inner);
        prop_assert_eq!(&*decoded, text.as_bytes());
    }
}
