//! What is told, case by case; that it is also what happens is tested against a running engine.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Identity, Outcome, Question, Report, Trial};

fn upstream(id: &str, endpoints: &[&str], balance: Value) -> Value {
    let endpoints: Vec<Value> = endpoints.iter().map(|address| json!({"address": address, "weight": 1})).collect();
    json!({
        "id": id, "endpoints": endpoints, "balance": balance,
        "version": "h1",
        "pool": {"max_connections": 10, "idle_ms": 1000, "max_age_ms": 1000, "max_streams": 100},
        "queue": {"max": 10, "timeout_ms": 1000},
        "retry_budget": {"percent": 20, "window_ms": 1000, "floor_per_second": 1, "backoff_ms": 1},
        "health": null, "outlier": null, "panic_percent": 0,
        "response_head_bytes": 32768, "response_header_count": 100,
    })
}

fn listener(id: &str, bind: &[&str], routes: &[Value]) -> Value {
    json!({
        "id": id, "bind": bind, "protocol": "http", "versions": ["h1", "h2"], "alt_svc": null, "roles": [],
        "limits": {"head_bytes": 4096, "header_count": 20, "target_bytes": 100, "connections": 10, "connections_per_client": 0, "new_connections": 0, "new_connections_per_client": 0,
                   "streams": 128, "requests_per_connection": 0, "body_rate": 0},
        "timeouts": {"handshake_ms": 1000, "head_ms": 1000, "body_ms": 1000, "write_ms": 1000, "keep_alive_ms": 1000},
        "trusted_proxies": ["10.0.0.0/8"],
        "forwarded": {"x_forwarded": true, "forwarded": false, "via": false},
        "request_id": {"request": false, "response": false, "accept": true},
        "routes": routes, "tcp": null,
    })
}

fn tcp(id: &str, bind: &str, deny: &[&str]) -> Value {
    let mut listener = listener(id, &[bind], &[]);
    listener["protocol"] = json!("tcp");
    listener["versions"] = json!([]);
    listener["tcp"] =
        json!({"route": id, "upstream": "two", "idle_ms": 1000, "connect_ms": 1000, "allow": [], "deny": deny});
    listener
}

/// Files that are not at hand, as where nobody has the keys.
fn secure(id: &str, bind: &str, routes: &[Value]) -> Value {
    let mut listener = listener(id, &[bind], routes);
    let files = json!({"certificate": "/nonexistent/a.crt", "key": "/nonexistent/a.key"});
    listener["tls"] = json!({"certificates": [files], "unknown_name": "default", "minimum": "1.2", "clients": null});
    listener
}

fn by_name(id: &str, bind: &str) -> Value {
    let mut listener = listener(id, &[bind], &[]);
    let target = |name: Value, upstream: &str| json!({"name": name, "route": upstream, "upstream": upstream});
    listener["protocol"] = json!("tls");
    listener["versions"] = json!([]);
    listener["passthrough"] = json!({
        "names": [
            target(json!({"exact": "shop.example"}), "one"),
            target(json!({"wildcard": "example"}), "two"),
            target(json!({"wildcard": "api.example"}), "none"),
        ],
        "idle_ms": 1000, "connect_ms": 1000, "allow": [], "deny": [],
    });
    listener
}

fn route(id: &str, path: Value, target: Value, filters: Value) -> Value {
    json!({
        "id": format!("web/{id}"), "name": id, "group": "web", "hosts": ["any"], "path": path, "methods": [],
        "headers": [], "query": [], "priority": 0, "merge_slashes": false, "target": target, "filters": filters,
        "deadline_ms": 5000,
    })
}

fn respond_none() -> Value {
    json!({"respond": {"status": 204, "headers": [], "body": ""}})
}

fn proxy(upstream: &str, host: &str, strip_prefix: Option<&str>) -> Value {
    json!({"proxy": {
        "upstream": upstream, "strip_prefix": strip_prefix, "rewrite": null, "host": host,
        "timeouts": {"connect_ms": 1, "first_byte_ms": 1, "idle_ms": 1, "tunnel_ms": 1}, "retries": 1,
    }})
}

fn gather() -> Value {
    let part = |name: &str, path: &str, says: Value| {
        let mut part = json!({
            "name": name, "upstream": "one", "host": "preserve", "retries": 0, "method": "GET", "path": path,
            "timeouts": {"connect_ms": 1, "first_byte_ms": 1, "idle_ms": 1, "tunnel_ms": 1}, "query": [],
            "headers": [], "forward": ["x-sent"], "body": "none", "timeout_ms": null, "after": [],
            "need": "required", "reads": "json", "nest": null,
            "shape": {"pick": null, "select": [], "drop": [], "rename": [], "flatten": []},
        });
        part.as_object_mut().unwrap().extend(says.as_object().unwrap().clone());
        part
    };
    json!({"gather": {
        "parts": [
            part("user", "/users/${query.id}", json!({"query": [["q", "${query.q}"]]})),
            part("later", "/for/${parts.user.id}", json!({"need": "optional", "upstream": "two"})),
            part("sent", "/sent", json!({"method": "POST", "body": {"json": {"id": "${query.id}"}}})),
            part("shadow", "/shadow", json!({"method": "PUT", "body": "request", "need": "shadow"})),
        ],
        "deadline_ms": null, "conflict": "deep", "report": null, "head": null, "max_bytes": 1,
        "shape": {"pick": null, "select": [], "drop": [], "rename": [], "flatten": []},
    }})
}

fn trial() -> Trial {
    let headers = json!([
        {"addresses": {"allow": [], "deny": ["9.9.9.9"]}},
        {"max_body": {"bytes": 10}},
        {"headers": {"request": {"remove": ["Cookie"], "set": [["X-User", "${path.*}"]], "add": []},
                     "response": {"remove": ["Server"], "set": [["X-Back", "1"]], "add": []}}},
    ]);
    let respond = json!({"respond": {"status": 200, "headers": [], "body": "hello"}});
    let who =
        json!({"respond": {"status": 200, "headers": [["x-who", "${scheme} ${sni} ${tls.version}"]], "body": ""}});
    let redirect = json!({"redirect": {"status": 302, "location": "https://to.example${path}"}});
    let web = [
        route("/a/*", json!({"prefix": "/a"}), proxy("one", "preserve", Some("/a")), headers.clone()),
        route("/up/*", json!({"prefix": "/up"}), proxy("two", "upstream", None), json!([])),
        route("/none", json!({"exact": "/none"}), proxy("none", "preserve", None), json!([])),
        route("/hello", json!({"exact": "/hello"}), respond, headers),
        route("/old/*", json!({"prefix": "/old"}), redirect, json!([])),
        route("/home", json!({"exact": "/home"}), gather(), json!([])),
    ];
    let named = asking("by name", "/who", "sni", "api.example");
    let verified = asking("verified", "/who", "client.certificate.verified", "true");
    trial_of(json!([
        listener("web", &["127.0.0.1:8080", "*:80"], &web),
        listener("other", &["127.0.0.2:8080"], &[]),
        tcp("mail", "*:1025", &["9.9.9.0/24"]),
        secure("secure", "*:8443", &[route("/who", json!({"exact": "/who"}), who, json!([])), named, verified]),
        by_name("names", "*:8444"),
    ]))
}

/// A route that asks for a word.
fn asking(id: &str, path: &str, word: &str, value: &str) -> Value {
    let mut asking = route(id, json!({"exact": path}), respond_none(), json!([]));
    asking["words"] = json!([{"name": word, "value": {"exact": value}}]);
    asking
}

fn trial_of(listeners: Value) -> Trial {
    let plan = json!({
        "format": glorieta_plan::FORMAT, "version": "0123456789ab", "workers": 1,
        "listeners": listeners,
        "groups": [],
        "upstreams": [
            upstream("one", &["10.0.0.1:80"], json!("peak_ewma")),
            upstream("two", &["10.0.0.1:80", "10.0.0.2:80"], json!("round_robin")),
            upstream("none", &[], json!("random")),
        ],
        "admin": {"address": null, "required": false, "socket": null, "hosts": []},
        "access_log": {"to": "off", "format": "json", "queue": 16},
        "drain_ms": 1000, "server_name": "edge",
    });
    Trial::new(serde_json::from_value(plan).unwrap()).ok().unwrap()
}

fn question(method: &str, url: &str) -> Question {
    Question { method: method.to_owned(), url: url.to_owned(), ..Question::default() }
}

fn ask(method: &str, url: &str) -> Report {
    trial().ask(&question(method, url)).unwrap()
}

/// Status and reason.
fn answer(report: &Report) -> (u16, Option<&str>) {
    let answer = report.answer.as_ref().unwrap();
    (answer.status.unwrap(), answer.reason)
}

#[test]
fn a_gathered_answer_tells_its_parts_and_what_each_is_sent() {
    let mut asked = question("GET", "http://127.0.0.1:8080/home?id=a%2Fb&q=1");
    asked.headers = vec![("X-Sent".to_owned(), "yes".to_owned()), ("X-Other".to_owned(), "no".to_owned())];
    let report = trial().ask(&asked).unwrap();
    assert_eq!(report.outcome, Outcome::Gather);
    let parts = report.gather.unwrap().parts;
    let told: Vec<_> = parts.iter().map(|part| (part.need, part.upstream.as_str(), part.target.as_deref())).collect();
    assert_eq!(
        told,
        [
            ("required", "one", Some("/users/a%2Fb?q=1")),
            ("optional", "two", None),
            ("required", "one", Some("/sent")),
            ("shadow", "one", Some("/shadow")),
        ]
    );
    assert_eq!(
        (parts[1].needs.as_slice(), parts[1].path.as_str()),
        (&["user".to_owned()][..], "/for/${parts.user.id}")
    );
    assert_eq!(parts[2].body.as_deref(), Some("{\"id\":\"a/b\"}"));
    assert_eq!(parts[3].body.as_deref(), Some("the client's body"));
    let headers: Vec<&str> = parts[0].headers.iter().map(|(name, _)| name.as_str()).collect();
    assert!(headers.contains(&"X-Sent") && headers.contains(&"X-Forwarded-For") && !headers.contains(&"X-Other"));
    let refused = ask("GET", "http://127.0.0.1:8080/home?id=..");
    assert_eq!(answer(&refused), (400, Some("path_refused")));
}

#[test]
fn the_listener_is_found_by_port_address_and_protocol() {
    for (url, id) in [
        ("http://127.0.0.1:8080/a", "web"),
        ("http://127.0.0.2:8080/a", "other"),
        ("http://shop.example/a", "web"),
        ("http://shop.example:80/a", "web"),
        ("tcp://:1025", "mail"),
        ("http://h:1025/", "mail"),
    ] {
        assert_eq!(ask("GET", url).listener.unwrap().id, id, "{url}");
    }
    for url in ["http://shop.example:8080/a", "http://h:9999/", "tcp://h", "tcp://h:80"] {
        let report = ask("GET", url);
        assert_eq!(report.outcome, Outcome::Nothing, "{url}");
        assert!(report.why.contains("listener"), "{}", report.why);
    }
    let named = Question { listener: Some("other".into()), ..question("GET", "http://h:1/") };
    assert_eq!(trial().ask(&named).unwrap().listener.unwrap().id, "other");
    let missing = Question { listener: Some("nothing".into()), ..question("GET", "http://h/") };
    assert!(trial().ask(&missing).unwrap().why.contains("there is no listener \"nothing\"; listeners: web at "));
}

#[test]
fn a_question_that_makes_no_sense_is_refused() {
    for url in ["shop.example/a", "ftp://h/", ""] {
        assert!(trial().ask(&question("GET", url)).is_err(), "{url}");
    }
    let from = Question { from: Some("nowhere".into()), ..question("GET", "http://h/") };
    assert!(trial().ask(&from).unwrap_err().contains("\"nowhere\" is no address"));
    let body = Question { body_bytes: Some(u64::MAX), ..question("POST", "http://h/a") };
    assert!(trial().ask(&body).is_err());
    assert!(trial().ask_json(r#"{"method": "GET"}"#).is_err());
    assert!(trial().ask_json(r#"{"method": "GET", "url": "http://h/", "colour": 1}"#).is_err());
}

#[test]
fn a_forwarded_request_is_told_as_it_is_sent() {
    let question = Question {
        headers: vec![("Cookie".into(), "a=1".into()), ("X-Forwarded-For".into(), "203.0.113.7".into())],
        from: Some("10.1.1.1".into()),
        body_bytes: Some(7),
        ..question("POST", "http://shop.example/a/x%2Fy/../z?q")
    };
    let report = trial().ask(&question).unwrap();
    assert_eq!((report.client.as_deref(), report.path.as_deref()), (Some("203.0.113.7"), Some("/a/z")));
    let forward = report.forward.unwrap();
    assert_eq!((forward.method.as_deref(), forward.target.as_deref()), (Some("POST"), Some("/z?q")));
    let value = |name: &str| forward.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
    assert_eq!(value("Host"), Some("shop.example"));
    assert_eq!(value("X-Forwarded-For"), Some("203.0.113.7, 10.1.1.1"));
    assert_eq!((value("X-User"), value("Cookie"), value("Content-Length")), (Some("z"), None, Some("7")));
    assert_eq!(
        (forward.endpoint.as_deref(), forward.deadline_ms, forward.retries),
        (Some("10.0.0.1:80"), Some(5000), 1)
    );
    let ran: Vec<_> = report.filters.iter().map(|ran| (ran.filter, ran.outcome)).collect();
    assert_eq!(
        ran,
        [("forwarded", "changed"), ("addresses", "passed"), ("max_body", "passed"), ("headers", "changed")]
    );
    let changed: Vec<_> = report.response_headers_changed.iter().map(|change| (change.change, &*change.name)).collect();
    assert_eq!(changed, [("removed", "Server"), ("set", "Location"), ("added", "X-Back")]);
}

#[test]
fn a_host_that_depends_on_the_endpoint_stays_open_until_it_is_known() {
    let forward = ask("GET", "http://h/up/x").forward.unwrap();
    assert_eq!(forward.endpoint, None);
    assert_eq!(forward.headers[0], ("Host".to_owned(), "${endpoint}".to_owned()));
    assert_eq!((forward.endpoints.len(), forward.endpoints[0].why.as_str()), (2, "1 of 2 turns"));
}

#[test]
fn what_glorieta_answers_by_itself_has_its_reason() {
    for (method, url, expected) in [
        ("GET", "http://h/hello", (200, None)),
        ("GET", "http://h/old/x", (302, None)),
        ("GET", "http://h/nowhere", (404, Some("no_route"))),
        ("GET", "http://h/none", (503, Some("no_endpoint"))),
        ("GET", "http://h/..", (400, Some("path_refused"))),
        ("GET", "http://h/a b", (400, Some("head_malformed"))),
        ("GET", "http://a b/", (400, Some("host_refused"))),
        ("GET", "http:///", (400, Some("host_refused"))),
        ("CONNECT", "http://h:80", (400, Some("head_malformed"))),
        ("CONNECT", "http://127.0.0.1:8080", (405, Some("connect_method_refused"))),
        ("", "http://h/", (400, Some("head_malformed"))),
    ] {
        let report = ask(method, url);
        assert_eq!((report.outcome, answer(&report)), (Outcome::Answer, expected), "{method} {url}");
        assert!(report.forward.is_none());
    }
    let long = ask("GET", &format!("http://h/{}", "x".repeat(200)));
    assert_eq!(answer(&long), (414, Some("target_too_long")));
}

#[test]
fn a_filter_that_refuses_is_the_last() {
    let denied = Question { from: Some("9.9.9.9".into()), ..question("GET", "http://h/a/x") };
    let report = trial().ask(&denied).unwrap();
    assert_eq!(answer(&report), (403, Some("denied")));
    assert_eq!(report.filters.last().map(|ran| (ran.filter, ran.outcome)), Some(("addresses", "refused")));
    let chunked =
        Question { headers: vec![("Transfer-Encoding".into(), "chunked".into())], ..question("POST", "http://h/a/x") };
    for (body_bytes, refused) in [(Some(10), false), (Some(11), true), (Some(1 << 30), true), (None, false)] {
        let known = Question { body_bytes, ..question("POST", "http://h/a/x") };
        let unknown = Question { body_bytes, ..chunked.clone() };
        for asked in [known, unknown] {
            let report = trial().ask(&asked).unwrap();
            assert_eq!(report.forward.is_none(), refused, "{asked:?}");
            if refused {
                assert_eq!(answer(&report), (413, Some("body_too_large")));
            }
        }
    }
}

#[test]
fn answers_of_its_own_pass_the_filters_too() {
    let answer = ask("GET", "http://h/hello").answer.unwrap();
    let value = |name: &str| answer.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
    assert_eq!((value("X-Back"), value("Server"), value("Content-Length")), (Some("1"), None, Some("5")));
    assert_eq!(answer.body_bytes, 5);
    assert_eq!(ask("HEAD", "http://h/hello").answer.unwrap().body_bytes, 0);
}

#[test]
fn layer_four_knows_addresses_only() {
    let report = ask("", "tcp://:1025");
    assert_eq!((report.outcome, report.forward.unwrap().upstream.as_str()), (Outcome::Tunnel, "two"));
    let denied = Question { from: Some("9.9.9.1".into()), ..question("", "tcp://:1025") };
    let report = trial().ask(&denied).unwrap();
    assert_eq!((report.outcome, report.answer.unwrap().reason), (Outcome::Refused, Some("denied")));
    assert_eq!(ask("", "tcp://127.0.0.1:8080").outcome, Outcome::Nothing);
}

#[test]
fn what_is_asked_by_https_is_heard_where_tls_is_spoken() {
    for url in ["https://shop.example/who", "https://shop.example:8443/who"] {
        let report = ask("GET", url);
        let headers = report.answer.unwrap().headers;
        assert!(headers.contains(&("x-who".to_owned(), "https shop.example 1.3".to_owned())), "{headers:?}");
    }
    for (url, word) in [("http://h:8443/who", "speaks https"), ("https://h:80/a", "speaks http;")] {
        let report = ask("GET", url);
        assert!(report.outcome == Outcome::Nothing && report.why.contains(word), "{}", report.why);
    }
}

#[test]
fn words_that_a_request_lacks_are_told() {
    let told = |url: &str| {
        let report = ask("GET", url);
        let passed: Vec<String> = report.passed.iter().map(|each| format!("{}: {}", each.name, each.why)).collect();
        (report.route.unwrap().name, passed)
    };
    let verified = "verified: asks for word client.certificate.verified: true".to_owned();
    assert_eq!(told("https://api.example:8443/who"), ("by name".to_owned(), vec![verified.clone()]));
    let named = "by name: asks for word sni: api.example".to_owned();
    assert_eq!(told("https://shop.example:8443/who"), ("/who".to_owned(), vec![named, verified]));
}

/// A listener that asks its clients for certificates.
fn mutual() -> Trial {
    let routes = [
        asking("names", "/who", "client.certificate.names", "spiffe://shop/billing"),
        asking("subject", "/who", "client.certificate.subject", "CN=billing"),
        asking("issuer", "/who", "client.certificate.issuer", "CN=Shop CA"),
        asking("serial", "/who", "client.certificate.serial", "0A"),
        asking("by sni", "/other", "sni", "api.example"),
        asking("by protocol", "/other", "protocol", "HTTP/3"),
    ];
    let mut listener = secure("mutual", "*:8443", &routes);
    listener["versions"] = json!(["h1", "h3"]);
    listener["tls"]["clients"] =
        json!({"authorities": "/nonexistent/ca.crt", "certificate": "optional", "revoked": null});
    trial_of(json!([listener]))
}

#[test]
fn a_question_says_what_tls_would_show() {
    let trial = mutual();
    let ask = |question: Question| trial.ask(&question).unwrap().route.map(|route| route.name).unwrap_or_default();
    let shown = |identity: Identity| Question {
        client_certificate: Some(identity),
        ..question("GET", "https://shop.example:8443/who")
    };
    let names = vec!["billing.internal".to_owned(), "spiffe://shop/billing".to_owned()];
    assert_eq!(ask(shown(Identity { names, ..Identity::default() })), "names");
    assert_eq!(ask(shown(Identity { subject: "CN=billing".into(), ..Identity::default() })), "subject");
    assert_eq!(ask(shown(Identity { issuer: "CN=Shop CA".into(), ..Identity::default() })), "issuer");
    assert_eq!(ask(shown(Identity { serial: "0A".into(), ..Identity::default() })), "serial");
    assert_eq!(ask(shown(Identity::default())), "");
    let other = question("GET", "https://shop.example:8443/other");
    assert_eq!(ask(other.clone()), "");
    assert_eq!(ask(Question { sni: Some("API.example".into()), ..other.clone() }), "by sni");
    assert_eq!(ask(Question { protocol: Some("HTTP/3".into()), ..other.clone() }), "by protocol");
    for (protocol, why) in [("HTTP/2", "does not speak HTTP/2"), ("h2", "is no version")] {
        let said = trial.ask(&Question { protocol: Some(protocol.into()), ..other.clone() }).err().unwrap();
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn a_name_is_asked_for_only_where_tls_is_spoken() {
    let named = Question { sni: Some("a.b.example".into()), ..question("", "tcp://shop.example:8444") };
    assert_eq!(trial().ask(&named).unwrap().forward.unwrap().upstream, "two");
    let clear = Question { sni: Some("a.example".into()), ..question("GET", "http://h:80/a") };
    assert!(trial().ask(&clear).err().unwrap().contains("speaks no TLS"));
}

#[test]
fn only_where_certificates_are_asked_for_can_one_be_shown() {
    let mut asked = question("GET", "https://shop.example:8443/who");
    asked.certificate = Some("any".to_owned());
    let said = trial().ask(&asked).err().unwrap();
    assert_eq!(said, "listener secure asks no client for a certificate");
}

#[test]
fn what_is_passed_through_goes_by_its_name() {
    for (host, upstream) in
        [("shop.example", "one"), ("other.example", "two"), ("a.b.example", "two"), ("x.api.example", "none")]
    {
        let report = ask("", &format!("tcp://{host}:8444"));
        assert_eq!(report.forward.unwrap().upstream, upstream, "{host}");
    }
    for host in ["example", "elsewhere.test", "10.0.0.1", ""] {
        let report = ask("", &format!("tcp://{host}:8444"));
        assert_eq!((report.outcome, report.answer.unwrap().reason), (Outcome::Refused, Some("name_unknown")), "{host}");
    }
}

proptest! {
    #[test]
    fn whatever_is_asked_something_is_told(
        method in "\\PC{0,8}|GET|POST|CONNECT|OPTIONS",
        url in "(https?|tcp|HTTP)://\\PC{0,20}|http://[a-z\\[\\]:0-9@*?#/%.]{0,24}|\\PC{0,20}",
        headers in proptest::collection::vec(("\\PC{0,12}|Host|Content-Length|Transfer-Encoding|Upgrade|Connection", ".{0,24}|chunked|[0-9]{1,3}"), 0..6),
        body_bytes in proptest::option::of(0u64..2000),
    ) {
        let question = Question { method, url, headers, body_bytes, ..Question::default() };
        if let Ok(report) = trial().ask(&question) {
            let told = [report.answer.is_some(), report.forward.is_some(), report.outcome == Outcome::Nothing];
            prop_assert_eq!(told.iter().filter(|&&told| told).count(), 1, "{:?}", report);
            prop_assert!(serde_json::to_string(&report).is_ok());
        }
    }
}
