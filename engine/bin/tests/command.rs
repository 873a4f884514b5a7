//! `glorieta-engine` as an operator meets it: arguments, exit codes, signals, and what systemd is told.
#![allow(clippy::unwrap_used)] // a test that cannot go on says where

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const LONGEST: Duration = Duration::from_secs(20);

/// A plan with one listener that answers every request with `body`.
fn plan(version: &str, body: &str) -> Value {
    let route = json!({
        "id": "web/all", "name": "/*", "group": null, "hosts": ["any"], "path": {"prefix": ""}, "methods": [],
        "headers": [], "query": [], "priority": 0, "merge_slashes": false, "filters": [], "deadline_ms": null,
        "target": {"respond": {"status": 200, "headers": [], "body": body}},
    });
    let listener = json!({
        "id": "web", "bind": ["127.0.0.1:0"], "protocol": "http", "versions": ["h1", "h2"], "alt_svc": null, "unrouted": [], "roles": [], "trusted_proxies": [], "tcp": null,
        "limits": {
            "head_bytes": 32768, "header_count": 100, "target_bytes": 8192, "connections": 100, "connections_per_client": 0, "new_connections": 0, "new_connections_per_client": 0,
            "streams": 128, "requests_per_connection": 0, "body_rate": 0,
        },
        "timeouts": {"handshake_ms": 1000, "head_ms": 10000, "body_ms": 10000, "write_ms": 10000, "keep_alive_ms": 10000},
        "forwarded": {"x_forwarded": true, "forwarded": false, "via": false},
        "request_id": {"request": true, "response": false, "accept": false},
        "routes": [route],
    });
    json!({
        "format": 1, "version": version, "workers": 1, "listeners": [listener], "groups": [], "upstreams": [],
        "admin": {"address": null, "required": false, "socket": null, "hosts": []},
        "access_log": {"to": "off", "format": "json", "queue": 64}, "drain_ms": 2000, "server_name": null,
    })
}

/// The same with one endpoint behind it, and ten minutes for a drain.
fn proxy(endpoint: &str) -> Value {
    let mut plan = plan("aaaaaaaaaaaa", "");
    plan["drain_ms"] = json!(600_000);
    plan["listeners"][0]["routes"][0]["target"] = json!({"proxy": {
        "upstream": "slow", "strip_prefix": null, "rewrite": null, "host": "preserve", "retries": 0,
        "timeouts": {"connect_ms": 3000, "first_byte_ms": 600_000, "idle_ms": 600_000, "tunnel_ms": 600_000},
    }});
    plan["upstreams"] = json!([{
        "id": "slow", "endpoints": [{"address": endpoint, "weight": 1}], "balance": "peak_ewma",
        "version": "h1",
        "pool": {"max_connections": 10, "idle_ms": 60_000, "max_age_ms": 600_000, "max_streams": 100},
        "queue": {"max": 10, "timeout_ms": 3000}, "health": null, "outlier": null, "panic_percent": 50,
        "retry_budget": {"percent": 20, "window_ms": 10_000, "floor_per_second": 10, "backoff_ms": 25},
        "response_head_bytes": 65_536, "response_header_count": 200,
    }]);
    plan
}

/// A folder of this test's own.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn write(&self, text: &str) -> PathBuf {
        let path = self.0.join("plan.json");
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn engine() -> Command {
    Command::new(env!("CARGO_BIN_EXE_glorieta-engine"))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A serving process whose words go to a file; killed when the test ends before it does.
struct Serving {
    child: Child,
    words: PathBuf,
}

impl Serving {
    fn start(folder: &Folder, plan: &Path, notify: Option<&Path>) -> Serving {
        let words = folder.0.join("words");
        let mut command = engine();
        command.arg(plan).stdout(Stdio::null()).stderr(fs::File::create(&words).unwrap());
        if let Some(path) = notify {
            command.env("NOTIFY_SOCKET", path);
        }
        Serving { child: command.spawn().unwrap(), words }
    }

    fn signal(&self, number: i32) {
        // SAFETY: the process is our child and has not been waited for, so the number is still its own.
        unsafe { libc::kill(self.child.id() as i32, number) };
    }

    /// Waits until it has said this, and returns all that it has said.
    fn await_words(&self, wanted: &str) -> String {
        let end = Instant::now() + LONGEST;
        loop {
            let words = fs::read_to_string(&self.words).unwrap();
            if words.contains(wanted) {
                return words;
            }
            assert!(Instant::now() < end, "{wanted:?} was not said; it said:\n{words}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn address(&self) -> String {
        let words = self.await_words("is running");
        let line = words.lines().find(|line| line.contains("web at ")).unwrap();
        line.rsplit(' ').next().unwrap().to_owned()
    }

    fn end(mut self) -> i32 {
        let end = Instant::now() + LONGEST;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            assert!(Instant::now() < end, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn get(address: &str) -> String {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(LONGEST)).unwrap();
    connection.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn questions_about_the_program_are_answered() {
    let help = engine().arg("--help").output().unwrap();
    assert_eq!(help.status.code(), Some(0));
    assert!(said(&help).contains("Exit codes"));
    let version = engine().arg("--version").output().unwrap();
    assert!(said(&version).starts_with(concat!("glorieta-engine ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn mistakes_fail_and_say_which() {
    let none = engine().output().unwrap();
    assert_eq!(none.status.code(), Some(1));
    assert!(said(&none).contains("no plan is named"));
    let missing = engine().arg("/nonexistent/plan.json").output().unwrap();
    assert_eq!(missing.status.code(), Some(1));
    assert!(said(&missing).contains("/nonexistent/plan.json"));
}

#[test]
fn a_plan_is_checked_without_running_it() {
    let folder = Folder::new("check");
    let path = folder.write(&plan("0123456789ab", "hello").to_string());
    let good = engine().arg("--check").arg(&path).output().unwrap();
    assert_eq!(good.status.code(), Some(0), "{}", said(&good));
    let mut broken = plan("0123456789ab", "hello");
    let route = &mut broken["listeners"][0]["routes"][0];
    route["target"] = json!({"redirect": {"status": 200, "location": "/"}});
    let mut another = route.clone();
    another["id"] = json!("web/other");
    another["path"] = json!({"exact": "/other"});
    broken["listeners"][0]["routes"].as_array_mut().unwrap().push(another);
    let path = folder.write(&broken.to_string());
    let refused = engine().arg("--check").arg(&path).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    let said = said(&refused);
    assert!(said.contains("web/all: ") && said.contains("web/other: ") && said.ends_with("2 errors\n"), "{said}");
}

#[test]
fn what_is_no_plan_is_refused_with_its_place() {
    let folder = Folder::new("garbage");
    let mut unknown = plan("0123456789ab", "hello");
    unknown["admin"]["colour"] = json!("red");
    let path = folder.write(&unknown.to_string());
    for arguments in [vec![], vec!["--check"]] {
        let refused = engine().args(arguments).arg(&path).output().unwrap();
        assert_eq!(refused.status.code(), Some(2));
        assert!(said(&refused).contains("admin.colour"), "{}", said(&refused));
    }
}

#[test]
fn it_serves_reloads_and_ends_by_signals() {
    let folder = Folder::new("signals");
    let path = folder.write(&plan("aaaaaaaaaaaa", "first").to_string());
    let systemd = UnixDatagram::bind(folder.0.join("notify")).unwrap();
    systemd.set_read_timeout(Some(LONGEST)).unwrap();
    let mut state = [0; 256];
    let mut told = || {
        let length = systemd.recv(&mut state).unwrap();
        String::from_utf8_lossy(&state[..length]).into_owned()
    };

    let serving = Serving::start(&folder, &path, Some(&folder.0.join("notify")));
    assert_eq!(told(), "READY=1");
    let address = serving.address();
    assert!(get(&address).ends_with("first"));

    folder.write("{\"format\": 1}");
    serving.signal(libc::SIGHUP);
    assert!(told().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(told(), "READY=1");
    serving.await_words("the old plan stays");
    assert!(get(&address).ends_with("first"));

    folder.write(&plan("bbbbbbbbbbbb", "second").to_string());
    serving.signal(libc::SIGHUP);
    serving.await_words("plan bbbbbbbbbbbb is running");
    assert!(get(&address).ends_with("second"));
    assert!(told().starts_with("RELOADING=1"));
    assert_eq!(told(), "READY=1");

    serving.signal(libc::SIGUSR1);
    serving.signal(libc::SIGTERM);
    assert_eq!(told(), "STOPPING=1");
    assert_eq!(serving.end(), 0);
}

#[test]
fn a_second_interrupt_cuts_what_is_under_way() {
    let folder = Folder::new("cut");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let path = folder.write(&proxy(&silent.local_addr().unwrap().to_string()).to_string());
    let serving = Serving::start(&folder, &path, None);
    let mut client = TcpStream::connect(serving.address()).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let (mut service, _) = silent.accept().unwrap();
    service.set_read_timeout(Some(LONGEST)).unwrap();
    assert!(service.read(&mut [0; 16]).unwrap() > 0, "the request is under way");
    serving.signal(libc::SIGINT);
    serving.await_words("Ctrl-C cuts it");
    serving.signal(libc::SIGINT);
    assert_eq!(serving.end(), 0);
}
