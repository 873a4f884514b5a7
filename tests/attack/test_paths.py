"""Input 33: two spellings of one path, of which a rule knows only one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness import Engine, RawClient, RecordingUpstream, Runner
from harness.plan import http, plan, proxy, respond, route, upstream

if TYPE_CHECKING:
    pass


@pytest.fixture(scope="module")
def edge(start: Runner, origin: RecordingUpstream) -> Engine:
    """/admin is closed; everything else is the origin's."""
    routes = [
        route("/*", proxy()),
        route("/admin/*", respond("closed", 403)),
        route("/merged/*", proxy(), merge_slashes=True),
    ]
    return start.engine(plan(http(routes), [upstream("service", origin.address)]))


def ask(edge: Engine, target: str) -> tuple[int, bytes]:
    with RawClient(edge.port) as client:
        answer = client.exchange(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        return answer.status, answer.body


@pytest.mark.parametrize(
    "target",
    [
        "/admin", "/admin/", "/admin/x", "/admin?x", "/%61dmin/x", "/%61%64%6D%69%6e/x", "/./admin/x", "/a/../admin/x",
        "/a/%2e%2e/admin/x", "/a/%2E%2e/admin/x", "/a/.%2e/admin/x", "/%2e/admin/x", "/admin/./x", "/admin/x/..",
        "/admin/x/../..//../admin", "http://a/admin/x", "http://a/a/../admin/x", "/admin/%2e", "/admin/..%2f", "/admin/%2f",
    ],
)  # fmt: skip
def test_33_every_spelling_of_a_closed_path_is_closed(edge: Engine, origin: RecordingUpstream, target: str) -> None:
    assert ask(edge, target) == (403, b"closed")
    assert origin.received == b""


@pytest.mark.parametrize(
    ("target", "forwarded"),
    [
        ("/admin%2fx", "/admin%2Fx"),
        ("/a%2f..%2fadmin", "/a%2F..%2Fadmin"),
        ("/..%2fadmin", "/..%2Fadmin"),
        ("/admin/..", "/"),
        ("/admin/../x", "/x"),
        ("//admin/x", "//admin/x"),
        ("/a//../admin", "/a/admin"),
        ("/admin;a=b/x", "/admin;a=b/x"),
        ("/;/admin", "/;/admin"),
        ("/ADMIN/x", "/ADMIN/x"),
        ("/administrator", "/administrator"),
        ("/admin%20/x", "/admin%20/x"),
        ("/admin%09", "/admin%09"),
        ("/admin%0a", "/admin%0A"),
        ("/%252e%252e/admin", "/%252e%252e/admin"),
        ("/%2561dmin", "/%2561dmin"),
        ("/.../admin", "/.../admin"),
        ("/.admin", "/.admin"),
        ("/%41%7e%2d%5f%2B%c3%a9", "/A~-_%2B%C3%A9"),
        ("/a?x=/../admin&y=%2e%2e", "/a?x=/../admin&y=%2e%2e"),
        ("/a?%00\\", None),
        ("/a?", "/a?"),
        ("/a??b", "/a??b"),
        ("//merged//x", "/merged/x"),
        ("/merged//..//x", "/merged/x"),
        ("/merged/a//b", "/merged/a/b"),
    ],
)
def test_33_what_is_matched_is_what_is_forwarded(
    edge: Engine, origin: RecordingUpstream, target: str, forwarded: str | None
) -> None:
    status, _ = ask(edge, target)
    if forwarded is None:
        assert status in (200, 400)
        return
    assert status == 200
    assert [request.target for request in origin.requests] == [forwarded]


@pytest.mark.parametrize(
    "target",
    [
        "/..", "/../x", "/%2e%2e", "/a/../../x", "/a/%2e%2e/%2e%2e/x", "/%00", "/a%00b", "/a\\b", "/..\\x", "/%5c", "/a%5Cb",
        "/%", "/%4", "/%zz", "/a%", "/%u0061", "/%-1",
    ],
)  # fmt: skip
def test_33_what_no_honest_client_sends_is_refused(edge: Engine, origin: RecordingUpstream, target: str) -> None:
    """Where the request ends is not in doubt, so the connection may stay."""
    status, _ = ask(edge, target)
    assert status == 400
    assert origin.received == b""


@pytest.mark.parametrize("name", ["X_Forwarded_For", "X-Forwarded_For", "X_Real_IP", "x_forwarded_proto"])
def test_33_underscores_do_not_spell_a_trusted_header(edge: Engine, origin: RecordingUpstream, name: str) -> None:
    """To an application behind CGI or WSGI they are the same name."""
    with RawClient(edge.port) as client:
        answer = client.exchange(f"GET /a HTTP/1.1\r\nHost: a\r\n{name}: 192.0.2.66\r\n\r\n".encode())
    assert answer.status in (200, 400)
    assert b"192.0.2.66" not in origin.received
