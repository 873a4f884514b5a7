//! Gathered answers against upstreams of a few lines.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use glorieta_core::exchange::RequestId;
use glorieta_core::{Body, Kind, Moment, Name, Peer, RequestHead, Response};
use glorieta_net::timer;
use glorieta_upstream::Progress;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

use super::answer::Composed;
use super::run::{Stop, gathered};
use crate::metrics::Registry;
use crate::secrets::Secrets;
use crate::serve::{PeerText, Request, decide};
use crate::snapshot::{Snapshot, Target};
use crate::worker::View;

/// Runs on a runtime like a worker's, timers included; what takes longer than this hangs.
fn on_worker<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default()).unwrap();
    runtime.block_on(async {
        spawn_local(timer::drive());
        tokio::time::timeout(Duration::from_secs(20), work).await.expect("it hangs")
    })
}

async fn until(what: impl Fn() -> bool) {
    while !what() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// What a service does with a path.
enum Does {
    /// Status and further header lines, and the body.
    Answer(&'static str, String),
    /// The head, and then nothing more.
    Cut,
    /// Nothing at all.
    Hang,
}

fn ok(body: impl ToString) -> Does {
    Does::Answer("200 OK\r\n", body.to_string())
}

/// A service at a port of its own.
struct Service {
    address: String,
    /// Requests as they came.
    asked: RefCell<Vec<String>>,
    /// Connections that were closed from the other end while nothing was answered.
    abandoned: Cell<u32>,
}

impl Service {
    async fn start(does: impl Fn(&str) -> Does + 'static) -> Rc<Service> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let service = Rc::new(Service { address, asked: RefCell::default(), abandoned: Cell::new(0) });
        let (kept, does) = (service.clone(), Rc::new(does));
        spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (service, does) = (kept.clone(), does.clone());
                spawn_local(async move { service.talk(stream, &*does).await });
            }
        });
        service
    }

    async fn talk(&self, mut stream: TcpStream, does: &dyn Fn(&str) -> Does) {
        let mut text = String::new();
        let mut piece = [0; 4096];
        loop {
            let Ok(length @ 1..) = stream.read(&mut piece).await else { return };
            text.push_str(std::str::from_utf8(&piece[..length]).unwrap());
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let announced = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
            if body.len() < announced.map_or(0, |length| length.parse().unwrap()) {
                continue;
            }
            let path = head.split(' ').nth(1).unwrap().to_owned();
            self.asked.borrow_mut().push(std::mem::take(&mut text));
            match does(&path) {
                Does::Answer(status, body) => {
                    let answer = format!("HTTP/1.1 {status}content-length: {}\r\n\r\n{body}", body.len());
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
                Does::Cut => {
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{").await.unwrap();
                    return;
                }
                Does::Hang => {
                    if let Ok(0) | Err(_) = stream.read(&mut piece).await {
                        self.abandoned.set(self.abandoned.get() + 1);
                    }
                    return;
                }
            }
        }
    }

    fn asked(&self) -> Vec<String> {
        let first = |request: &String| request.split(" HTTP/").next().unwrap_or_default().to_owned();
        self.asked.borrow().iter().map(first).collect()
    }
}

/// A part of the Plan with what it says otherwise.
fn part(name: &str, path: &str, says: Value) -> Value {
    let mut part = json!({
        "name": name, "upstream": "service", "host": "preserve", "retries": 0, "method": "GET", "path": path,
        "timeouts": {"connect_ms": 10_000, "first_byte_ms": 10_000, "idle_ms": 10_000, "tunnel_ms": 10_000},
        "query": [], "headers": [], "forward": [], "body": "none", "timeout_ms": null, "after": [],
        "need": "required", "reads": "json", "nest": null,
        "shape": {"pick": null, "select": [], "drop": [], "rename": [], "flatten": []},
    });
    part.as_object_mut().unwrap().extend(says.as_object().unwrap().clone());
    part
}

fn plan(address: &str, parts: &[Value], says: &Value) -> glorieta_plan::Plan {
    let mut gather = json!({
        "parts": parts, "deadline_ms": null, "conflict": "error", "report": null, "head": null,
        "shape": {"pick": null, "select": [], "drop": [], "rename": [], "flatten": []}, "max_bytes": 1_000_000,
    });
    gather.as_object_mut().unwrap().extend(says.as_object().unwrap().clone());
    serde_json::from_value(json!({
        "format": glorieta_plan::FORMAT, "version": "0123456789ab", "workers": 1,
        "listeners": [{
            "id": "web", "bind": ["127.0.0.1:0"], "protocol": "http", "versions": ["h1", "h2"], "alt_svc": null, "unrouted": [], "roles": [],
            "limits": {"head_bytes": 4096, "header_count": 20, "target_bytes": 1000, "connections": 10, "connections_per_client": 0, "new_connections": 0, "new_connections_per_client": 0,
                       "streams": 128, "requests_per_connection": 0, "body_rate": 0},
            "timeouts": {"handshake_ms": 1000, "head_ms": 1000, "body_ms": 1000, "write_ms": 1000, "keep_alive_ms": 1000},
            "trusted_proxies": [], "forwarded": {"x_forwarded": true, "forwarded": false, "via": false},
            "request_id": {"request": true, "response": false, "accept": true}, "tcp": null,
            "routes": [{
                "id": "web/home", "name": "/home/{id}", "group": null, "hosts": ["any"], "methods": [],
                "path": {"parameters": "/home/{id}"}, "headers": [], "query": [], "priority": 0,
                "merge_slashes": false, "target": {"gather": gather}, "filters": [], "deadline_ms": null,
            }],
        }],
        "groups": [],
        "upstreams": [{
            "id": "service", "endpoints": [{"address": address, "weight": 1}], "balance": "peak_ewma",
            "version": "h1",
            "pool": {"max_connections": 10, "idle_ms": 10_000, "max_age_ms": 10_000, "max_streams": 100},
            "queue": {"max": 10, "timeout_ms": 1000},
            "retry_budget": {"percent": 20, "window_ms": 1000, "floor_per_second": 1, "backoff_ms": 1},
            "health": null, "outlier": null, "panic_percent": 0,
            "response_head_bytes": 32768, "response_header_count": 100,
        }],
        "admin": {"address": null, "required": false, "socket": null, "hosts": []},
        "access_log": {"to": "off", "format": "json", "queue": 16}, "drain_ms": 1000, "server_name": null,
    }))
    .unwrap()
}

/// The route of a plan, and a request that has found it.
fn request(plan: &glorieta_plan::Plan) -> Result<Request, String> {
    let snapshot = Snapshot::build(plan, None, &Registry::new(1), &Secrets::as_written())
        .map_err(|problems| problems[0].to_string())?;
    snapshot.upstreams.values().for_each(|upstream| upstream.refresh());
    let listener = &snapshot.listeners[0];
    let mut head = RequestHead::build("GET", "shop.example", "/home/7%2F", Some("q=a"));
    head.fields.add_named(b"authorization", b"secret");
    head.fields.add_named(b"cookie", b"a=b");
    let peer = Peer::at(None);
    let mut request = Request::new(View::alone(listener), head, peer, None, RequestId::random(1));
    decide(&mut request, listener, &mut Body::Empty, false, &PeerText::new(&peer), &mut ()).unwrap();
    Ok(request)
}

/// What comes of a request whose route has these parts.
async fn gather(service: &Service, parts: &[Value], says: Value, body: Body) -> Result<Composed, Stop> {
    let request = request(&plan(&service.address, parts, &says)).unwrap();
    let route = Arc::clone(request.route.as_ref().unwrap());
    let Target::Gather(gather) = &route.target else { panic!("a gather route") };
    let progress: Vec<Progress> = gather.parts.iter().map(|_| Progress::default()).collect();
    gathered(&request, gather, body, None, &progress).await
}

fn body(response: &Response) -> String {
    match &response.body {
        Body::Full(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        _ => panic!("a whole body"),
    }
}

fn field(response: &Response, name: &str) -> Option<String> {
    response.head.fields.get_named(name.as_bytes()).map(|value| String::from_utf8(value.to_vec()).unwrap())
}

/// Runs parts against a service; the answer's body, or the error.
fn run(does: impl Fn(&str) -> Does + 'static, parts: &[Value], says: Value) -> Result<(Response, Vec<String>), Stop> {
    on_worker(async {
        let service = Service::start(does).await;
        let composed = gather(&service, parts, says, Body::Empty).await?;
        Ok((composed.response, service.asked()))
    })
}

fn shop(path: &str) -> Does {
    match path.split(['?', '/']).nth(1).unwrap() {
        "users" => Does::Answer(
            concat!(
                "200 OK\r\ncache-control: max-age=60\r\nvary: cookie\r\nset-cookie: a=1\r\nx-of-all: 1\r\n",
                "etag: x\r\nRepr-Digest: x\r\ndigest: x\r\ncontent-digest: x\r\nwant-repr-digest: x\r\nwant-digest: x\r\n",
                "Signature: x\r\nsignature-input: x\r\nwarning: x\r\npragma: x\r\naccept-ranges: bytes\r\n",
                "CDN-Cache-Control: max-age=9\r\nsurrogate-control: x\r\ncache-status: x\r\n",
            ),
            r#"{"id":7.50,"name":"é","segment":"a/b"}"#.to_owned(),
        ),
        "orders" => Does::Answer("200 OK\r\ncache-control: max-age=10\r\n", r#"[{"n":1e999}]"#.to_owned()),
        "recs" => ok(r#"{"items":[{"title":"t","score":1}],"meta":{"page":1}}"#),
        "empty" => Does::Answer("204 No Content\r\n", String::new()),
        "text" => ok("plain \"text\""),
        "missing" => Does::Answer(
            "404 Not Found\r\ncontent-type: application/problem+json\r\nx-internal: y\r\nretry-after: 3\r\n",
            "{\"why\":1}".to_owned(),
        ),
        "broken" => Does::Answer("500 Internal Server Error\r\n", "oops".to_owned()),
        "html" => ok("<html>"),
        "cut" => Does::Cut,
        "hang" => Does::Hang,
        _ => ok("{}"),
    }
}

#[test]
fn parts_are_merged_in_the_order_of_declaration_and_what_is_passed_on_keeps_its_text() {
    let parts = [
        part("user", "/users/${path.id}", json!({})),
        part(
            "orders",
            "/orders",
            json!({"nest": "orders", "query": [["user", "${path.id}"], ["none", "${query.none}"]]}),
        ),
        part("empty", "/empty", json!({})),
        part("nothing", "/empty", json!({"nest": "nothing"})),
        part("text", "/text", json!({"nest": "text", "reads": "text"})),
    ];
    let (response, mut asked) = run(shop, &parts, json!({})).unwrap();
    assert_eq!(
        body(&response),
        r#"{"id":7.50,"name":"é","segment":"a/b","orders":[{"n":1e999}],"nothing":null,"text":"plain \"text\""}"#
    );
    assert_eq!(response.head.status, 200);
    assert_eq!(field(&response, "content-type").as_deref(), Some("application/json"));
    assert_eq!(field(&response, "vary").as_deref(), Some("cookie"));
    assert_eq!((field(&response, "set-cookie"), field(&response, "etag")), (None, None));
    // Parts that say nothing allow no lifetime.
    assert_eq!((field(&response, "cache-control"), field(&response, "glorieta-partial")), (None, None));
    asked.sort();
    assert_eq!(asked, ["GET /empty", "GET /orders?user=7%2F", "GET /text", "GET /users/7%2F"]);
}

#[test]
fn the_strictest_lifetime_counts_and_a_part_may_give_status_and_headers() {
    let parts = [part("user", "/users", json!({})), part("orders", "/orders", json!({"nest": "o"}))];
    let (response, _) = run(shop, &parts, json!({"head": "user"})).unwrap();
    assert_eq!(field(&response, "cache-control").as_deref(), Some("max-age=10"));
    let mut names: Vec<String> =
        response.head.fields.iter().map(|(_, name, _)| String::from_utf8_lossy(name).to_ascii_lowercase()).collect();
    names.sort_unstable();
    assert_eq!(names, ["cache-control", "content-type", "set-cookie", "vary", "x-of-all"]);
    assert_eq!(response.head.fields.all(Name::CacheControl).count(), 1);
}

#[test]
fn what_is_sent_is_written_anew() {
    let says = json!({
        "method": "POST", "forward": ["authorization"], "headers": [["x-user", "${path.id}"], ["x-none", "${header.none}"]],
        "body": {"json": {"user": "${path.id}", "n": 1}},
    });
    on_worker(async {
        let service = Service::start(shop).await;
        gather(&service, &[part("a", "/a", says)], json!({}), Body::Empty).await.unwrap();
        let sent = service.asked.borrow()[0].to_ascii_lowercase();
        for line in [
            "post /a http/1.1\r\n",
            "host: shop.example\r\n",
            "authorization: secret\r\n",
            "x-user: 7%2f\r\n",
            "accept: application/json\r\n",
            "accept-encoding: identity\r\n",
            "content-type: application/json\r\n",
            "x-forwarded-proto: http\r\n",
            "x-request-id: ",
        ] {
            assert!(sent.contains(line), "{line} in {sent}");
        }
        assert!(!sent.contains("cookie") && !sent.contains("x-none"), "{sent}");
        assert!(sent.ends_with("\r\n\r\n{\"n\":1,\"user\":\"7/\"}"), "{sent}");
    });
}

#[test]
fn who_asks_for_no_host_is_asked_for_by_the_endpoints() {
    on_worker(async {
        let service = Service::start(shop).await;
        let mut request = request(&plan(&service.address, &[part("a", "/a", json!({}))], &json!({}))).unwrap();
        request.head.set_authority(b"");
        let route = Arc::clone(request.route.as_ref().unwrap());
        let Target::Gather(gather) = &route.target else { panic!("a gather route") };
        gathered(&request, gather, Body::Empty, None, &[Progress::default()]).await.unwrap();
        let sent = service.asked.borrow()[0].to_ascii_lowercase();
        assert!(sent.contains(&format!("host: {}\r\n", service.address)), "{sent}");
    });
}

#[test]
fn the_clients_body_goes_to_every_part_that_sends_it_and_is_bounded() {
    on_worker(async {
        let service = Service::start(shop).await;
        let parts = ["/a", "/b"].map(|path| part(&path[1..], path, json!({"method": "POST", "body": "request"})));
        let sent = || Body::Full("{\"q\":1}".into());
        gather(&service, &parts, json!({}), sent()).await.unwrap();
        assert!(service.asked.borrow().iter().all(|request| request.ends_with("\r\n\r\n{\"q\":1}")));
        let stop = gather(&service, &parts, json!({"max_bytes": 3}), sent()).await.err().unwrap();
        assert_eq!(stop.error.kind, Kind::BodyTooLarge);
    });
}

#[test]
fn later_parts_use_what_earlier_ones_answered() {
    let parts = [
        part(
            "recs",
            "/recs/${parts.user.segment}/${parts.user.id}",
            json!({"shape": {"pick": null, "select": ["items.title"], "drop": [], "rename": [["items", "recommendations"]], "flatten": []}}),
        ),
        part(
            "user",
            "/users",
            json!({"shape": {"pick": null, "select": ["name"], "drop": [], "rename": [], "flatten": []}}),
        ),
    ];
    let (response, asked) = run(shop, &parts, json!({})).unwrap();
    assert_eq!(body(&response), r#"{"recommendations":[{"title":"t"}],"name":"é"}"#);
    assert_eq!(asked, ["GET /users", "GET /recs/a%2Fb/7.50"]);
}

#[test]
fn a_required_part_keeps_its_meaning() {
    for (path, kind, status) in [
        ("/broken", Kind::PartFailed, 502),
        ("/html", Kind::PartInvalid, 502),
        ("/cut", Kind::ResponseCutOff, 502),
        ("/orders", Kind::PartInvalid, 502),
    ] {
        let stop = run(shop, &[part("fine", "/a", json!({})), part("one", path, json!({}))], json!({})).err().unwrap();
        assert_eq!((stop.error.kind, stop.error.kind.status()), (kind, status), "{path}");
        assert!(
            stop.error.detail().starts_with("part one: ") && stop.part == Some(1) && stop.passed.is_none(),
            "{stop:?}"
        );
    }
    let stop = run(shop, &[part("one", "/missing", json!({}))], json!({})).err().unwrap();
    assert_eq!(stop.error.detail(), "part one: answered 404");
    let response = stop.passed.unwrap();
    assert_eq!((response.head.status, body(&response)), (404, "{\"why\":1}".to_owned()));
    assert_eq!(field(&response, "content-type").as_deref(), Some("application/problem+json"));
    assert_eq!((field(&response, "retry-after").as_deref(), field(&response, "x-internal")), (Some("3"), None));
    assert_eq!(field(&response, "cache-control").as_deref(), Some("no-store"));
}

#[test]
fn optional_parts_that_fail_are_named_and_their_defaults_stand_in() {
    let optional = |name: &str, path: &str, says: Value| {
        let mut part = part(name, path, json!({"need": "optional"}));
        part.as_object_mut().unwrap().extend(says.as_object().unwrap().clone());
        part
    };
    let parts = [
        part("user", "/users", json!({})),
        optional("late", "/hang", json!({"timeout_ms": 20, "need": {"default": []}, "nest": "late"})),
        optional("missing", "/missing", json!({"nest": "missing"})),
        optional("html", "/html", json!({"need": {"default": {"a": 1}}})),
        optional("list", "/orders", json!({})),
        optional("after", "/a", json!({"after": ["missing"]})),
        optional("word", "/a/${parts.user.none}", json!({})),
        optional("default", "/b/${parts.html.a}", json!({"nest": "b"})),
    ];
    let says = json!({"report": "_errors"});
    let composed = on_worker(async {
        let service = Service::start(shop).await;
        let composed = gather(&service, &parts, says, Body::Empty).await.unwrap();
        assert!(service.asked().contains(&"GET /b/1".to_owned()));
        composed
    });
    let response = composed.response;
    let report = "late;r=timeout, missing;s=404;r=status, html;s=200;r=invalid, list;s=200;r=invalid, after;r=unsent, word;r=unsent";
    assert_eq!(field(&response, "glorieta-partial").as_deref(), Some(report));
    assert_eq!((response.head.status, field(&response, "cache-control")), (200, None));
    let value: Value = serde_json::from_str(&body(&response)).unwrap();
    assert_eq!(
        (&value["late"], &value["a"], &value["b"], value.get("missing")),
        (&json!([]), &json!(1), &json!({}), None)
    );
    assert_eq!(value["_errors"].as_array().unwrap().len(), 6);
    assert_eq!(value["_errors"][1], json!({"part": "missing", "reason": "status", "status": 404}));
    let told = composed.partial.unwrap();
    assert_eq!(told.kind, Kind::Partial);
    assert!(
        told.detail().contains("part missing: answered 404")
            && told.detail().contains("part after: not sent: part missing gave nothing"),
        "{told}"
    );
}

#[test]
fn the_deadline_is_for_all_and_what_is_under_way_is_cancelled() {
    on_worker(async {
        let service = Service::start(shop).await;
        let parts = [part("a", "/hang", json!({})), part("b", "/hang/b", json!({"need": "optional"}))];
        let stop = gather(&service, &parts, json!({"deadline_ms": 30}), Body::Empty).await.err().unwrap();
        assert_eq!((stop.error.kind, stop.error.kind.status()), (Kind::Deadline, 504));
        until(|| service.abandoned.get() == 2).await;
        // A part that fails ends the others, and so does whoever does not wait any longer.
        let parts = [part("a", "/hang", json!({})), part("b", "/broken", json!({}))];
        gather(&service, &parts, json!({}), Body::Empty).await.err().unwrap();
        until(|| service.abandoned.get() == 3).await;
        let pending = gather(&service, &parts[..1], json!({}), Body::Empty);
        let asked = service.asked().len();
        tokio::select! {
            _ = pending => panic!("it hangs"),
            () = until(|| service.asked().len() > asked) => {}
        }
        until(|| service.abandoned.get() == 4).await;
    });
}

#[test]
fn an_answer_that_is_not_what_is_needed_ends_the_others_at_once() {
    let needs = [
        ("/html", json!({}), "part bad: its answer has a word or sign that JSON does not know, at byte 0"),
        ("/orders", json!({}), "part bad: its answer is no object, and is not nested"),
        (
            "/users",
            json!({"shape": {"pick": "none", "select": [], "drop": [], "rename": [], "flatten": []}}),
            "part bad: its answer has not what is picked of it",
        ),
    ];
    for (path, says, why) in needs {
        on_worker(async {
            let service = Service::start(shop).await;
            let parts = [part("slow", "/hang", json!({})), part("bad", path, says), part("last", "/hang/2", json!({}))];
            let stop = gather(&service, &parts, json!({"deadline_ms": 10_000}), Body::Empty).await.err().unwrap();
            assert_eq!((stop.error.kind, stop.error.detail(), stop.part), (Kind::PartInvalid, why, Some(1)));
            until(|| service.abandoned.get() == 2).await;
        });
    }
}

#[test]
fn a_shared_answer_is_judged_by_each_part_that_asked_for_it() {
    let pick = |path: &str| json!({"pick": path, "select": [], "drop": [], "rename": [], "flatten": []});
    let parts = [
        part("a", "/users", json!({"need": "optional", "shape": pick("none"), "nest": "a"})),
        part("b", "/users", json!({"shape": pick("id"), "nest": "b"})),
        part("c", "/users", json!({"after": ["b"], "shape": pick("segment"), "nest": "c"})),
    ];
    let (response, asked) = run(shop, &parts, json!({})).unwrap();
    assert_eq!((asked.len(), body(&response)), (1, r#"{"b":7.50,"c":"a/b"}"#.to_owned()));
    // What one may lack, another may pass on.
    let parts = [
        part("a", "/missing", json!({"need": "optional"})),
        part("b", "/users", json!({})),
        part("c", "/missing", json!({"after": ["b"]})),
    ];
    let stop = run(shop, &parts, json!({})).err().unwrap();
    assert_eq!(stop.passed.map(|response| response.head.status), Some(404));
}

#[test]
fn the_same_safe_request_is_made_once() {
    let parts = [
        part("a", "/users", json!({"nest": "a"})),
        part("b", "/users", json!({"nest": "b", "need": "optional"})),
        part("c", "/users", json!({"nest": "c", "headers": [["x-a", "1"]]})),
        part("d", "/users", json!({"nest": "d", "after": ["a"]})),
        part("e", "/users", json!({"nest": "e", "method": "POST"})),
    ];
    let (response, asked) = run(shop, &parts, json!({})).unwrap();
    assert_eq!(asked.iter().filter(|request| *request == "GET /users").count(), 2);
    assert_eq!(asked.len(), 3);
    let value: Value = serde_json::from_str(&body(&response)).unwrap();
    assert!(["a", "b", "c", "d", "e"].iter().all(|name| value[name]["name"] == "é"));
    // Nobody knows how long the answer to a POST may be kept.
    assert_eq!(field(&response, "cache-control"), None);
}

#[test]
fn answers_are_bounded_together_and_conflicts_are_named() {
    let parts = [part("a", "/users", json!({})), part("b", "/orders", json!({"nest": "o", "need": "optional"}))];
    let size = 35 + 13;
    assert!(run(shop, &parts, json!({"max_bytes": 100})).is_ok());
    let mut wide = parts.clone();
    wide[1]["need"] = json!("required");
    let stop = run(shop, &wide, json!({"max_bytes": size - 10})).err().unwrap();
    assert_eq!(stop.error.kind, Kind::PartTooLarge);
    let twice = [part("a", "/users", json!({})), part("b", "/users/2", json!({}))];
    let stop = run(shop, &twice, json!({})).err().unwrap();
    assert_eq!((stop.error.kind, stop.error.detail()), (Kind::PartConflict, "parts a and b both give \"id\""));
    let (response, _) = run(
        shop,
        &twice,
        json!({"conflict": "first", "shape": {"pick": "id", "select": [], "drop": [], "rename": [], "flatten": []}}),
    )
    .unwrap();
    assert_eq!(body(&response), "7.50");
}

#[test]
fn shadows_are_sent_and_nobody_waits_for_them() {
    on_worker(async {
        let service = Service::start(shop).await;
        let parts = [
            part("user", "/users", json!({})),
            part("audit", "/hang/${parts.user.name}", json!({"need": "shadow", "method": "POST", "timeout_ms": 50})),
            part("unsent", "/hang/${parts.user.none}", json!({"need": "shadow"})),
        ];
        let composed = gather(&service, &parts, json!({}), Body::Empty).await.unwrap();
        assert_eq!(body(&composed.response), r#"{"id":7.50,"name":"é","segment":"a/b"}"#);
        assert!(composed.partial.is_none());
        until(|| service.asked().contains(&"POST /hang/%C3%A9".to_owned())).await;
        until(|| service.abandoned.get() == 1).await;
        assert_eq!(service.asked().len(), 2);
    });
}

#[test]
fn a_request_that_makes_a_path_climb_is_the_clients_fault() {
    let parts = [part("a", "/users/${query.q}/..", json!({}))];
    let stop = run(shop, &parts, json!({})).err().unwrap();
    assert_eq!((stop.error.kind, stop.part), (Kind::PathRefused, None));
}

#[test]
fn optional_parts_leave_time_for_the_answer() {
    let request = request(&plan("127.0.0.1:1", &[part("a", "/", json!({"need": "optional"}))], &json!({}))).unwrap();
    let route = request.route.unwrap();
    let Target::Gather(gather) = &route.target else { panic!("a gather route") };
    let now = Moment::from_millis(1_000);
    let end = |deadline: Option<u64>| super::run::end(gather, deadline.map(|each| now.plus_millis(each)), now);
    assert_eq!(end(Some(1_000)), Some(now.plus_millis(950)));
    assert_eq!(end(Some(60_000)), Some(now.plus_millis(59_900)));
    assert_eq!(end(None), None);
}

#[test]
fn what_cannot_work_is_refused_with_the_plan() {
    let wrong = |parts: &[Value], says: Value| request(&plan("127.0.0.1:1", parts, &says)).err().unwrap();
    let none = json!({});
    let wrongs = [
        (wrong(&[part("a", "/", json!({"upstream": "none"}))], none.clone()), "there is no upstream \"none\""),
        (wrong(&[part("a", "/", none.clone()), part("a", "/", none.clone())], none.clone()), "two parts are called"),
        (wrong(&[part("a", "/${parts.b.x}", none.clone())], none.clone()), "there is no part \"b\""),
        (wrong(&[part("a", "/${parts.a.x}", none.clone())], none.clone()), "part a: it needs parts that need it"),
        (
            wrong(
                &[part("a", "/", json!({"after": ["b"]})), part("b", "/", json!({"body": {"json": ["${parts.a.x}"]}}))],
                none.clone(),
            ),
            "it needs parts",
        ),
        (
            wrong(&[part("a", "/", json!({"need": "shadow"})), part("b", "/", json!({"after": ["a"]}))], none.clone()),
            "it is a shadow",
        ),
        (wrong(&[part("a", "/", json!({"need": {"default": []}}))], none.clone()), "its default is no object"),
        (wrong(&[part("a", "/", json!({"reads": "text"}))], none.clone()), "a text is no object"),
        (wrong(&[part("a", "/", json!({"method": "A B"}))], none.clone()), "is no method"),
        (wrong(&[part("a", "/", json!({"headers": [["a b", ""]]}))], none.clone()), "is no header name"),
        (wrong(&[part("a", "/", none.clone())], json!({"head": "b"})), "there is no part \"b\""),
        (wrong(&[part("a", "/", json!({"need": "optional"}))], json!({"head": "a"})), "must be required"),
    ];
    for (message, expected) in wrongs {
        assert!(message.contains(expected), "{message}");
    }
}
