//! Why a route won: told to a person, over the same table and in the same order in which requests are matched.
//!
//! Nothing here is asked while serving; it may take its time and allocate.

use glorieta_core::Method;
use glorieta_plan::{Route, TextMatch, ValueMatch};

use super::conditions::Misfit;
use super::hosts::HostRank;
use super::pattern::{Pattern, Rank};
use super::{Cell, Table};
use crate::word::View;

/// A route, and why it is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The index in the slice that the table was built from.
    pub route: u32,
    pub why: String,
}

/// How the routes of a request's path stand to each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// What the winner won by; empty where none has won.
    pub why: String,
    /// Those that would have taken the request, the next best first, and why they come later.
    pub beat: Vec<Reason>,
    /// Those of the same path that do not take it, and what they ask for.
    pub passed: Vec<Reason>,
}

/// A route that a request's host and path lead to.
struct Seen<'a> {
    route: u32,
    site: u32,
    cell: &'a Cell,
    misfit: Option<Misfit>,
}

impl Table {
    /// Explains what [`Table::find`] has found. `routes` is the slice that the table was built from, `view` the one
    /// that was matched, `won` the route found.
    pub fn explain(&self, routes: &[Route], view: &View<'_>, won: Option<u32>) -> Explanation {
        let seen = self.see(view);
        let place = won.and_then(|won| seen.iter().position(|each| each.route == won));
        let mut explanation = Explanation::default();
        let mut told: Vec<u32> = won.into_iter().collect();
        for each in &seen {
            // One route may stand under several hosts; its best place is the one that counts.
            if told.contains(&each.route) {
                continue;
            }
            told.push(each.route);
            match (each.misfit, place) {
                (Some(misfit), _) => {
                    let why = asked_for(&routes[each.route as usize], misfit);
                    explanation.passed.push(Reason { route: each.route, why });
                }
                (None, Some(place)) => {
                    let why = self.lost(routes, &seen[place], each);
                    explanation.beat.push(Reason { route: each.route, why });
                }
                (None, None) => {}
            }
        }
        if let Some(place) = place {
            explanation.why = self.won(routes, &seen, place);
        }
        explanation
    }

    /// Every route that host and path lead to, the best first.
    fn see(&self, view: &View<'_>) -> Vec<Seen<'_>> {
        let head = view.head;
        let mut merged = Vec::new();
        let forms = self.forms(head.path(), &mut merged);
        let mut seen = Vec::new();
        self.visit(head, &forms, |site, cell, (take, _)| {
            // The visitor lends the cell for the call only; the table outlives it.
            let cells = &self.sites[site as usize].cells;
            let cell = cells.iter().find(|own| std::ptr::eq(*own, cell))?;
            let first = seen.len();
            for &route in &cell.routes {
                let entry = &self.entries[route as usize];
                if entry.seen_by(take) {
                    seen.push(Seen { route, site, cell, misfit: entry.conditions.misfit(view) });
                }
            }
            if head.method == Method::Head {
                seen[first..].sort_by_key(|each| !self.entries[each.route as usize].conditions.methods.names_head());
            }
            None::<()>
        });
        seen
    }

    /// What the winner won by: its kind, and what set it apart from the others.
    fn won(&self, routes: &[Route], seen: &[Seen<'_>], place: usize) -> String {
        let winner = &seen[place];
        let rivals = || seen.iter().filter(|each| each.route != winner.route && each.misfit.is_none());
        let rank = rank(&routes[winner.route as usize]);
        let same_kind = rivals().any(|each| {
            let other = self::rank(&routes[each.route as usize]);
            each.site == winner.site && std::mem::discriminant(&other) == std::mem::discriminant(&rank) && other != rank
        });
        let mut words = vec![match (&rank, same_kind) {
            (Rank::Exact, _) => "exact path",
            (Rank::Parameters { .. }, true) => "most literal segments",
            (Rank::Parameters { .. }, false) => "path with parameters",
            (Rank::Prefix(_), true) => "longest prefix",
            (Rank::Prefix(_), false) => "prefix",
            (Rank::Regex(_), true) => "regular expression of the highest priority",
            (Rank::Regex(_), false) => "regular expression",
            (Rank::Any, _) => "everything else",
        }];
        if rivals().any(|each| each.site != winner.site) {
            words.push(match self.hosts.written(winner.site).0 {
                HostRank::Exact => "exact host",
                HostRank::Wildcard => "longest wildcard host",
                HostRank::Any => "any host",
            });
        }
        if rivals().any(|each| std::ptr::eq(each.cell, winner.cell)) {
            words.push("most conditions");
        }
        words.join(", ")
    }

    /// Why a route that would have taken the request comes after the winner.
    fn lost(&self, routes: &[Route], winner: &Seen<'_>, loser: &Seen<'_>) -> String {
        if winner.site != loser.site {
            let (rank, host) = self.hosts.written(loser.site);
            return match rank {
                HostRank::Any => "takes any host".to_owned(),
                HostRank::Wildcard | HostRank::Exact => format!("its host {host} says less"),
            };
        }
        if std::ptr::eq(winner.cell, loser.cell) {
            return self.asks_less(winner.route, loser.route).to_owned();
        }
        let (best, other) = (rank(&routes[winner.route as usize]), rank(&routes[loser.route as usize]));
        let why = match (best, other) {
            (Rank::Prefix(_), Rank::Prefix(_)) => "shorter prefix",
            (Rank::Regex(_), Rank::Regex(_)) => "lower priority",
            (Rank::Parameters { literals: most, .. }, Rank::Parameters { literals, .. }) if most != literals => {
                "fewer literal segments"
            }
            (Rank::Parameters { rest: false, .. }, Rank::Parameters { rest: true, .. }) => "takes a rest",
            (Rank::Parameters { .. }, Rank::Parameters { .. }) => "its literal segments stand further right",
            (_, Rank::Exact) => "exact path",
            (_, Rank::Parameters { .. }) => "a path with parameters comes after an exact one",
            (Rank::Exact, Rank::Prefix(_)) => "a prefix comes after an exact path",
            (_, Rank::Prefix(_)) => "a prefix comes after a path with parameters",
            (_, Rank::Regex(_)) => "regular expressions come after all other paths",
            (_, Rank::Any) => "the catch-all comes last",
        };
        why.to_owned()
    }

    fn asks_less(&self, winner: u32, loser: u32) -> &'static str {
        let conditions = |route: u32| &self.entries[route as usize].conditions;
        let (best, other) = (conditions(winner), conditions(loser));
        let ((most, query, methods), (own, own_query, own_methods)) = (best.counts(), other.counts());
        if !best.methods.is_any() && other.methods.is_any() {
            "names no method"
        } else if best.methods.names_head() && !other.methods.names_head() {
            "does not name HEAD"
        } else if own < most {
            if best.has_words() || other.has_words() {
                "asks for fewer headers and words"
            } else {
                "asks for fewer headers"
            }
        } else if own_query < query {
            "asks for less of the query"
        } else if own_methods > methods {
            "names more methods"
        } else {
            "asks for as much; the id decides"
        }
    }
}

fn rank(route: &Route) -> Rank {
    // The table was built of it: it can be read.
    Pattern::read(route).map_or(Rank::Any, |pattern| pattern.rank(route.priority))
}

/// What a request lacks.
fn asked_for(route: &Route, misfit: Misfit) -> String {
    match misfit {
        Misfit::Method => format!("asks for {}", route.methods.join(" or ")),
        Misfit::Header(index) => route.headers.get(index).map_or_else(String::new, |wanted| in_words("header", wanted)),
        Misfit::Query(index) => route.query.get(index).map_or_else(String::new, |wanted| in_words("query", wanted)),
        Misfit::Word(index) => route.words.get(index).map_or_else(String::new, |wanted| in_words("word", wanted)),
    }
}

fn in_words(kind: &str, wanted: &ValueMatch) -> String {
    let name = &wanted.name;
    match &wanted.value {
        TextMatch::Present => format!("asks for {kind} {name}"),
        TextMatch::Absent => format!("asks for no {kind} {name}"),
        TextMatch::Exact(text) => format!("asks for {kind} {name}: {text}"),
        TextMatch::Prefix(text) => format!("asks for {kind} {name}: {text}*"),
        TextMatch::Regex(text) => format!("asks for {kind} {name}: ~{text}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use glorieta_core::RequestHead;

    use super::super::tests::{find, head, route, viewed};
    use super::super::{Found, Parameters};
    use super::*;
    use crate::reference::as_written;

    fn found(routes: &[Route], head: &RequestHead) -> Option<u32> {
        match find(&Table::build(routes, &as_written).unwrap(), head, &mut Parameters::default()) {
            Found::Route(index) => Some(index),
            Found::MethodNotAllowed(_) | Found::None => None,
        }
    }

    fn explained(routes: &[Route], head: &RequestHead, won: Option<u32>) -> Explanation {
        viewed(head, |view| Table::build(routes, &as_written).unwrap().explain(routes, view, won))
    }

    /// What the winner won by, then `ID: why` of those beaten and of those passed over.
    fn told(routes: &[&str], request: &str) -> (String, Vec<String>, Vec<String>) {
        let routes: Vec<Route> = routes.iter().map(|text| route(text)).collect();
        let head = head(request);
        let won = found(&routes, &head);
        let explanation = explained(&routes, &head, won);
        let lines = |reasons: Vec<Reason>| {
            reasons.iter().map(|each| format!("{}: {}", routes[each.route as usize].id, each.why)).collect()
        };
        (explanation.why, lines(explanation.beat), lines(explanation.passed))
    }

    #[test]
    fn the_winner_says_what_it_won_by() {
        for (routes, request, why, beat) in [
            (&["/a/*"][..], "GET h/a/b", "prefix", &[][..]),
            (&["/a/*", "/*"], "GET h/a/b", "longest prefix", &["/*: shorter prefix"]),
            (
                &["/a/b", "/a/{x}"],
                "GET h/a/b",
                "exact path",
                &["/a/{x}: a path with parameters comes after an exact one"],
            ),
            (&["/{x}/b", "/{x}/{y}"], "GET h/a/b", "most literal segments", &["/{x}/{y}: fewer literal segments"]),
            (
                &["/{x}/b", "/a/{y}"],
                "GET h/a/b",
                "most literal segments",
                &["/{x}/b: its literal segments stand further right"],
            ),
            (&["/a/{x}", "/a/{x}/*"], "GET h/a/b", "most literal segments", &["/a/{x}/*: takes a rest"]),
            (
                &["/{x}/b", "/*"],
                "GET h/a/b",
                "path with parameters",
                &["/*: a prefix comes after a path with parameters"],
            ),
            (&["any", "~/a/.*"], "GET h/a/b", "regular expression", &["any: the catch-all comes last"]),
            (&["/*", "~/a/.*"], "GET h/a/b", "prefix", &["~/a/.*: regular expressions come after all other paths"]),
            (&["any"], "GET h/a/b", "everything else", &[]),
            (&["h/*", "*.h/a", "/a"], "GET h/a", "prefix, exact host", &["/a: takes any host"]),
            (&["*.b.c/*", "*.c/a"], "GET a.b.c/a", "prefix, longest wildcard host", &["*.c/a: its host *.c says less"]),
            (&["GET /a", "/a"], "GET h/a", "exact path, most conditions", &["/a: names no method"]),
            (&["GET /a", "HEAD /a"], "HEAD h/a", "exact path, most conditions", &["GET /a: does not name HEAD"]),
        ] {
            let (told_why, told_beat, passed) = told(routes, request);
            assert_eq!(
                (told_why.as_str(), told_beat),
                (why, beat.iter().map(|&text| text.to_owned()).collect()),
                "{routes:?}"
            );
            assert!(passed.is_empty(), "{passed:?}");
        }
    }

    #[test]
    fn routes_that_ask_for_something_else_are_named() {
        let passed = told(&["POST /a", "/a/*"], "GET h/a").2;
        assert_eq!(passed, ["POST /a: asks for POST"]);
        assert_eq!(
            told(&["POST /a", "BREW /a"], "GET h/a"),
            (String::new(), vec![], vec!["BREW /a: asks for BREW".to_owned(), "POST /a: asks for POST".to_owned()])
        );
        let wants = |value, query| {
            let mut made = route("/a");
            let list = if query { &mut made.query } else { &mut made.headers };
            list.push(ValueMatch { name: "x".into(), value });
            let routes = [made];
            explained(&routes, &head("GET h/a"), None).passed[0].why.clone()
        };
        assert_eq!(wants(TextMatch::Present, false), "asks for header x");
        assert_eq!(wants(TextMatch::Exact("1".into()), true), "asks for query x: 1");
        assert_eq!(wants(TextMatch::Prefix("1".into()), false), "asks for header x: 1*");
        assert_eq!(wants(TextMatch::Regex("1".into()), true), "asks for query x: ~1");
    }

    const ROUTES: [&str; 16] = [
        "/a/b",
        "/a/*",
        "/*",
        "/{x}/b",
        "/{x}/{y}",
        "/a/{x}/*",
        "~/a/.*",
        "any",
        "GET /a/b",
        "HEAD /a/*",
        "GET /a/*",
        "h.c/*",
        "*.c/a/b",
        "*.c/*",
        "POST h.c/a/b",
        "h.cany",
    ];

    proptest! {
        #[test]
        fn without_the_winner_the_next_best_wins(
            picks in proptest::sample::subsequence(&ROUTES[..], 1..=ROUTES.len()),
            method in "GET|HEAD|POST", host in "h\\.c|i\\.c|h", path in "/a/b|/a/c|/b|/a",
        ) {
            let mut routes: Vec<Route> = picks.iter().map(|text| route(text)).collect();
            let head = head(&format!("{method} {host}{path}"));
            let won = found(&routes, &head);
            let explanation = explained(&routes, &head, won);
            prop_assert_eq!(won.is_some(), !explanation.why.is_empty());
            let next = explanation.beat.first().map(|reason| routes[reason.route as usize].id.clone());
            if let Some(won) = won {
                routes.remove(won as usize);
                prop_assert_eq!(found(&routes, &head).map(|index| routes[index as usize].id.clone()), next);
            } else {
                prop_assert_eq!(next, None);
            }
        }
    }
}
