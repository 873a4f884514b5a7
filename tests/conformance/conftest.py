"""One engine and one recording upstream for each file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.plan import http, plan, proxy, route, upstream

if TYPE_CHECKING:
    from harness import Engine, RecordingUpstream, Runner, Services


@pytest.fixture(scope="module")
def origin(services: Services) -> RecordingUpstream:
    return services.recording()


@pytest.fixture(scope="module")
def edge(start: Runner, origin: RecordingUpstream) -> Engine:
    routes = [
        route("/*", proxy()),
        route("/fast/*", proxy(timeouts={"first_byte_ms": 500, "idle_ms": 500})),
        route("/tunnel/*", proxy(timeouts={"tunnel_ms": 700})),
    ]
    return start.engine(plan(http(routes), [upstream("service", origin.address)]))


@pytest.fixture(autouse=True)
def forgotten(request: pytest.FixtureRequest) -> None:
    """Each test sees only what the origin received for it."""
    if "origin" in request.fixturenames:
        request.getfixturevalue("origin").forget()
