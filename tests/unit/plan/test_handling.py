"""Routers and applications in a configuration: the Plan's routes, what they may call, and what cannot work."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

import pytest

from glorieta.cli import trying
from glorieta.config import ConfigError
from glorieta.config.objects import find_object
from glorieta.engine import Trial
from glorieta.plan import Built, build, diff, diff_text, explain
from glorieta.plan.drawing import draw
from glorieta.plan.explaining.explanation import Explanation
from glorieta.plan.explaining.view import View
from glorieta.plan.testing import run_tests
from glorieta.plan.told import steps
from harness.configuring import cases, put_files

if TYPE_CHECKING:
    pass

SHOP = """\
from glorieta.handlers import Router, Upstream, WebSocket

number = 7
router = Router(calls=["users"])


async def answer() -> None: ...


async def follow(socket: WebSocket) -> None: ...


async def application(scope, receive, send) -> None: ...


"""
HEAD = 'version: 1\nlisteners:\n  web:\n    bind: ":8080"\n'
UPSTREAMS = "upstreams: {users: {endpoints: [localhost:3000]}}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configured(text: str, python: str = "", top: str = UPSTREAMS) -> str:
    """Writes a configuration whose listener says this, and its module."""
    Path("glorieta.yaml").write_text(HEAD + indent(text.rstrip("\n") + "\n", "    ") + top)
    Path("shop.py").write_text(SHOP + python)
    return "glorieta.yaml"


def lines(text: str, folder: Path) -> list[str]:
    """The Plan's routes to handlers, or what is wrong."""
    listener, _, python = text.partition("### shop.py\n")
    try:
        built = build(configured(listener, python))
    except ConfigError as error:
        return [problem.line().replace(str(folder), "FOLDER") for problem in error.problems]
    return [route_line(route) for route in built.plan["listeners"][0]["routes"] if "handler" in route["target"]]


def route_line(route: Any) -> str:
    target, path = route["target"]["handler"], route["path"]
    text = "*" if path == "any" else next(iter(path.values()))
    words = ["handler", *(route["methods"] or "*"), text + "/*" * ("prefix" in path), target["name"]]
    words += ["upgrade"] * bool(route["headers"])
    words += [f"deadline {route['deadline_ms']}"] if route["deadline_ms"] else []
    words += [f"first byte {target['first_byte_ms']}"] if target["first_byte_ms"] != 30_000 else []
    return " ".join(words)


@pytest.mark.parametrize(("text", "expected"), cases(Path(__file__).parent / "handling.txt"))
def test_a_router_becomes_routes_or_is_refused(text: str, expected: list[str], folder: Path) -> None:
    assert lines(text, folder) == expected


def test_a_file_is_imported_once_however_often_it_is_named() -> None:
    routes = '\n/a/*: {handler: "shop.py:router"}\n/b/*: {asgi: "shop.py:application"}\n'
    python = 'router.get("/a/x")(answer)\nfrom pathlib import Path\nPath("imported").open("a").write("once ")\n'
    built = build(configured("routes:" + indent(routes, "  "), python))
    assert Path("imported").read_text() == "once "
    assert [each["id"] for each in built.plan["handlers"]] == ["shop.py:router", "shop.py:application"]


def test_one_router_at_several_places_is_one_handler_and_its_routes_are_numbered_through() -> None:
    text = "routes:\n  /a/*: {asgi: shop.py:application}\n  /b/*: {asgi: shop.py:application}\n"
    groups = (
        "groups: {g: {match: g.example, handler: shop.py:router}, h: {match: h.example, handler: shop.py:router}}\n"
    )
    python = 'router.get("/x")(answer)\nrouter.get("/y")(answer)\n'
    plan = build(configured(text, python, UPSTREAMS + groups)).plan
    routes = {route["id"]: route["target"]["handler"] for route in plan["listeners"][0]["routes"]}
    assert {id: (target["handler"], target["route"]) for id, target in routes.items()} == {
        "web/a/*": ("shop.py:application", 0),
        "web/b/*": ("shop.py:application", 0),
        "g/GET /x": ("shop.py:router", 1),
        "g/GET /y": ("shop.py:router", 2),
        "h/GET /x": ("shop.py:router", 1),
        "h/GET /y": ("shop.py:router", 2),
    }


def test_routes_of_one_path_that_differ_by_host_or_method_have_names_of_their_own() -> None:
    text = """\
routes:
  one: {match: one.example/x/*, handler: "shop.py:router"}
  two: {match: two.example/x/*, handler: "shop.py:router"}
  GET /m/*: {asgi: "shop.py:application"}
  POST /m/*: {asgi: {application: "shop.py:application", calls: users}}
"""
    plan = build(configured(text, 'router.get("/x/y")(answer)\n')).plan
    assert [route["id"] for route in plan["listeners"][0]["routes"]] == [
        "web/one GET /x/y",
        "web/two GET /x/y",
        "web/GET /m/*",
        "web/POST /m/*",
    ]


def test_an_application_that_is_mounted_in_several_ways_is_several_handlers() -> None:
    text = """\
routes:
  /a/*: {asgi: "shop.py:application"}
  /b/*: {asgi: {application: "shop.py:application", calls: users}}
  /c/*: {asgi: "shop.py:application", strip_prefix: on}
"""
    plan = build(configured(text)).plan
    assert [(each["id"], len(each["calls"])) for each in plan["handlers"]] == [
        ("shop.py:application", 0),
        ("shop.py:application (2)", 1),
        ("shop.py:application at /c", 0),
    ]


def test_what_a_handler_calls_follows_the_defaults_of_routes() -> None:
    defaults = "defaults: {route: {timeouts: {connect: 1s}, retries: 3, host: shop.example}}\n"
    (handler,) = build(configured("handler: shop.py:router", 'router.get("/x")(answer)', UPSTREAMS + defaults)).plan[
        "handlers"
    ]
    (call,) = handler["calls"]
    assert (call["upstream"], call["retries"], call["host"]) == ("users", 3, {"name": "shop.example"})
    assert call["timeouts"]["connect_ms"] == 1000
    plain = build(configured("handler: shop.py:router", 'router.get("/x")(answer)')).plan["handlers"][0]
    assert plain["calls"][0]["host"] == "upstream", "what the client has asked for means nothing there"


TEAMS = """\
### glorieta.yaml
version: 1
include: {files: "{team}/team.yaml"}
listeners: {web: {bind: ":8080", admit: {one: one.example, two: two.example}, respond: hi}}
### one/team.yaml
groups: {g: {match: one.example, handler: "MODULE:router"}}
upstreams: {users: {endpoints: [one:80]}}
### two/team.yaml
groups: {g: {match: two.example, handler: "MODULE:router"}}
upstreams: {users: {endpoints: [two:80]}}
### one/desk.py
from glorieta.handlers import Router
router = Router(calls=["users"])
@router.get("/one")
async def answer() -> None: ...
### two/desk.py
from glorieta.handlers import Router
router = Router(calls=["users"])
@router.get("/two")
async def answer() -> None: ...
"""


def test_a_teams_router_is_in_the_teams_folder_and_calls_the_teams_upstreams(folder: Path) -> None:
    plan = build(put_files(folder, TEAMS.replace("MODULE", "desk.py"))).plan
    assert [(each["id"], [call["upstream"] for call in each["calls"]]) for each in plan["handlers"]] == [
        ("one/desk.py:router", ["one/users"]),
        ("two/desk.py:router", ["two/users"]),
    ]
    routes = plan["listeners"][0]["routes"]
    assert [route["id"] for route in routes if "handler" in route["target"]] == ["one/g/GET /one", "two/g/GET /two"]
    assert {each["target"]["handler"]["name"] for each in routes if "handler" in each["target"]} == {"desk.answer"}


def test_two_modules_of_one_name_are_not_taken_for_each_other(folder: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        build(put_files(folder, TEAMS.replace("MODULE", "desk")))
    (problem,) = refused.value.problems
    assert problem.line() == (
        'desk groups."two/g".handler: is two/desk.py here, and Python knows one/desk.py by this name already; '
        "write desk.py:…, or rename one"
    )


def generation(folder: Path) -> str:
    """Of the folder's configuration, by a process of its own, as every reload has one."""
    import subprocess

    script = "from glorieta.plan import build; print(build('glorieta.yaml').plan['handlers'][0]['generation'])"
    return subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_the_generation_names_the_code_and_how_it_is_run_and_not_where_it_lies(folder: Path) -> None:
    listener = "handler: shop.py:router\nroutes:\n  /m/*: {asgi: {application: 'shop.py:application'}}\n"
    python = 'import helper\nrouter.get("/x")(answer)\n'
    for place in ("here", "there"):
        (folder / place).mkdir()
        (folder / place / "glorieta.yaml").write_text(HEAD + indent(listener, "    ") + UPSTREAMS)
        (folder / place / "shop.py").write_text(SHOP + python)
        (folder / place / "helper.py").write_text("greeting = 1\n")
    first = generation(folder / "here")
    assert first == generation(folder / "there")
    there = folder / "there"
    seen = {first}
    for name, text in (
        ("helper.py", "greeting = 2\n"),
        ("shop.py", SHOP + python + "# changed\n"),
        ("glorieta.yaml", HEAD + indent(listener, "    ") + UPSTREAMS + "handlers: {processes: 2}\n"),
        ("glorieta.yaml", HEAD + indent(listener.replace("}}", ", forward_headers: [x-a]}}"), "    ") + UPSTREAMS),
    ):
        (there / name).write_text(text)
        found = generation(there)
        assert found not in seen, name
        seen.add(found)
    (there / "glorieta.yaml").write_text(
        HEAD + indent(listener.replace("}}", ", forward_headers: [x-a]}}"), "    ") + UPSTREAMS + "drain: 1s\n"
    )
    assert generation(there) in seen, "what handlers do not see changes nothing for them"


def test_an_edge_in_python_names_routers_and_their_code_counts_even_where_it_has_imported_it(folder: Path) -> None:
    configured("respond: unused", 'router.get("/x")(answer)\n')
    Path("edge.py").write_text(
        "import shop\nfrom glorieta import Edge, Listener, Upstream\n"
        'edge = Edge(listeners={"web": Listener(bind=":8080", handler="shop:router")},\n'
        '            upstreams={"users": Upstream(endpoints=["localhost:3000"])})\n'
    )
    built = build("edge.py:edge")
    assert built.launch is not None
    assert {Path(file).name for file in built.launch["files"]} == {"shop.py", "edge.py"}
    assert {file.name for file in built.files} == {"shop.py", "edge.py"}
    assert find_object("edge.py:edge")[0].listeners["web"].handler == "shop:router"


def test_what_handlers_depend_on_is_watched_though_they_cannot_be_imported(folder: Path) -> None:
    Path("helper.py").write_text("")
    with pytest.raises(ConfigError) as refused:
        build(configured("handler: shop.py:router", "import helper\n1 / 0\n"))
    assert {file.name for file in refused.value.files} == {"glorieta.yaml", "shop.py", "helper.py"}


def test_a_configuration_without_handlers_needs_none(folder: Path) -> None:
    built = build(configured("to: users"))
    assert built.launch is None
    assert "handlers" not in built.plan


def roles(text: str, top: str = "", client: str = "") -> tuple[list[str], str | None]:
    python = 'router.get("/x")(answer)\nmobile = Router(client="mobile")\nmobile.get("/m")(answer)\n'
    python += 'web = Router(client="web")\nweb.get("/w")(answer)\n'
    plan = build(configured(text, python, UPSTREAMS + top)).plan
    return plan["groups"][0]["roles"], plan["groups"][0]["client"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("handler: shop.py:router", (["custom-gateway"], None)),
        ("asgi: shop.py:application", (["custom-gateway"], None)),
        ("handler: shop.py:mobile", (["bff"], "mobile")),
        ("handler: shop.py:mobile\nroutes: {/t: users}", (["reverse-proxy", "bff"], "mobile")),
        ("handler: shop.py:router\nroutes: {/t: {respond: hi}}", (["reverse-proxy", "custom-gateway"], None)),
        ("role: custom-gateway\nhandler: shop.py:router", (["custom-gateway"], None)),
        ("role: bff\nhandler: shop.py:mobile", (["bff"], "mobile")),
    ],
)
def test_roles_are_inferred(text: str, expected: Any) -> None:
    assert roles(text) == expected


def test_a_group_says_its_client_for_a_router_that_does_not() -> None:
    groups = "groups: {g: {match: m.example, client: app, handler: shop.py:router}}\n"
    plan = build(configured("respond: hi", 'router.get("/x")(answer)\n', UPSTREAMS + groups)).plan
    assert [(each["id"], each["roles"], each["client"]) for each in plan["groups"]] == [
        ("web", ["reverse-proxy"], None),
        ("g", ["bff"], "app"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "handler: shop.py:mobile\nroutes: {/w/*: {handler: shop.py:web, strip_prefix: on}}",
            "its routers are for several kinds of client: mobile, web",
        ),
        ("role: custom-gateway\nhandler: shop.py:mobile", "what is for one kind of client is a bff"),
        ("role: bff\nhandler: shop.py:router", "a bff is for one kind of client, and none is named"),
        ("role: load-balancer\nhandler: shop.py:router", "role load-balancer"),
    ],
)
def test_roles_that_do_not_fit_are_refused(text: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        roles(text)


def test_explain_says_who_answers_for_whom_and_what_that_calls() -> None:
    python = 'mobile = Router(client="mobile", calls=["users"])\nmobile.get("/x")(answer)\n'
    explanation = explain(build(configured("handler: shop.py:mobile", python)))
    text = explanation.text()
    assert "bff: for the client mobile; answers by shop.py:mobile" in text
    assert "GET /x  →  shop.answer in shop.py:mobile" in text
    assert "shop.py:mobile  calls users; 128 requests per process, which wait at most 1s for one" in text
    assert explanation.as_json()["handlers"] == [
        {
            "id": "shop.py:mobile",
            "calls": ["users"],
            "requests": 128,
            "wait_ms": 1000,
            "background_ms": 60_000,
            "tunnel_ms": 3_600_000,
            "processes": 1,
            "threads": 40,
            "leave_ms": 3_600_000,
        }
    ]


def test_explain_says_how_the_processes_of_handlers_run() -> None:
    settings = "handlers: {processes: 3, threads: 1, background: 5m, leave: 2h}\n"
    built = build(configured("handler: shop.py:router", 'router.get("/x")(answer)\n', UPSTREAMS + settings))
    text = explain(built).text()
    assert "  3 processes, each with 1 thread for plain functions; leave: 2h for what goes on in replaced code" in text
    assert "background: 5m for calls after an answer" in " ".join(text.split())
    assert "processes" not in Explanation(View(built.plan)).text(), "a Plan alone does not say it"


def test_a_picture_leads_from_a_handler_to_what_it_calls() -> None:
    built = build(configured("handler: shop.py:router", 'router.get("/x")(answer)\n'))
    drawn = draw(built.plan, "glorieta.yaml")
    assert "shop.answer" in drawn
    assert drawn.count("<path") >= 3, "from the listener to the group, to the upstream, to its endpoint"


def test_a_route_that_stands_elsewhere_in_the_list_of_a_process_has_not_changed() -> None:
    one = configured("routes:\n  /b/*: {handler: shop.py:router}\n", 'router.get("/b/x")(answer)\n')
    before = build(one).plan
    python = 'router.get("/b/a")(answer)\nrouter.get("/b/x")(answer)\n'
    both = "routes:\n  /a/*: {asgi: shop.py:application}\n  /b/*: {handler: shop.py:router}\n"
    after = build(configured(both, python)).plan
    numbers = [
        {each["id"]: each["target"]["handler"]["route"] for each in plan["listeners"][0]["routes"]}
        for plan in (before, after)
    ]
    assert numbers[0]["web/GET /b/x"] != numbers[1]["web/GET /b/x"]
    told = diff_text(diff(before, after))
    assert "GET /b/a" in told
    assert "GET /b/x" not in told


def test_new_code_is_told_as_such() -> None:
    before = build(configured("handler: shop.py:router", 'router.get("/x")(answer)\n')).plan
    after = build(configured("handler: shop.py:router", 'router.get("/y")(answer)\n# longer\n')).plan
    old, new = before["handlers"][0]["generation"], after["handlers"][0]["generation"]
    assert diff_text(diff(before, after)).splitlines() == [
        "− route web/GET /x  GET /x → shop.answer in shop.py:router",
        "+ route web/GET /y  GET /y → shop.answer in shop.py:router",
        f"~ handler shop.py:router  code: {old} → {new}",
    ]
    without = build(configured("respond: hi")).plan
    assert "− handler shop.py:router  calls users" in diff_text(diff(before, without))


def test_the_launch_says_what_processes_are_started_with(folder: Path) -> None:
    top = UPSTREAMS + "handlers: {processes: 3, threads: 5}\n"
    built: Built = build(configured("handler: shop.py:router", 'router.get("/x")(answer)\n', top))
    launch = built.launch
    assert launch is not None
    assert (launch["processes"], launch["threads"]) == (3, 5)
    assert launch["generation"] == built.plan["handlers"][0]["generation"]
    (application,) = launch["applications"]
    assert application["named"]["reference"] == "shop.py:router"
    assert application["named"]["folder"] == str(folder)


def asked(url: str) -> dict[str, Any]:
    built = build(configured("handler: shop.py:router", 'router.get("/users/{name}")(answer)\n'))
    question = {"method": "GET", "url": url, "headers": [], "from": None, "body_bytes": None, "listener": None}
    return Trial(built.text).ask(question)


def test_trying_a_request_says_which_function_gets_what() -> None:
    report = asked("http://shop.example/users/7?a=b")
    told = trying.lines(report)
    begin = told.index("→ shop.answer in shop.py:router")
    assert told[begin + 1 : begin + 4] == ["  may call users", "  name = 7", "  host: shop.example"]
    assert steps(report)[-1] == "shop.answer in shop.py:router"
    assert asked("http://shop.example/users")["handler"] is None


def test_a_test_of_a_configuration_can_ask_for_a_handlers_route_and_not_for_its_answer() -> None:
    tests = """\
tests:
  GET http://shop.example/users/7: {route: "GET /users/{name}"}
  GET http://shop.example/users/8: {status: 200}
"""
    python = 'router.get("/users/{name}")(answer)\n'
    built = build(configured("handler: shop.py:router", python, UPSTREAMS + tests))
    right, wrong = run_tests(built.edge, Trial(built.text).ask)
    assert right.failures == ()
    assert [failure.text() for failure in wrong.failures] == ["status: expected 200, got what shop.answer answers"]
