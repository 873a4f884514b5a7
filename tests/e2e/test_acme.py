"""Certificates that are ordered from a real issuer (pebble): every way to prove a name, renewal, and what fails."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

from harness import Command, RawClient, Runner, TcpEcho, build, wait_until
from harness.certificates import Authority
from harness.pebble import Pebble, program
from harness.process import CHECKOUT
from harness.tls import TlsClient, trusting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness import Services

pytestmark = [
    pytest.mark.skipif(program("pebble") is None, reason="pebble is not there; tools/pebble builds it, where Go is"),
    pytest.mark.timeout(120),
]
PATIENCE = 40.0
ANYBODY = trusting(None)
HOOK = """#!{python}
import json, os, urllib.request
action, record, value = (os.environ[each] for each in ("ACME_ACTION", "ACME_RECORD", "ACME_VALUE"))
with open({log!r}, "a") as log:
    print(action, os.environ["ACME_DOMAIN"], record, file=log)
what = {{"host": record + "."}} | ({{"value": value}} if action == "present" else {{}})
url = "http://127.0.0.1:{port}/" + ("set-txt" if action == "present" else "clear-txt")
urllib.request.urlopen(url, json.dumps(what).encode(), timeout=10).read()
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    pebble = Pebble(tmp_path_factory.mktemp("pebble")).start()
    yield pebble
    pebble.stop()


@pytest.fixture
def pebble(tmp_path: Path) -> Iterator[Pebble]:
    """One that a test may stop."""
    pebble = Pebble(tmp_path).start()
    yield pebble
    pebble.stop()


def acme(pebble: Pebble, storage: Path, more: str = "") -> str:
    about = f'directory: "{pebble.directory}", authorities: {pebble.authorities}, storage: {storage}, profile: long'
    return f"acme: {{terms_agreed: on, email: ops@shop.example, {about}{more}}}\n"


def site(pebble: Pebble, storage: Path, tls: str, more: str = "", routes: str = "respond: hello") -> str:
    """HTTPS, and plain HTTP that redirects to it."""
    only = f"https_only: {{redirect: 127.0.0.1:{pebble.http_port}, hsts: off}}"
    listener = f'web: {{bind: "127.0.0.1:{pebble.tls_port}", tls: {{{tls}, {only}}}, {routes}}}'
    return f"version: 1\n{acme(pebble, storage, more)}listeners:\n  {listener}\n"


def shown(port: int, name: str) -> str | None:
    """The fingerprint of what answers for a name; none: the handshake is refused."""
    try:
        with TlsClient(port, ANYBODY, name) as client:
            certificate = client.tls.getpeercert(binary_form=True)
    except OSError:
        return None
    assert certificate
    return hashlib.sha256(certificate).hexdigest()


def wait_shown(port: int, *names: str, but: str | None = None) -> list[str]:
    """Until each name is answered for, by another certificate than that."""
    found: list[str] = []
    for name in names:
        what = f"a certificate for {name}"
        found.append(wait_until(lambda name=name: (now := shown(port, name)) != but and now, PATIENCE, what))  # type: ignore[misc,arg-type]
    return found


def get(port: int, name: str) -> str:
    with TlsClient(port, ANYBODY, name) as client:
        return client.get(host=name).text


def said(edge: Command, text: str) -> str:
    """Waits until something was said; the line."""

    def line() -> str | None:
        return next((each for each in edge.stderr.splitlines() if text in each), None)

    return wait_until(line, PATIENCE, f"{text!r} being said by\n{edge.stderr}") or ""


def certificates(storage: Path) -> dict[str, Path]:
    return {file.stem: file for file in storage.glob("*/certificates/*.pem")}


def record(storage: Path, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(certificates(storage)[name].with_suffix(".json").read_text())
    return document


def glorieta(edge: Command, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "glorieta", *arguments],
        cwd=edge.folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / "python")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_http_01_for_several_names_in_several_certificates(launch: Runner, shared: Pebble, tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    both = "certificates: [{acme: [shop.example, www.shop.example]}, {acme: api.example}]"
    edge = launch.command(site(shared, storage, both))
    port = shared.tls_port
    shop, www, api = wait_shown(port, "shop.example", "www.shop.example", "api.example")
    assert shop == www != api
    assert get(port, "www.shop.example") == "hello"
    # What proves names is gone, and plain HTTP redirects as before.
    place = "/.well-known/acme-challenge/nothing"
    with RawClient(shared.http_port) as client:
        answer = client.exchange(build("GET", place, {"Host": "shop.example"}))
        assert (answer.status, answer.header("Location")) == (308, f"https://shop.example:{port}{place}")
    proofs = [
        each for each in edge.records() if each.get("path", "").startswith("/.well-known/") and each["status"] == 200
    ]
    assert {each["host"].partition(":")[0] for each in proofs} == {"shop.example", "www.shop.example", "api.example"}
    # Nobody else may look at what is kept.
    for path in [storage, *storage.rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    assert set(certificates(storage)) == {"shop.example", "api.example"}
    status = glorieta(edge, "cert", "status", "glorieta.yaml")
    assert status.returncode == 0, status.stderr
    assert re.search(r"shop\.example, www\.shop\.example\n  certificate  (89|90) days left", status.stdout)
    assert "the issuer says so" in status.stdout


@pytest.mark.parametrize("challenge", ["http-01", "tls-alpn-01"])
def test_an_address_beside_a_name(launch: Runner, shared: Pebble, tmp_path: Path, challenge: str) -> None:
    storage = tmp_path / "storage"
    about = f", challenge: {challenge}"
    edge = launch.command(site(shared, storage, "acme: [shop.example, 127.0.0.1]", about))
    wait_shown(shared.tls_port, "shop.example")
    certificate = x509.load_pem_x509_certificates(certificates(storage)["shop.example"].read_bytes())[0]
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["shop.example"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert "127.0.0.1" in glorieta(edge, "cert", "status", "glorieta.yaml").stdout


def test_many_names_that_cannot_be_had_keep_no_other_waiting(launch: Runner, tmp_path: Path) -> None:
    blocked = tuple(f"blocked-{number}.example" for number in range(20))
    pebble = Pebble(tmp_path, blocked=blocked).start()
    try:
        names = [f"{{acme: {name}}}" for name in (*blocked, "shop.example")]
        edge = launch.command(site(pebble, tmp_path / "storage", f"certificates: [{', '.join(names)}]"))
        wait_shown(pebble.tls_port, "shop.example")
        for name in blocked:
            said(edge, f"{name}: no certificate")
    finally:
        pebble.stop()


def test_each_host_of_the_routes_gets_its_own(launch: Runner, shared: Pebble, tmp_path: Path) -> None:
    routes = "routes: {a: {match: a.example, respond: a}, b: {match: b.example/x/*, respond: b}}"
    launch.command(site(shared, tmp_path / "storage", "acme: on", routes=routes))
    one, other = wait_shown(shared.tls_port, "a.example", "b.example")
    assert one != other
    assert get(shared.tls_port, "a.example") == "a"


def test_tls_alpn_01_also_where_clients_must_show_certificates(launch: Runner, shared: Pebble, tmp_path: Path) -> None:
    clients = Authority("clients")
    shown_by_client = clients.client("billing").write(tmp_path, "billing")
    only = f"acme: [tls.example, www.tls.example], clients: {{authorities: {clients.write(tmp_path, 'clients')}}}"
    text = site(shared, tmp_path / "storage", only, ", challenge: tls-alpn-01")
    edge = launch.command(text)
    said(edge, "tls.example, www.tls.example: the certificate has come")
    client = trusting(None, shown_by_client)

    def answers() -> str | None:
        try:
            with TlsClient(shared.tls_port, client, "www.tls.example") as connection:
                return connection.get(host="www.tls.example").text
        except ssl.SSLError:
            return None

    assert wait_until(answers, PATIENCE, "an answer") == "hello"
    # Other clients do not come in by asking as an issuer does.
    asking = trusting(None, alpn=["acme-tls/1"])
    with pytest.raises(ssl.SSLError, match="no application protocol"):
        TlsClient(shared.tls_port, asking, "www.tls.example")


def test_layer_4_gets_certificates_too(launch: Runner, shared: Pebble, tmp_path: Path, own_services: Services) -> None:
    echo = own_services.keep(TcpEcho())
    listener = f'db: {{bind: "127.0.0.1:{shared.tls_port}", protocol: tcp, tls: {{acme: db.example}}, to: echo}}'
    text = f"version: 1\n{acme(shared, tmp_path / 'storage', ', challenge: tls-alpn-01')}listeners:\n  {listener}\n"
    launch.command(f'{text}upstreams: {{echo: {{endpoints: ["{echo.address}"]}}}}\n')
    wait_shown(shared.tls_port, "db.example")


def dns_hook(pebble: Pebble, folder: Path) -> tuple[Path, Path]:
    hook, log = folder / "hook", folder / "hook.log"
    hook.write_text(HOOK.format(python=sys.executable, log=str(log), port=pebble.dns_management))
    hook.chmod(0o755)
    return hook, log


def test_dns_01_for_a_wildcard(launch: Runner, shared: Pebble, tmp_path: Path) -> None:
    hook, log = dns_hook(shared, tmp_path)
    dns = f", dns: {{command: {hook}, wait: 0s}}"
    edge = launch.command(site(shared, tmp_path / "storage", 'acme: ["*.wide.example", wide.example]', dns))
    wide, _ = wait_shown(shared.tls_port, "any.wide.example", "wide.example")
    assert wide
    said(edge, "the certificate has come")
    lines = log.read_text().splitlines()
    wanted = [f"{action} wide.example _acme-challenge.wide.example" for action in ("present", "cleanup")]
    assert [lines.count(each) for each in wanted] == [2, 2]


def test_a_hook_that_fails_is_heard_of_and_cleaned_up_after(launch: Runner, shared: Pebble, tmp_path: Path) -> None:
    hook, log = tmp_path / "hook", tmp_path / "hook.log"
    hook.write_text(f"#!/bin/sh\necho $ACME_ACTION >> {log}\necho no such zone >&2\n[ $ACME_ACTION = cleanup ]\n")
    hook.chmod(0o755)
    dns = f", dns: {{command: [{hook}], wait: 0s}}"
    edge = launch.command(site(shared, tmp_path / "storage", "acme: hook.example", dns))
    line = said(edge, "no certificate")
    assert "(present _acme-challenge.hook.example) failed with exit code 1: no such zone" in line
    assert log.read_text() == "present\ncleanup\n"
    assert shown(shared.tls_port, "hook.example") is None
    status = glorieta(edge, "cert", "status", "glorieta.yaml")
    assert status.returncode == 1
    assert "not there yet" in status.stdout
    assert "no such zone" in status.stdout


def test_until_it_is_there_handshakes_are_refused_and_a_down_issuer_is_asked_again(
    launch: Runner, shared: Pebble, tmp_path: Path
) -> None:
    down = Pebble(tmp_path, http_port=shared.http_port, tls_port=shared.tls_port)
    edge = launch.command(site(down, tmp_path / "storage", "acme: late.example"))
    line = said(edge, "no certificates can be ordered")
    assert f"{down.directory} does not answer" in line
    assert "again in 5 min" in line
    with pytest.raises(ssl.SSLError, match="INTERNAL_ERROR"):
        TlsClient(shared.tls_port, ANYBODY, "late.example")
    assert edge.wait_record(reason="certificate_awaited")["detail"] == "late.example"
    down.start()
    try:
        # Whoever knows that it is back need not wait.
        asked = glorieta(edge, "cert", "renew", "late.example", "-f", "glorieta.yaml")
        assert (asked.returncode, asked.stdout) == (0, "ordering late.example\n")
        wait_shown(shared.tls_port, "late.example")
    finally:
        down.stop()


def test_what_is_there_outlives_restarts_and_issuers(launch: Runner, pebble: Pebble, tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    text = site(pebble, storage, "acme: lasting.example")
    edge = launch.command(text)
    [before] = wait_shown(pebble.tls_port, "lasting.example")
    said(edge, "the certificate has come")
    edge.stop()
    pebble.stop()
    edge = launch.command(text)
    assert shown(pebble.tls_port, "lasting.example") == before
    assert glorieta(edge, "cert", "renew", "-f", "glorieta.yaml").returncode == 0
    line = said(edge, "no certificates can be ordered")
    assert "lasting.example: the one that is there is good for another" in line
    assert shown(pebble.tls_port, "lasting.example") == before


def test_the_issuer_says_when_to_renew(launch: Runner, shared: Pebble, tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    text = site(shared, storage, "acme: wish.example")
    edge = launch.command(text)
    [before] = wait_shown(shared.tls_port, "wish.example")
    said(edge, "the certificate has come")
    assert record(storage, "wish.example")["window"]
    edge.stop()
    now = datetime.now(UTC).replace(microsecond=0)
    shared.wish(certificates(storage)["wish.example"], now - timedelta(days=2), now - timedelta(days=1))
    # It is asked again when it has said that it may be; this test does not wait for that.
    file = certificates(storage)["wish.example"].with_suffix(".json")
    file.write_text(json.dumps({**json.loads(file.read_text()), "ask_at": 0}))
    launch.command(text)
    wait_shown(shared.tls_port, "wish.example", but=before)


def test_what_lives_short_is_renewed_by_itself(launch: Runner, shared: Pebble, tmp_path: Path) -> None:
    text = site(shared, tmp_path / "storage", "acme: short.example").replace("profile: long", "profile: short")
    launch.command(text)
    [before] = wait_shown(shared.tls_port, "short.example")
    wait_shown(shared.tls_port, "short.example", but=before)


def test_a_name_more_takes_nothing_away_before_all_is_there(launch: Runner, shared: Pebble, tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    edge = launch.command(site(shared, storage, "acme: [more.example]"))
    [before] = wait_shown(shared.tls_port, "more.example")
    edge.write(site(shared, storage, "acme: [more.example, blocked.example]"))
    line = said(edge, "no certificate:")
    assert "rejectedIdentifier" in line
    assert "good for another" in line
    assert shown(shared.tls_port, "more.example") == before
    assert shown(shared.tls_port, "blocked.example") is None
    status = glorieta(edge, "cert", "status", "glorieta.yaml")
    assert "not yet      blocked.example" in status.stdout
    # With other names it is tried at once, whatever has failed before.
    edge.write(site(shared, storage, "acme: [more.example, third.example]"))
    [after] = wait_shown(shared.tls_port, "third.example", but=before)
    assert shown(shared.tls_port, "more.example") == after != before


def test_a_reload_brings_certificates_and_ends_ordering(launch: Runner, shared: Pebble, tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    plain = f'version: 1\nlisteners: {{plain: {{bind: "127.0.0.1:{shared.http_port}", respond: hello}}}}\n'
    edge = launch.command(plain)
    edge.write(site(shared, storage, "acme: later.example"))
    wait_shown(shared.tls_port, "later.example")
    said(edge, "the certificate has come")
    edge.write(plain)
    said(edge, "− listener web")
    refused = glorieta(edge, "cert", "renew", "-f", "glorieta.yaml")
    assert (refused.returncode, "no certificates are ordered" in refused.stderr) == (1, True)


def test_two_of_one_storage_order_once(launch: Runner, shared: Pebble, tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    first = launch.command(site(shared, storage, "acme: twice.example"))
    elsewhere = Pebble(tmp_path, port=shared.port)
    elsewhere.authorities = shared.authorities
    second = launch.command(site(elsewhere, storage, "acme: twice.example"))
    said(first, "its TLS files have changed")
    said(second, "its TLS files have changed")
    issued = (first.stderr + second.stderr).count("the certificate has come")
    assert issued == 1


def test_an_account_that_the_issuer_has_forgotten_is_made_anew(launch: Runner, pebble: Pebble, tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    edge = launch.command(site(pebble, storage, "acme: forgotten.example"))
    [before] = wait_shown(pebble.tls_port, "forgotten.example")
    said(edge, "the certificate has come")
    # It keeps all that it knows in memory.
    pebble.stop()
    pebble.start()
    assert glorieta(edge, "cert", "renew", "-f", "glorieta.yaml").returncode == 0
    wait_shown(pebble.tls_port, "forgotten.example", but=before)


def test_an_external_account(launch: Runner, tmp_path: Path) -> None:
    key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
    pebble = Pebble(tmp_path, accounts={"kid-1": key}).start()
    try:
        without = launch.command(site(pebble, tmp_path / "one", "acme: bound.example"))
        assert "asks for an account that it has given" in said(without, "no certificate")
        without.stop()
        file = tmp_path / "eab.key"
        file.write_text(key)
        more = f", external_account: {{id: kid-1, key: {file}}}"
        launch.command(site(pebble, tmp_path / "two", "acme: bound.example", more))
        wait_shown(pebble.tls_port, "bound.example")
    finally:
        pebble.stop()


def test_a_storage_that_others_may_look_into_is_not_used(launch: Runner, shared: Pebble, tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    edge = launch.command(site(shared, storage, "acme: open.example"))
    wait_shown(shared.tls_port, "open.example")
    key = next(storage.glob("*/account.key"))
    key.chmod(0o644)
    assert glorieta(edge, "cert", "renew", "-f", "glorieta.yaml").returncode == 0
    line = said(edge, "no certificates can be ordered")
    assert f"others may look into {key} (mode 0644); chmod 600 {key}" in line


def test_the_end_does_not_wait_for_an_order(launch: Runner, shared: Pebble, tmp_path: Path) -> None:
    hook, log = tmp_path / "hook", tmp_path / "hook.log"
    hook.write_text(f"#!/bin/sh\necho $ACME_ACTION >> {log}\n[ $ACME_ACTION = cleanup ] || exec sleep 300\n")
    hook.chmod(0o755)
    dns = f", dns: {{command: {hook}, timeout: 250s}}"
    edge = launch.command(site(shared, tmp_path / "storage", "acme: slow.example", dns))
    wait_until(lambda: log.exists() and log.read_text(), PATIENCE, "the hook's start")
    edge.signal(signal.SIGTERM)
    assert edge.wait_end() == 0
    assert log.read_text() == "present\ncleanup\n"


class Busy(BaseHTTPRequestHandler):
    """An issuer that gives everybody a nonce, and nobody an account."""

    def answer(self, status: int, document: dict[str, Any], **headers: str) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        kind = "application/json" if status == 200 else "application/problem+json"
        for name, value in {"Content-Type": kind, "Replay-Nonce": "bm9uY2U", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def do_GET(self) -> None:
        base = f"https://localhost:{self.server.server_address[1]}"
        words = ("newNonce", "newAccount", "newOrder", "revokeCert", "keyChange")
        self.answer(200, {word: f"{base}/{word}" for word in words})

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        problem = {
            "type": "urn:ietf:params:acme:error:rateLimited",
            "detail": "too many new accounts from this address",
        }
        self.answer(429, problem, Retry_After="7200")

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def test_the_issuers_bounds_are_told_and_kept(launch: Runner, tmp_path: Path) -> None:
    busy = Pebble(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*busy.files)
    server = ThreadingHTTPServer(("127.0.0.1", busy.port), Busy)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        edge = launch.command(site(busy, tmp_path / "storage", "acme: busy.example"))
        line = said(edge, "no certificate")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert "no account: rateLimited: too many new accounts from this address" in line
    assert "again in 2 h" in line
    status = json.loads(glorieta(edge, "cert", "status", "glorieta.yaml", "--json").stdout)
    assert "rateLimited" in status["certificates"][0]["error"]
