"""What `explain` shows besides: where values come from, and a drawing."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from .conftest import GOOD, Call


def test_origin_has_a_line_for_every_value(call: Call) -> None:
    lines = call("explain", "--origin").stdout.splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines if line}
    assert rows["listeners.web.bind"] == ["127.0.0.1:8080", "glorieta.yaml:4:11"]
    assert rows["listeners.web.limits.head"] == ["32KiB", "default"]
    assert rows['listeners.web.routes."/hello".respond.body'] == ["hello", "glorieta.yaml:7:32"]
    assert rows["log.format"] == ["json", "default"]


def test_at_narrows_it(call: Call) -> None:
    text = call("explain", "--origin", "--at", "upstreams.service1.health.path").stdout
    assert text.split() == ["upstreams.service1.health.path", "/healthz", "glorieta.yaml:9:74"]
    assert call("explain", "--at", "upstreams.service1.health.path").stdout == text
    route = call("explain", "--at", "listeners.web.routes./service1/*").stdout
    assert route.splitlines()[0].split() == ['listeners.web.routes."/service1/*".to', "service1", "glorieta.yaml:6:25"]


def test_a_path_at_which_nothing_is_has_a_fix(call: Call) -> None:
    result = call("explain", "--at", "upstreams.servise1")
    assert result.exit_code == 1
    assert 'there is nothing at upstreams.servise1; did you mean "service1"?' in result.stderr
    document = json.loads(call("explain", "--at", "upstreams.servise1", "--json").stdout)
    assert "did you mean" in document["error"]


def test_overlays_are_named(call: Call, folder: Path) -> None:
    (folder / "prod.yaml").write_text("upstreams: {service1: {endpoints: [prod:80]}}\n")
    result = call("explain", "-f", "glorieta.yaml", "-f", "prod.yaml", "--at", "upstreams.service1.endpoints.0.address")
    assert result.stdout.split("  ")[1:] == ["prod:80", "prod.yaml:1:36 (overlay)\n"]


def test_origins_for_a_program(call: Call) -> None:
    values = json.loads(call("explain", "--origin", "--json").stdout)["values"]
    bind = next(value for value in values if value["path"] == "listeners.web.bind")
    assert bind == {
        "path": "listeners.web.bind",
        "keys": ["listeners", "web", "bind"],
        "value": "127.0.0.1:8080",
        "default": False,
        "file": "glorieta.yaml",
        "line": 4,
        "column": 11,
        "via": None,
        "overlay": False,
    }
    assert {"path": "workers", "value": None, "default": True, "line": None}.items() <= next(
        value for value in values if value["path"] == "workers"
    ).items()


def test_a_drawing_is_written_or_printed(call: Call, folder: Path) -> None:
    result = call("explain", "--svg", "edge.svg")
    assert (result.exit_code, result.stdout) == (0, "drawn into edge.svg\n")
    drawing = (folder / "edge.svg").read_text()
    assert ElementTree.fromstring(drawing).tag.endswith("svg")
    assert "service1" in drawing and "localhost:3002" in drawing
    assert call("explain", "--svg", "-").stdout == drawing


def test_a_drawing_that_cannot_be_written_is_said(call: Call) -> None:
    result = call("explain", "--svg", "nowhere/edge.svg")
    assert result.exit_code == 1
    assert "nowhere/edge.svg cannot be written" in result.stderr


@pytest.mark.parametrize("other", [["--json"], ["--origin"], ["--at", "log"]])
def test_a_drawing_is_a_drawing_only(call: Call, other: list[str]) -> None:
    result = call("explain", "--svg", "edge.svg", *other)
    assert result.exit_code == 2
    assert not Path("edge.svg").exists()


def test_secrets_need_not_be_at_hand_for_a_drawing(call: Call, folder: Path) -> None:
    (folder / "glorieta.yaml").write_text(GOOD.replace("localhost:3001, localhost:3002", '"${env:NOBODY_HAS_IT}:80"'))
    assert call("explain", "--svg", "-").exit_code == 2
    result = call("explain", "--svg", "-", "--no-secrets")
    assert result.exit_code == 0 and "not at hand" in result.stdout


@pytest.mark.parametrize("options", [["--origin"], ["--svg", "-"]])
def test_what_is_refused_is_refused(call: Call, options: list[str]) -> None:
    result = call("explain", "bad.yaml", *options)
    assert result.exit_code == 2
    assert 'did you mean "strip_prefix"?' in result.stderr and not result.stdout


def test_another_programs_file_is_drawn(call: Call, folder: Path) -> None:
    (folder / "nginx.conf").write_text(
        "events {}\nhttp { server { listen 80; location /a/ { proxy_pass http://10.0.0.1:3001; } } }\n"
    )
    result = call("explain", "nginx.conf", "--svg", "-")
    assert result.exit_code == 0, result.stderr
    assert "10.0.0.1:3001" in result.stdout
    origin = call("explain", "nginx.conf", "--origin")
    assert origin.exit_code == 1 and "glorieta import" in origin.stderr
