"""One layer over another: mappings merge, the rest is replaced, short forms and alternatives are understood."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from glorieta.config import Edge, load_any
from harness.configuring import put_files

BASE = """\
### base.yaml
version: 1
log: access.log
listeners:
  web:
    bind: [":80", ":81"]
    forwarded: off
    routes: {/a: a, /b: {to: a, strip_prefix: /b, filters: {headers: {request: {set: {x-a: "1", x-b: "2"}}}}}}
upstreams:
  a: {endpoints: [a:1], health: /healthz, balance: random, outlier: off}
"""


@pytest.mark.parametrize(
    ("change", "path", "expected"),
    [
        ("listeners: {web: {routes: {/a: {deadline: 5s}}}}", "listeners web routes /a", {"to": "a", "deadline": "5s"}),
        ("listeners: {web: {routes: {/a: {respond: 503}}}}", "listeners web routes /a", {"respond": {"status": 503}}),
        ("listeners: {web: {routes: {/b: a}}}", "listeners web routes /b strip_prefix", "/b"),
        ("listeners: {web: {routes: {/b: {rewrite: /c}}}}", "listeners web routes /b strip_prefix", None),
        ("listeners: {web: {routes: {/b: null}}}", "listeners web routes /b", None),
        ("listeners: {web: {routes: {/b: {filters: {headers: off}}}}}", "listeners web routes /b filters headers", "off"),
        (
            "listeners: {web: {routes: {/b: {filters: {headers: {request: {set: {x-b: null, x-c: '3'}}}}}}}}",
            "listeners web routes /b filters headers request set",
            {"x-a": "1", "x-c": "3"},
        ),
        ("listeners: {web: {bind: ':82'}}", "listeners web bind", [":82"]),
        ("listeners: {web: {bind: null}}", "listeners web bind", None),
        ("listeners: {web: {forwarded: {via: on}}}", "listeners web forwarded", {"x_forwarded": False, "forwarded": False, "via": True}),
        ("listeners: {web: {limits: {head: 1KiB}}}", "listeners web limits", {"head": "1KiB"}),
        ("upstreams: {a: {health: {every: 9s}}}", "upstreams a health", {"path": "/healthz", "every": "9s"}),
        ("upstreams: {a: {health: tcp}}", "upstreams a health", {"tcp": True}),
        ("upstreams: {a: {health: off}}", "upstreams a health", "off"),
        ("upstreams: {a: {outlier: {consecutive: 3}}}", "upstreams a outlier", {"consecutive": 3}),
        ("upstreams: {a: {balance: {hash: host}}}", "upstreams a balance", {"hash": "host"}),
        ("upstreams: {a: {discover: {dns: a.internal}}}", "upstreams a endpoints", None),
        ("log: {format: json}", "log", {"to": "access.log", "format": "json"}),
        ("admin: off", "admin", "off"),
        ("admin: null", "admin", None),
        ("x-mine: {a: 1}", "log", {"to": "access.log"}),
    ],
)  # fmt: skip
def test_a_file_laid_over_another(
    change: str, path: str, expected: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    edge = load_any(put_files(tmp_path, f"{BASE}### over.yaml\n{change}\n")).edge
    data: Any = edge.model_dump(mode="json", exclude_unset=True)
    for step in path.split():
        data = data.get(step) if isinstance(data, dict) else None
    assert data == expected


def test_later_layers_lie_on_top_and_include_more(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "more").mkdir()
    (tmp_path / "more/prod.yaml").write_text("upstreams: {b: {endpoints: [unix:b.sock]}}\n")
    over = (
        "### over1.yaml\ninclude: more/*.yaml\nlisteners: {web: {routes: {/a: b}}}\nupstreams: {b: {panic: off}}\n"
        "### over2.yaml\nlisteners: {web: {routes: {/a: {deadline: 5s}}}}\nupstreams: {a: {endpoints: [unix:a.sock]}}\n"
    )
    loaded = load_any(put_files(tmp_path, BASE + over))
    route = loaded.edge.listeners["web"].routes["/a"]
    assert (route.to, str(route.deadline)) == ("b", "0:00:05")
    assert loaded.edge.upstreams["b"].panic == 0
    places = loaded.places
    assert str(places.find(("listeners", "web", "routes", "/a", "to"))) == "over1.yaml:2:32"
    assert str(places.find(("listeners", "web", "routes", "/a", "deadline"))) == "over2.yaml:1:43"
    assert str(places.find(("listeners", "web", "bind", 1))) == "base.yaml:5:19"
    assert str(places.find(("upstreams", "b", "endpoints"))) == "more/prod.yaml:1:28"
    assert places.source(("upstreams", "b", "endpoints", 0, "address")).folder == tmp_path / "more"
    assert places.source(("upstreams", "b", "panic")).file == "over1.yaml"
    assert [path.name for path in loaded.files] == ["base.yaml", "prod.yaml", "over1.yaml", "over2.yaml"]
    assert loaded.globs == (str(tmp_path / "more/*.yaml"),)
    assert yaml.safe_load(loaded.edge.dump())["version"] == 1
    assert Edge.load("base.yaml", "over1.yaml", "over2.yaml").dump() == loaded.edge.dump()


def test_what_an_overlay_replaces_need_not_be_readable(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GLORIETA_NONE", raising=False)
    base = BASE.replace("[a:1]", '["${env:GLORIETA_NONE}:1"]')
    over = "### over.yaml\nupstreams: {a: {endpoints: [b:1]}}\n"
    assert load_any(put_files(tmp_path, base + over)).edge.upstreams["a"].endpoints[0].address == "b:1"
