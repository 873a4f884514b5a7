"""Everything that KrakenD's endpoint can say can be said, or is refused with a reason: `gateways.yaml`, word by word.

Each row that has a syntax is asked of a running engine; each word is in the table once.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from glorieta.config import load_text
from glorieta.plan import compile
from harness import Engine, Runner, Services, message, request, wait_until

if TYPE_CHECKING:
    from harness import Conversation, ReceivedRequest

WORDS = {
    "endpoint": {
        "endpoint", "method", "backend", "timeout", "concurrent_calls", "cache_ttl", "input_headers",
        "input_query_strings", "output_encoding",
    },
    "backend": {
        "url_pattern", "host", "method", "encoding", "sd", "sd_scheme", "disable_host_sanitize", "input_headers",
        "input_query_strings", "is_collection",
    },
    "data": {"target", "allow", "deny", "mapping", "group", "order", "flatmap_filter"},
    "variables": {"name", "JWT", "resp0_field", "resp0_a.b"},
    "proxy": {
        "sequential", "sequential_propagated_params", "combiner", "strategy", "static", "flatmap_filter",
    },
    "backend-proxy": {"shadow", "shadow_timeout", "flatmap_filter"},
    "backend-http": {"return_error_code", "return_error_details"},
}  # fmt: skip
"""Objects and fields of `krakend.json` as far as an endpoint says them."""
VALUES = {
    "endpoint.output_encoding": {"json", "json-collection", "xml", "negotiate", "string", "no-op"},
    "backend.encoding": {"json", "safejson", "xml", "rss", "string", "no-op"},
    "data.flatmap_filter": {"move", "append", "del"},
    "proxy.static": {"always", "success", "complete", "errored", "incomplete"},
}
"""Fields of which each value has a row."""
ROWS: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "gateways.yaml").read_text(encoding="utf-8"))
SAID = [row for row in ROWS if "route" in row]


def words_of(row: dict[str, Any]) -> tuple[str, str, str]:
    """Object, field and value of a row."""
    field, _, value = str(row["word"]).partition(" ")
    kind, _, name = field.partition(".")
    return kind, name, value


def test_every_word_has_a_row_and_every_row_a_syntax_or_a_reason() -> None:
    seen: dict[str, set[str]] = {}
    for row in ROWS:
        kind, name, _ = words_of(row)
        seen.setdefault(kind, set()).add(name)
        assert ("route" in row) != ("refused" in row), row["word"]
        assert len(row.get("refused", "a reason is a sentence")) > 15, row["word"]
    assert seen == WORDS
    assert len({row["word"] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(("field", "values"), VALUES.items())
def test_every_value_has_a_row(field: str, values: set[str]) -> None:
    seen = {words_of(row)[2].split(" ")[0] for row in ROWS if ".".join(words_of(row)[:2]) == field}
    assert seen >= values


class Shop:
    """Two services that answer by path, as the row under test says."""

    def __init__(self, services: Services) -> None:
        self.answers: dict[str, Any] = {}
        self.hung = threading.Event()
        self.both = [services.recording(self.respond), services.recording(self.respond)]

    def respond(self, conversation: Conversation, received: ReceivedRequest) -> None:
        conversation.read_body(received)
        says = self.answers.get(received.target, {"status": 418, "body": {}})
        if says == "hang":
            self.hung.wait(5)
            conversation.close()
            return
        known = isinstance(says, dict) and says.keys() <= {"status", "body", "headers", "text"}
        answer = says if known and says else {"body": says}
        body = answer["text"].encode() if "text" in answer else json.dumps(answer.get("body")).encode()
        fields = "".join(f"{name}: {value}\r\n" for name, value in answer.get("headers", {}).items())
        conversation.send(message(answer.get("status", 200), body, fields))

    def asked(self) -> list[ReceivedRequest]:
        return [each for service in self.both for each in service.requests]


@pytest.fixture(scope="module")
def shop(services: Services) -> Shop:
    return Shop(services)


@pytest.fixture(scope="module")
def edge(start: Runner, shop: Shop) -> Engine:
    """Each row is a route of its own: the host is the row's number."""
    routes = {
        f"row{number}": {"match": {"host": f"row{number}", "path": path_of(row)}, **row["route"]}
        for number, row in enumerate(SAID)
    }
    upstreams = {name: {"endpoints": [each.address]} for name, each in zip(("one", "two"), shop.both, strict=True)}
    document = {"version": 1, "listeners": {"web": {"bind": ":0", "routes": routes}}, "upstreams": upstreams}
    edge = load_text(json.dumps(document)).edge
    plan = json.loads(json.dumps(compile(edge)))
    plan["listeners"][0]["bind"] = [""]
    plan["access_log"]["to"] = None
    plan["admin"] |= {"address": None, "required": True, "socket": None}
    return start.engine(plan)


def path_of(row: dict[str, Any]) -> str:
    return "/post/{id}" if str(row.get("request", "")).startswith("POST") else "/x/{id}"


@pytest.mark.parametrize("number", range(len(SAID)), ids=lambda number: SAID[number]["word"])
def test_a_row(edge: Engine, shop: Shop, number: int) -> None:
    row = SAID[number]
    shop.answers = row["answers"]
    for service in shop.both:
        service.forget()
        service.respond = shop.respond
    method, target = row.get("request", "GET /x/7").split(" ")
    headers = {"Host": f"row{number}", "X-Asked": "1", "X-Other": "2", "Cookie": "a=b"}
    answer = request(edge.port, method, target, headers, b'{"sent":1}' if method == "POST" else None)
    assert answer.status == row.get("status", 200), answer.text
    if "gives" in row:
        assert answer.json() == row["gives"]
    for name, value in row.get("headers", {}).items():
        assert answer.header(name) == value
    if "asks" in row:
        # A shadow may come later than the answer.
        wait_until(lambda: len(shop.asked()) >= len(row["asks"]))
        assert sorted(map(told, shop.asked())) == sorted(row["asks"])
    for name, value in row.get("sends", {}).items():
        assert all(each.header(name) == value for each in shop.asked())
    for each in shop.asked():
        assert each.method != "POST" or b"sent" not in each.body or row["word"] == "endpoint.method"


def told(received: ReceivedRequest) -> str:
    """A request as the table writes it; its body where it is not the client's."""
    own = received.body and b"sent" not in received.body
    return f"{received.method} {received.target}{' ' + received.body.decode() if own else ''}"
