"""What the engine finds wrong with a Plan is told at the place of the file that it came from."""

from __future__ import annotations

import pytest

from glorieta.config import Edge, load_text
from glorieta.plan import located

TEXT = """\
version: 1
log: {to: /var/log/a.log, format: '${status}'}
admin: ":9901"
listeners:
  web:
    bind: [":8080"]
    trusted_proxies: 10.0.0.0/8
    filters: {allow: 10.0.0.0/8}
    routes:
      /a/*: a.b
      named: {match: /n, to: a.b}
    to: a.b
  web.inner: {bind: ":8081", to: a.b}
groups:
  g: {at: web, match: /g/*, routes: {GET /g/x: a.b}, respond: 404}
upstreams:
  a.b: {endpoints: [localhost:3000]}
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("routes.web/a/*", '10:7 listeners.web.routes."/a/*"'),
        ("routes.web/named", "11:7 listeners.web.routes.named"),
        ("routes.web/*", "12:5 listeners.web.to"),
        ("routes.web.inner/*", '13:30 listeners."web.inner".to'),
        ("routes.g/GET /g/x", '15:38 groups.g.routes."GET /g/x"'),
        ("routes.g/g/*", "15:54 groups.g.respond"),
        ("upstreams.a.b", '17:3 upstreams."a.b"'),
        ("listeners.web", "5:3 listeners.web"),
        ("listeners.web.inner", '13:3 listeners."web.inner"'),
        ("listeners.web.bind", "6:5 listeners.web.bind"),
        ("listeners.web.trusted_proxies", "7:5 listeners.web.trusted_proxies"),
        ("listeners.web.allow", "8:15 listeners.web.filters.allow"),
        ("access_log.format", "2:27 log.format"),
        ("access_log", "2:1 log"),
        ("admin", "3:1 admin"),
        ("workers", "1:1 workers"),
    ],
)
def test_a_place_of_the_plan_is_a_place_of_the_file(path: str, line: str) -> None:
    edge = load_text(TEXT, "glorieta.yaml").edge
    assert [problem.line() for problem in located(edge, [(path, "it cannot")])] == [f"glorieta.yaml:{line}: it cannot"]


@pytest.mark.parametrize("path", ["", "format", "routes.gone/x", "listeners[0].routes[2].path"])
def test_a_place_that_nobody_wrote_is_the_whole_file(path: str) -> None:
    edge = load_text(TEXT, "glorieta.yaml").edge
    assert [problem.line() for problem in located(edge, [(path, "it cannot")])] == ["glorieta.yaml:1:1 it cannot"]


def test_an_edge_made_in_python_has_paths_only() -> None:
    edge = Edge(listeners={"web": {"bind": ":80", "to": "a"}}, upstreams={"a": {"endpoints": ["a:1"]}})
    assert [problem.line() for problem in located(edge, [("routes.web/*", "it cannot")])] == [
        "listeners.web.to: it cannot"
    ]
