"""From a reference to a Plan: the errors of loading and of compiling together, the files, and how long it takes."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

import pytest

from glorieta.config import ConfigError
from glorieta.plan import build, plan_json, read_plan

if TYPE_CHECKING:
    from pathlib import Path

ROUTES = 10_000
SECONDS = 3.0


def test_errors_of_both_stages_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "glorieta.yaml"
    path.write_text(
        "version: 1\n"
        "listeners:\n"
        "  web:\n"
        '    bind: ":8080"\n'
        "    routes:\n"
        "      /service1/*: {to: service1, strip_prefx: true}\n"
        "      /service2/*: {to: service3, strip_prefix: true}\n"
        "upstreams:\n"
        "  service1: {endpoints: [10.0.0.1:80]}\n"
        "  service2: {endpoints: [10.0.0.1:80], health: {path: /healthz, every: 5}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        build(path)
    assert str(caught.value).replace(str(path), "glorieta.yaml").splitlines() == [
        'glorieta.yaml:6:35  listeners.web.routes."/service1/*": '
        'unknown key "strip_prefx"; did you mean "strip_prefix"?',
        'glorieta.yaml:7:25  listeners.web.routes."/service2/*".to: '
        'there is no upstream "service3"; did you mean "service2"?',
        'glorieta.yaml:10:72 upstreams.service2.health.every: "5" has no unit; write 5s or 5m',
        "3 errors; nothing was changed",
    ]
    assert caught.value.files == (path,)


def test_errors_of_compiling_know_the_files(tmp_path: Path) -> None:
    path = tmp_path / "glorieta.yaml"
    path.write_text("version: 1\nlisteners: {web: {bind: ':80', to: a}}\n")
    with pytest.raises(ConfigError) as caught:
        build(path)
    assert caught.value.files == (path,)
    path.write_text("version: 1\nlisteners: {web: {bind: ':80'}}\n")
    built = build(path)
    assert built.files == (path,)
    assert [warning.severity for warning in built.warnings] == ["warning"]


def test_a_plan_survives_being_written(tmp_path: Path) -> None:
    path = tmp_path / "glorieta.yaml"
    path.write_text("version: 1\nlisteners: {web: {bind: ':80', respond: 'héllo ✓'}}\n")
    plan = build(path).plan
    assert read_plan(plan_json(plan)) == plan
    for text in ("[]", "{}", '{"format": 2}', "no"):
        with pytest.raises(ValueError, match=r"not a Plan|expected"):
            read_plan(text)


def large(path: Path) -> None:
    lines = ["version: 1", "listeners:", "  web:", '    bind: ":8080"', "    routes:"]
    for number in range(ROUTES):
        upstream = f"u{number % 100}"
        match number % 4:
            case 0:
                lines.append(
                    f"      /s{number}/*: {{to: {upstream}, strip_prefix: true, timeouts: {{first_byte: 5s}}}}"
                )
            case 1:
                lines.append(f'      GET /p{number}/{{id}}: {{to: {upstream}, rewrite: "/x/${{path.id}}"}}')
            case 2:
                lines.append(f"      /e{number}: {upstream}")
            case 3:
                path_match = f"{{path: '~/r{number}/[0-9]+'}}"
                lines.append(f"      r{number}: {{match: {path_match}, priority: {number}, to: {upstream}}}")
    lines.append("upstreams:")
    lines += [f"  u{number}: {{endpoints: [10.0.0.1:{number + 1}], health: /healthz}}" for number in range(100)]
    path.write_text("\n".join(lines))


def test_ten_thousand_routes_are_built_in_time(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    large(path)
    before = time.process_time()
    plan = build(path).plan
    took = time.process_time() - before
    assert len(plan["listeners"][0]["routes"]) == ROUTES
    assert took < SECONDS, f"{took:.2f} s of CPU"
    assert gc.isenabled()
