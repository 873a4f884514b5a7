"""`glorieta try`: one request's way, in words and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Call

FILE = """\
version: 1
listeners:
  web:
    bind: "127.0.0.1:8080"
    filters: {deny: [203.0.113.0/24], max_body: 1KiB, headers: {request: {remove: [cookie]}, response: {remove: [server]}}}
    routes:
      /service1/*: {to: service1, strip_prefix: true, deadline: 5s}
      POST /service1/{id}: {to: service1}
      /*: {to: two}
      /old: {redirect: {location: "https://new.example/", status: 302}}
  mail: {bind: "127.0.0.1:1025", protocol: tcp, to: two}
upstreams:
  service1: {endpoints: ["10.0.0.1:80"]}
  two: {endpoints: ["10.0.0.1:25", "10.0.0.2:25"], balance: round_robin}
"""


@pytest.fixture(autouse=True)
def edge(folder: Path) -> None:
    (folder / "glorieta.yaml").write_text(FILE)


def test_a_forwarded_request_is_told_step_by_step(call: Call) -> None:
    told = call("try", "http://shop.example/service1/a?b", "-H", "Cookie: a=1")
    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert lines[:4] == [
        "listener web (the only one for http)",
        "→ client 127.0.0.1",
        "→ route /service1/* (longest prefix; beat /* (shorter prefix))",
        "  not POST /service1/{id} (asks for POST)",
    ]
    for line in (
        "  allow, deny  passed: 127.0.0.1",
        "  max_body     passed: at most 1024 bytes",
        "  headers      Cookie removed",
        "→ upstream service1",
        "→ endpoint 10.0.0.1:80 (the only one)",
        "→ GET /a?b   (deadline 5s, 1 more try where that is safe)",
        "  Host: shop.example",
        "+ X-Forwarded-Prefix: /service1",
        "- Cookie: a=1",
        "← in the upstream's answer",
        "- server",
        "~ Location: /service1/   (was /)",
    ):
        assert line in lines, f"{line}\n{told.stdout}"


def test_chance_names_every_endpoint_with_its_share(call: Call) -> None:
    lines = call("try", "http://shop.example/x").stdout.splitlines()
    assert "→ one of 2 endpoints (in turns)" in lines
    assert "  10.0.0.2:25  1 of 2 turns" in lines


@pytest.mark.parametrize(
    ("arguments", "line", "code"),
    [
        (["http://h/old#there"], "→ answers 302", 0),
        (["get", "http://h/old"], "→ answers 302", 0),
        (["http://h/x", "--from", "203.0.113.7"], "→ answers 403 denied: the client's address", 0),
        (["http://h/x", "--body", "2KiB"], "→ answers 413 body_too_large", 0),
        (["http://h/x", "--body", "@large"], "→ answers 413 body_too_large", 0),
        (["http://h/x", "--body", "5 words and more"], "+ Content-Length: 16", 0),
        (["http://h/.."], "→ answers 400 path_refused: climbs above the root", 0),
        (["tcp://:1025"], "→ one of 2 endpoints (in turns)", 0),
        (["http://h/", "--listener", "mail"], "→ upstream two", 0),
        (["http://h:9/"], "nothing listens at port 9; listeners: web at 127.0.0.1:8080, mail at 127.0.0.1:1025", 1),
        (["tcp://:8080"], "→ nothing: listener web speaks http; ask it with a method and http://", 1),
    ],
)
def test_ways_that_end_otherwise(call: Call, folder: Path, arguments: list[str], line: str, code: int) -> None:
    (folder / "large").write_bytes(b"x" * 1025)
    told = call("try", *arguments)
    assert told.exit_code == code, told.output
    if "Content-Length" in line:
        line = line.replace("+", " ")
    assert line in told.stdout.splitlines(), told.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["shop.example"], "write http://HOST/PATH"),
        (["GET", "http://h/", "more"], "quote what has blanks"),
        (["http://h/", "-H", "nonsense"], "write 'NAME: VALUE'"),
        (["http://h/", "--from", "here"], "is no address"),
        (["http://h/", "--body", "@missing"], "No such file"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(call: Call, arguments: list[str], said: str) -> None:
    told = call("try", *arguments)
    assert (told.exit_code, said in told.stderr) == (2, True), told.output
    as_json = call("try", *arguments, "--json")
    assert said in json.loads(as_json.stdout)["error"]


def test_a_configuration_that_is_wrong_is_refused_with_its_places(call: Call) -> None:
    told = call("try", "http://h/", "-f", "bad.yaml")
    assert told.exit_code == 2
    assert "bad.yaml:6" in told.stderr


MUTUAL = """\
version: 1
listeners:
  web:
    bind: ":8443"
    tls: {certificate: shop.crt, key: shop.key, clients: {authorities: clients.pem, certificate: optional}}
    routes:
      billing: {match: {path: /a, words: {client.certificate.names: "spiffe://shop/billing"}}, respond: billing}
      /a: {respond: everybody}
  clear: {bind: ":8080", respond: clear}
"""


def test_routes_by_certificates_are_tried_with_one(call: Call, folder: Path) -> None:
    from harness.certificates import Authority

    servers, clients = Authority(), Authority("Clients")
    servers.leaf("shop.example").write(folder, "shop")
    clients.write(folder, "clients")
    clients.client("billing.internal", "spiffe://shop/billing").write(folder, "billing")
    (folder / "glorieta.yaml").write_text(MUTUAL)
    asked = ("try", "https://shop.example:8443/a")
    lines = call(*asked).stdout.splitlines()
    assert "→ route /a (exact path)" in lines
    assert "  not billing (asks for word client.certificate.names: spiffe://shop/billing)" in lines
    shown = folder / "billing.crt"
    told = call(*asked, "--certificate", str(shown))
    assert "→ route billing (exact path, most conditions; beat /a (asks for fewer headers and words))" in told.stdout
    for arguments, said in (
        (("http://shop.example:8080/", "--certificate", str(shown)), "listener clear asks no client for a certificate"),
        ((asked[1], "--certificate", "none.crt"), "none.crt: No such file or directory"),
        ((asked[1], "--certificate", "glorieta.yaml"), "there is no certificate in PEM form"),
    ):
        refused = call("try", *arguments)
        assert refused.exit_code == 2
        assert said in refused.stderr


def test_json_is_the_answer_itself(call: Call) -> None:
    report = json.loads(call("try", "http://h/service1/x", "--json").stdout)
    assert (report["outcome"], report["route"]["id"], report["forward"]["target"]) == (
        "forward",
        "web/service1/*",
        "/x",
    )


def test_secrets_are_shown_as_they_are_referred_to(call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cret")
    headers = 'headers: {request: {set: {Authorization: "Bearer ${env:TOKEN}"}}}'
    (folder / "glorieta.yaml").write_text(FILE.replace("headers: {request: {remove: [cookie]}", headers[:-1]))
    told = call("try", "http://h/x", "--json")
    assert told.exit_code == 0, told.output
    assert "s3cret" not in told.output
    headers_sent = json.loads(told.stdout)["forward"]["headers"]
    assert ["Authorization", "Bearer ${env:TOKEN}"] in headers_sent
