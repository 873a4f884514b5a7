//! Routes that ask for words: what TLS has shown, cookies, and where a request comes from.

use glorieta_core::{ClientCertificate, RequestHead, Secured};
use glorieta_plan::{Route, TextMatch, ValueMatch};
use proptest::prelude::*;

use super::tests::{find, head, route, viewed};
use super::{Found, Parameters, Table};
use crate::reference::as_written;
use crate::word::{View, Word};

fn asking(path: &str, words: &[(&str, TextMatch)]) -> Route {
    let asked = words.iter().map(|(name, value)| ValueMatch { name: (*name).into(), value: value.clone() });
    Route { id: format!("{path} {words:?}"), words: asked.collect(), ..route(path) }
}

fn exact(text: &str) -> TextMatch {
    TextMatch::Exact(text.into())
}

fn regex(text: &str) -> TextMatch {
    TextMatch::Regex(text.into())
}

/// Who has proved to be billing; `names`: those of the certificate.
fn shown(names: &[&str]) -> Secured {
    Secured {
        server_name: Some("shop.example".into()),
        version: "1.3",
        certificate: Some(Box::new(ClientCertificate {
            subject: "CN=billing, O=Shop".into(),
            names: names.iter().map(|&name| name.into()).collect(),
            issuer: "CN=Shop CA".into(),
            serial: "0A".into(),
            fingerprint: "ab".repeat(32).into(),
            ..ClientCertificate::default()
        })),
        ..Secured::default()
    }
}

/// A request for `h/a` with a cookie, from 10.0.0.7, as TLS has shown it.
fn asked<T>(secured: Option<&Secured>, look: impl FnOnce(&View<'_>) -> T) -> T {
    let mut head = head("GET h/a");
    head.fields.add_named(b"cookie", b"canary=yes; sid=7; canary=no");
    let peer = glorieta_core::Peer::at(Some(([10, 0, 0, 7], 4711).into()));
    viewed(&head, |view| look(&View { peer: &peer, secured, ..*view }))
}

fn takes(word: &str, value: TextMatch, secured: Option<&Secured>) -> bool {
    let table = Table::build(&[asking("/a", &[(word, value)])], &as_written).unwrap();
    asked(secured, |view| table.find(view, &mut Parameters::default())) == Found::Route(0)
}

const BILLING: &[&str] = &["billing.internal", "spiffe://shop/billing"];

#[test]
fn words_are_asked_for() {
    for (word, value, taken) in [
        ("sni", exact("shop.example"), true),
        ("sni", exact("Shop.example"), false),
        ("sni", TextMatch::Absent, false),
        ("tls.version", exact("1.3"), true),
        ("client.certificate.verified", exact("true"), true),
        ("client.certificate.verified", exact("false"), false),
        ("client.certificate.subject", exact("CN=billing, O=Shop"), true),
        ("client.certificate.subject", regex("CN=billing,.*"), true),
        ("client.certificate.subject", TextMatch::Prefix("CN=bill".into()), true),
        ("client.certificate.issuer", exact("CN=Shop CA"), true),
        ("client.certificate.serial", exact("0A"), true),
        ("client.certificate.serial", exact("0a"), false),
        ("client.certificate.fingerprint", exact(&"ab".repeat(32)), true),
        ("client.ip", exact("10.0.0.7"), true),
        ("client.ip", regex("10\\..*"), true),
        ("client.ip", exact("10.0.0.70"), false),
        ("client.port", exact("4711"), true),
        ("scheme", exact("http"), true),
        ("listener", exact("web"), true),
        // Of two cookies of one name the first counts, as everywhere.
        ("cookie.canary", exact("yes"), true),
        ("cookie.canary", exact("no"), false),
        ("cookie.canary", TextMatch::Present, true),
        ("cookie.can", TextMatch::Present, false),
        ("cookie.none", TextMatch::Absent, true),
    ] {
        assert_eq!(takes(word, value.clone(), Some(&shown(BILLING))), taken, "{word} {value:?}");
    }
}

#[test]
fn one_of_a_certificates_names_is_enough_and_it_must_be_a_whole_one() {
    for (value, taken) in [
        (exact("spiffe://shop/billing"), true),
        (exact("billing.internal"), true),
        (exact("billing.internal, spiffe://shop/billing"), false),
        (exact("spiffe://shop/bill"), false),
        (regex("spiffe://shop/.*"), true),
        (TextMatch::Prefix("spiffe://shop/".into()), true),
        (TextMatch::Present, true),
        (TextMatch::Absent, false),
    ] {
        assert_eq!(takes("client.certificate.names", value.clone(), Some(&shown(BILLING))), taken, "{value:?}");
    }
    // A name with what joins names in it is one name.
    let sly = shown(&["spiffe://shop/x, spiffe://shop/billing"]);
    assert!(!takes("client.certificate.names", exact("spiffe://shop/billing"), Some(&sly)));
    assert!(takes("client.certificate.names", TextMatch::Absent, Some(&shown(&[]))));
}

#[test]
fn what_is_not_there_is_nothing_but_absent() {
    let unverified = Secured { version: "1.2", ..Secured::default() };
    for secured in [None, Some(&unverified)] {
        for word in ["subject", "issuer", "names", "serial", "fingerprint"]
            .map(|word| format!("client.certificate.{word}"))
            .iter()
            .map(String::as_str)
            .chain(["sni"])
        {
            for value in [exact(""), regex(".*"), TextMatch::Prefix(String::new()), TextMatch::Present] {
                assert!(!takes(word, value.clone(), secured), "{word} {value:?}");
            }
            assert!(takes(word, TextMatch::Absent, secured), "{word}");
        }
        assert!(takes("client.certificate.verified", exact("false"), secured));
    }
    assert!(!takes("tls.version", TextMatch::Present, None));
}

#[test]
fn a_header_of_a_words_name_is_not_the_word() {
    let table = Table::build(&[asking("/a", &[("client.certificate.verified", exact("true"))])], &as_written).unwrap();
    let mut head = head("GET h/a");
    head.fields.add_named(b"client.certificate.verified", b"true");
    assert_eq!(find(&table, &head, &mut Parameters::default()), Found::None);
}

#[test]
fn more_words_win_as_more_headers_do() {
    let verified = ("client.certificate.verified", exact("true"));
    let mut header = asking("/a", &[]);
    header.id = "header".into();
    header.headers.push(ValueMatch { name: "cookie".into(), value: TextMatch::Present });
    let routes = [
        route("/a"),
        header,
        asking("/a", &[verified.clone(), ("sni", exact("shop.example"))]),
        asking("/a", &[("sni", exact("other.example")), verified, ("cookie.canary", TextMatch::Present)]),
    ];
    let table = Table::build(&routes, &as_written).unwrap();
    let (found, told) = asked(Some(&shown(BILLING)), |view| {
        (table.find(view, &mut Parameters::default()), table.explain(&routes, view, Some(2)))
    });
    assert_eq!(found, Found::Route(2));
    assert_eq!(told.why, "exact path, most conditions");
    let whys = |list: &[super::Reason]| list.iter().map(|each| (each.route, each.why.clone())).collect::<Vec<_>>();
    let fewer = "asks for fewer headers and words".to_owned();
    assert_eq!(whys(&told.beat), [(1, fewer.clone()), (0, fewer)]);
    assert_eq!(whys(&told.passed), [(3, "asks for word sni: other.example".to_owned())]);
    let found = asked(None, |view| table.find(view, &mut Parameters::default()));
    assert_eq!(found, Found::Route(1));
}

#[test]
fn a_method_that_is_refused_is_named_only_to_those_whom_the_words_mean() {
    let verified = [("client.certificate.verified", exact("true"))];
    let table = Table::build(&[asking("POST /a", &verified)], &as_written).unwrap();
    let of = |secured: Option<&Secured>| asked(secured, |view| table.find(view, &mut Parameters::default()));
    assert_eq!(of(Some(&shown(BILLING))), Found::MethodNotAllowed(vec!["POST".into()]));
    assert_eq!(of(None), Found::None);
}

#[test]
fn words_with_a_key_of_their_own_or_known_later_are_refused() {
    for (word, said) in [
        ("header.x-user", "headers are matched by `headers`"),
        ("query.q", "the query is matched by `query`"),
        ("query", "the query is matched by `query`"),
        ("search", "the query is matched by `query`"),
        ("path", "the path is matched by `path`"),
        ("target", "the path is matched by `path`"),
        ("method", "the method is matched by `method`"),
        ("host", "the host is matched by `host`"),
        ("path.id", "it is known only once the route is"),
        ("route", "it is known only once the route is"),
        ("status", "it is known only once the request has been answered"),
    ] {
        let problems = Table::build(&[asking("/a", &[(word, TextMatch::Present)])], &as_written).unwrap_err();
        assert_eq!(problems[0].message, format!("no route can be matched by the word {word:?}: {said}"));
    }
    let problems = Table::build(&[asking("/a", &[("snj", TextMatch::Present)])], &as_written).unwrap_err();
    assert_eq!(problems[0].message, "unknown word \"snj\"; did you mean \"sni\"?");
}

#[test]
fn routes_that_ask_for_other_words_are_different() {
    let two = |one: &str, other: &str| {
        let named = |id: &str, text: &str| Route { id: id.into(), ..asking("/a", &[("sni", exact(text))]) };
        Table::build(&[named("one", one), named("other", other)], &as_written).is_ok()
    };
    assert!(two("a.example", "b.example"));
    assert!(!two("a.example", "a.example"));
}

/// A head with cookies of the given names and values.
fn with_cookies(cookies: &[(String, String)]) -> RequestHead {
    let mut head = head("GET h/a");
    let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    head.fields.add_named(b"cookie", pairs.join("; ").as_bytes());
    head
}

proptest! {
    /// A condition sees what the same word says in a template.
    #[test]
    fn a_word_is_matched_by_the_value_that_it_is_read_as(
        cookies in proptest::collection::vec(("[ab]", "[xy]{0,2}"), 0..4), name in "[ab]", wanted in "[xy]{0,2}",
    ) {
        let head = with_cookies(&cookies);
        let word = format!("cookie.{name}");
        let mut read = Vec::new();
        let there = viewed(&head, |view| Word::parse(&word).unwrap().read(view, &mut read));
        for (value, expected) in [
            (exact(&wanted), there && read == wanted.as_bytes()),
            (TextMatch::Present, there),
            (TextMatch::Absent, !there),
        ] {
            let table = Table::build(&[asking("/a", &[(&word, value)])], &as_written).unwrap();
            prop_assert_eq!(find(&table, &head, &mut Parameters::default()) == Found::Route(0), expected);
        }
    }
}
