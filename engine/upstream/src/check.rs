//! Active checks: asking endpoints whether they are well, at a steady pace. Runs on the housekeeper.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use glorieta_core::{Body, Moment, RequestHead, Response};
use glorieta_http::outgoing::{Request, Upload};
use glorieta_http::{h1, h2};
use glorieta_net::Stream;
use glorieta_net::proxy_protocol::announce_own;
use glorieta_plan::{ActiveCheck, CheckKind};
use glorieta_policy::health::streak::Change;

use crate::check_grpc;
use crate::endpoint::Unconnected;
use crate::{Endpoint, Upstream};

/// Checks every endpoint of an upstream for as long as the future is polled; at once if none is configured.
///
/// Endpoints are spread over the interval, so that a hundred of them are not asked in one moment. `say` is told
/// of each that goes down or comes up.
pub async fn keep_checking(upstream: Arc<Upstream>, say: impl Fn(&str) + Clone + 'static) {
    let Some(check) = upstream.settings.health.clone() else { return };
    let every = Duration::from_millis(check.every_ms.max(10));
    loop {
        let set = upstream.state.set();
        let began = tokio::time::Instant::now();
        let step = every / (set.endpoints.len().max(1) as u32);
        for (index, endpoint) in set.endpoints.iter().enumerate() {
            let (upstream, endpoint, check, say) = (upstream.clone(), endpoint.clone(), check.clone(), say.clone());
            // A check may take longer than a step; the next endpoint's does not wait for it.
            tokio::task::spawn_local(async move { check_one(&upstream, &endpoint, &check, say).await });
            tokio::time::sleep_until(began + step * (index as u32 + 1)).await;
        }
        tokio::time::sleep_until(began + every).await;
    }
}

async fn check_one(upstream: &Upstream, endpoint: &Endpoint, check: &ActiveCheck, say: impl Fn(&str)) {
    let patience = Duration::from_millis(check.timeout_ms);
    let failure = match tokio::time::timeout(patience, ask(endpoint, &check.kind, upstream)).await {
        Ok(Ok(())) => None,
        Ok(Err(reason)) => Some(reason),
        Err(_) => Some(format!("no answer within {} ms", check.timeout_ms)),
    };
    let now = Moment::now();
    let change = endpoint.streak.observe(failure.is_none(), check.fall, check.rise);
    if failure.is_none() {
        endpoint.outlier.readmit(now);
    }
    if !endpoint.streak.is_up() {
        upstream.state.troubled.store(true, Ordering::Relaxed);
    }
    match change {
        Some(Change::Down) => {
            say(&format!("upstream {}: {} is down: {}", upstream.id, endpoint.label(), failure.unwrap_or_default()));
        }
        Some(Change::Up) => say(&format!("upstream {}: {} is up", upstream.id, endpoint.label())),
        None => {}
    }
}

/// One check on a connection of its own: whether an endpoint still accepts connections is part of the question.
async fn ask(endpoint: &Endpoint, kind: &CheckKind, upstream: &Upstream) -> Result<(), String> {
    let preface = upstream.settings.proxy_protocol.map(announce_own).unwrap_or_default();
    let stream = endpoint.connect(&preface).await.map_err(|error| match error {
        Unconnected::Refused(error) => error.to_string(),
        Unconnected::Unconvincing(why) => why,
    })?;
    let name = if endpoint.name.starts_with("unix:") { "localhost" } else { &endpoint.name };
    let (path, host, status_from, status_to) = match kind {
        CheckKind::Tcp => return Ok(()),
        CheckKind::Grpc { service } => {
            let (head, body) = check_grpc::call(name, service);
            return check_grpc::judge(exchange(stream, endpoint, &head, body, upstream).await?).await;
        }
        CheckKind::Http { path, host, status_from, status_to } => (path, host, status_from, status_to),
    };
    let authority = host.as_deref().unwrap_or(name);
    let (path, query) = path.split_once('?').map_or((path.as_str(), None), |(path, query)| (path, Some(query)));
    let mut head = RequestHead::build("GET", authority, path, query);
    head.fields.add_named(b"User-Agent", b"glorieta-health");
    match exchange(stream, endpoint, &head, Body::Empty, upstream).await?.head.status {
        status if (*status_from..=*status_to).contains(&status) => Ok(()),
        status => Err(format!("status {status}")),
    }
}

/// The answer, by the version of HTTP that requests are sent by.
async fn exchange(
    stream: Stream,
    endpoint: &Endpoint,
    head: &RequestHead,
    body: Body,
    upstream: &Upstream,
) -> Result<Response, String> {
    // The whole check has a time limit of its own.
    let hour = Duration::from_secs(3600);
    let limits = upstream.settings.limits;
    let request = Request { head, upgrade: None, limits, first_byte: hour, idle: hour, deadline: None, wire: None };
    let mut upload = Upload::new(body);
    if !endpoint.agreed_on_h2(&stream)? {
        let client = h1::client::Client::new(stream, Moment::now());
        let arrived = client.send(&request, &mut upload).await.map_err(|error| error.to_string())?;
        let (head, body) = arrived.into_body(Closing, hour, None);
        return Ok(Response { head, body, announced: None });
    }
    let encrypted = upstream.settings.tls.is_some();
    let settings = h2::client::Settings { max_streams: 1, limits, encrypted };
    let (client, driver) = h2::client::Client::open(stream, &settings).await.map_err(|error| error.to_string())?;
    tokio::task::spawn_local(driver);
    let slot = client.take();
    let arrived = slot.send(&request, &mut upload).await.map_err(|error| error.to_string())?;
    let (head, body) = arrived.into_body(slot, hour, None);
    Ok(Response { head, body, announced: None })
}

/// A connection that is of no further use.
struct Closing;

impl h1::client::Home for Closing {
    fn welcome(self, client: Box<h1::client::Client>) {
        drop(client);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;

    use glorieta_net::tls::Absent;
    use tokio::task::spawn_local;

    use super::*;
    use crate::EndpointState;
    use crate::testing::{Act, Hanging, Recorder, Refusing, Server, build, endpoint, on_worker, plan, until};

    fn check(kind: CheckKind, fall: u32, rise: u32) -> ActiveCheck {
        ActiveCheck { kind, every_ms: 20, timeout_ms: 20_000, fall, rise }
    }

    fn http(path: &str, host: Option<&str>) -> CheckKind {
        CheckKind::Http { path: path.to_owned(), host: host.map(str::to_owned), status_from: 200, status_to: 299 }
    }

    fn checked(addresses: &[&str], check: ActiveCheck) -> Arc<Upstream> {
        build(&glorieta_plan::Upstream { health: Some(check), ..plan(addresses) })
    }

    /// One check of the first endpoint; what was said.
    async fn once(upstream: &Upstream) -> Vec<String> {
        let said = RefCell::new(Vec::new());
        let check = upstream.settings.health.clone().unwrap();
        check_one(upstream, &endpoint(upstream, 0), &check, |text| said.borrow_mut().push(text.to_owned())).await;
        said.into_inner()
    }

    #[test]
    fn failures_in_a_row_take_an_endpoint_down_and_successes_bring_it_up() {
        on_worker(async {
            let well = Rc::new(Cell::new(true));
            let is_well = well.clone();
            let server = Server::new(move |_| match is_well.get() {
                true => Act::Say("ok"),
                false => Act::Raw("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"),
            });
            let upstream = checked(&[&server.address], check(http("/healthz", None), 2, 2));
            let name = &server.address;
            let state = || endpoint(&upstream, 0).state(Moment::now());
            assert!(once(&upstream).await.is_empty());
            well.set(false);
            assert!(once(&upstream).await.is_empty());
            assert_eq!(state(), EndpointState::Up);
            assert_eq!(once(&upstream).await, [format!("upstream orders: {name} is down: status 503")]);
            assert_eq!(state(), EndpointState::Down);
            assert!(upstream.state.troubled.load(Ordering::Relaxed));
            well.set(true);
            assert!(once(&upstream).await.is_empty());
            assert_eq!(once(&upstream).await, [format!("upstream orders: {name} is up")]);
            assert_eq!(state(), EndpointState::Up);
            // Each check has a connection of its own, and takes none of those for requests.
            assert_eq!((server.count(), server.connections()), (5, 5));
            assert_eq!(endpoint(&upstream, 0).connections(), 0);
        });
    }

    #[test]
    fn what_is_asked_is_what_is_configured() {
        on_worker(async {
            let server = Server::saying("ok");
            for (kind, line, host) in [
                (http("/healthz", None), "GET /healthz HTTP/1.1\r\n", &*server.address),
                (http("/ready?deep=1", Some("a.example")), "GET /ready?deep=1 HTTP/1.1\r\n", "a.example"),
            ] {
                once(&checked(&[&server.address], check(kind, 1, 1))).await;
                let head = server.seen.borrow().last().unwrap().head.clone();
                assert!(head.starts_with(line) && head.contains(&format!("Host: {host}\r\n")), "{head}");
                assert!(head.contains("User-Agent: glorieta-health\r\n"), "{head}");
            }
        });
    }

    #[test]
    fn every_way_to_fail_is_a_failure() {
        on_worker(async {
            let (refusing, hanging) = (Refusing::new(), Hanging::new().await);
            let (closing, silent) = (Server::new(|_| Act::Close), Server::new(|_| Act::Hang));
            let redirecting = Server::new(|_| Act::Raw("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"));
            for (address, kind, reason) in [
                (&refusing.address, CheckKind::Tcp, "refused"),
                (&refusing.address, http("/", None), "refused"),
                (&hanging.address, CheckKind::Tcp, "no answer within 60 ms"),
                (&silent.address, http("/", None), "no answer within 60 ms"),
                (&closing.address, http("/", None), "closed the connection"),
                (&redirecting.address, http("/", None), "status 302"),
            ] {
                let upstream = checked(&[address], ActiveCheck { timeout_ms: 60, ..check(kind, 1, 1) });
                let said = once(&upstream).await;
                let text = said.first().expect(reason).to_lowercase();
                assert!(text.contains(" is down: ") && text.contains(reason), "{text}");
            }
            // Whoever accepts is well at layer 4, whatever it would say.
            assert!(once(&checked(&[&silent.address], check(CheckKind::Tcp, 1, 1))).await.is_empty());
        });
    }

    #[test]
    fn a_passed_check_ends_an_ejection() {
        on_worker(async {
            let server = Server::saying("ok");
            let mut plan = plan(&[&server.address, "10.0.0.2:80"]);
            plan.health = Some(check(CheckKind::Tcp, 1, 1));
            plan.outlier = Some(glorieta_plan::Outlier {
                consecutive: 1,
                success_percent: 0,
                window_ms: 10_000,
                minimum_requests: 20,
                ejection_ms: 600_000,
                max_ejection_ms: 600_000,
                max_percent: 50,
            });
            let upstream = build(&plan);
            upstream.note_health(&endpoint(&upstream, 0), false, Moment::now());
            assert_eq!(endpoint(&upstream, 0).state(Moment::now()), EndpointState::Ejected);
            once(&upstream).await;
            assert_eq!(endpoint(&upstream, 0).state(Moment::now()), EndpointState::Up);
        });
    }

    #[test]
    fn an_endpoint_is_asked_by_the_version_that_requests_are_sent_by() {
        on_worker(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap().to_string();
            spawn_local(async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    spawn_local(async move {
                        let mut connection = ::h2::server::handshake(stream).await.unwrap();
                        while let Some(Ok((request, mut respond))) = connection.accept().await {
                            let status = if request.uri().path() == "/healthz" { 204 } else { 503 };
                            let response = http::Response::builder().status(status).body(()).unwrap();
                            respond.send_response(response, true).unwrap();
                        }
                    });
                }
            });
            for (path, said) in [("/healthz", 0), ("/other", 1)] {
                let mut plan = plan(&[&address]);
                plan.health = Some(check(http(path, None), 1, 1));
                plan.version = glorieta_plan::UpstreamVersion::H2;
                assert_eq!(once(&build(&plan)).await.len(), said, "{path}");
            }
        });
    }

    #[test]
    fn endpoints_are_checked_for_as_long_as_it_is_wanted() {
        on_worker(async {
            let (server, refusing) = (Server::saying("ok"), Refusing::new());
            let upstream = checked(&[&server.address, &refusing.address], check(http("/", None), 2, 1));
            let said = Rc::new(RefCell::new(Vec::new()));
            let saying = said.clone();
            let checking = spawn_local(keep_checking(upstream.clone(), move |text| {
                saying.borrow_mut().push(text.to_owned());
            }));
            until(|| server.count() >= 3 && said.borrow().len() == 1).await;
            assert!(said.borrow()[0].contains(&refusing.address), "{said:?}");
            // An endpoint that comes later is checked too.
            let late = Server::new(|_| Act::Close);
            let next = plan(&[&late.address]);
            Upstream::build(&next, Some(&upstream), Arc::<Recorder>::default(), Absent::Wrong).unwrap().refresh();
            until(|| endpoint(&upstream, 0).state(Moment::now()) == EndpointState::Down).await;
            checking.abort();
        });
        // Without a check there is nothing to keep doing.
        on_worker(keep_checking(build(&plan(&["10.0.0.1:80"])), |_| panic!("nothing to say")));
    }
}
