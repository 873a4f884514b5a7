//! What finding a route costs: ten routes against ten thousand.
//!
//! `cargo run --release -p glorieta-policy --example route_cost`: nanoseconds per request, the best of several runs.

use std::hint::black_box;
use std::time::Instant;

use glorieta_core::{Peer, RequestHead, RequestId};
use glorieta_plan::{HostMatch, PathMatch, RespondTarget, Route, Target};
use glorieta_policy::reference::as_written;
use glorieta_policy::{Found, Parameters, Table, View};

const ROUNDS: usize = 15;
const REQUESTS: usize = 2_000;

fn main() {
    println!("{:<28} {:>9} {:>9} {:>9}", "ns per request", "10", "10000", "more");
    for hosts in [1, 1_000] {
        for (name, path) in PATHS {
            let few = measure(10, hosts.min(10), path);
            let many = measure(10_000, hosts, path);
            println!("{:<28} {few:>9.0} {many:>9.0} {:>9.0}", format!("{name}, {hosts} hosts"), many - few);
        }
    }
}

/// What is asked for: the path of the route with a number, of its kind.
type Ask = fn(usize) -> String;

const PATHS: [(&str, Ask); 5] = [
    ("exact", |number| format!("/service{number}/exact")),
    ("prefix", |number| format!("/service{number}/prefix/a/b/c.html")),
    ("parameters", |number| format!("/service{number}/users/42/orders/7")),
    ("regex", |number| format!("/service{number}/regex-123.html")),
    ("none", |number| format!("/service{number}/nothing/here")),
];

/// Of a hundred routes 33 are exact, 33 prefixes, 33 have parameters and one is a regular expression.
fn route(number: usize, hosts: usize) -> Route {
    let path = match number % 100 {
        0 => PathMatch::Regex(format!("/service{number}/regex-[0-9]+\\.html")),
        1..34 => PathMatch::Exact(format!("/service{number}/exact")),
        34..67 => PathMatch::Prefix(format!("/service{number}/prefix")),
        _ => PathMatch::Parameters(format!("/service{number}/users/{{id}}/orders/{{order}}")),
    };
    let host = match hosts {
        1 => HostMatch::Any,
        _ => HostMatch::Exact(format!("host{}.example", number % hosts)),
    };
    Route {
        id: format!("web/{number}"),
        name: format!("{number}"),
        group: None,
        hosts: vec![host],
        path,
        methods: Vec::new(),
        headers: Vec::new(),
        query: Vec::new(),
        words: Vec::new(),
        priority: number as i32,
        merge_slashes: false,
        target: Target::Respond(RespondTarget { status: 200, headers: Vec::new(), body: String::new() }),
        filters: Vec::new(),
        deadline_ms: None,
        mirror: None,
    }
}

fn measure(count: usize, hosts: usize, path: Ask) -> f64 {
    let routes: Vec<Route> = (0..count).map(|number| route(number, hosts)).collect();
    let table = match Table::build(&routes, &as_written) {
        Ok(table) => table,
        Err(problems) => panic!("{}", problems[0]),
    };
    let heads: Vec<RequestHead> = (0..REQUESTS)
        .map(|request| {
            let number = request.wrapping_mul(7919) % count;
            // A request for a regular expression's path asks for one that there is.
            let number = if path(0).contains("regex") { number / 100 * 100 } else { number };
            RequestHead::build("GET", &format!("host{}.example", number % hosts), &path(number), None)
        })
        .collect();
    let (mut parameters, none) = (Parameters::default(), Parameters::default());
    let (peer, id) = (Peer::at(None), RequestId::random(1));
    let round = |parameters: &mut Parameters| {
        let began = Instant::now();
        for head in &heads {
            let view = View {
                head: black_box(head),
                peer: &peer,
                id: &id,
                parameters: &none,
                matched_path: None,
                listener: "web",
                route: "",
                secured: None,
                outcome: None,
            };
            let found = table.find(&view, parameters);
            black_box(matches!(found, Found::Route(_)));
        }
        began.elapsed().as_nanos() as f64 / REQUESTS as f64
    };
    (0..ROUNDS).map(|_| round(&mut parameters)).fold(f64::MAX, f64::min)
}
