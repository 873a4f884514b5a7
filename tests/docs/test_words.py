"""The words and figures of the documents are those of the models, the engine and the command line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from typer.main import get_command

from glorieta.cli.main import app
from glorieta.config import load_text, schema
from glorieta.config.later import VALUES
from glorieta.config.role import BUILT, ROLES
from glorieta.control.exits import ExitCode
from glorieta.engine import Trial
from glorieta.plan import compile as compile_plan
from glorieta.plan import plan_json
from harness import HttpUpstream, get, refusing_address, unused_port, wait_until
from harness.process import CHECKOUT

from .pages import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.core import TyperGroup

DOCS = CHECKOUT / "docs"
ROW = re.compile(r"^\|(.+)\|$", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")


def page(name: str) -> Page:
    return Page(DOCS / name, (DOCS / name).read_text())


def rows(text: str) -> Iterator[list[str]]:
    """The rows of all tables, their heads included."""
    for row in ROW.findall(text):
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)]
        if not set("".join(cells)) <= set("-: "):
            yield cells


def section(text: str, heading: str) -> str:
    return text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


LIMITS = page("concepts/limits-and-timeouts.md").text
NOUNS = {
    "Listener": {"timeouts": "ListenerTimeouts", "limits": "ListenerLimits"},
    "Route": {"timeouts": "RouteTimeouts", "": "RouteDefaults"},
    "Upstream": {
        "pool": "Pool",
        "queue": "Queue",
        "retry_budget": "RetryBudget",
        "limits": "AnswerLimits",
        "health": "Health",
        "outlier": "Outlier",
        "": "UpstreamDefaults",
    },
    "Handlers": {"handlers": "Handlers"},
    "Edge": {"log": "Log", "": ""},
}
"""For each heading: which noun's defaults stand under which key."""
ELSEWHERE = {
    # No limits and no timeouts.
    ("Route", "host"),
    ("Route", "merge_slashes"),
    ("Upstream", "balance.algorithm"),
    ("Upstream", "balance.hash"),
    ("Upstream", "health.path"),
    ("Upstream", "health.tcp"),
    ("Upstream", "health.grpc"),
    ("Upstream", "version"),
    ("Upstream", "health.host"),
    ("Handlers", "handlers.processes"),
}


def documented(heading: str) -> dict[str, str]:
    """Settings and their defaults in the section's tables."""
    found = {}
    for cells in rows(section(LIMITS, heading)):
        if setting := CODE.fullmatch(cells[0]):
            default = CODE.fullmatch(cells[1])
            assert default, f"{setting[1]} has no default"
            found[setting[1]] = default[1]
    return found


def modelled(heading: str) -> dict[str, Any]:
    """The same from the models: every setting with a default of its own."""
    made = schema()
    found = {}
    for prefix, noun in NOUNS[heading].items():
        properties = (made["$defs"][noun] if noun else made)["properties"]
        for name, value in properties.items():
            if "default" in value:
                default = value["default"]
                written = ("on" if default else "off") if isinstance(default, bool) else str(default)
                found[f"{prefix}.{name}" if prefix else name] = written
    return found


@pytest.mark.parametrize("heading", NOUNS)
def test_every_default_is_the_models(heading: str) -> None:
    models = modelled(heading)
    said = documented(heading)
    assert said, heading
    assert {name: models.get(name) for name in said} == said


@pytest.mark.parametrize("heading", ["Listener", "Route", "Upstream", "Handlers"])
def test_every_limit_is_documented(heading: str) -> None:
    missing = modelled(heading).keys() - documented(heading).keys()
    assert {name for name in missing if (heading, name) not in ELSEWHERE} == set()


def reasons() -> set[tuple[str, str]]:
    """Status and reason of every kind of error that the engine knows."""
    text = (CHECKOUT / "engine/core/src/error.rs").read_text()
    found = re.findall(r'^ +[A-Z]\w+ "(\w+)" (\d{3}) \w+;$', text, re.MULTILINE)
    return {(status, reason) for reason, status in found}


def test_reasons_in_the_table_of_limits_are_the_engines() -> None:
    known = reasons()
    assert len(known) > 30
    beyond = [cells[3] for cells in rows(LIMITS) if len(cells) == 4]
    named = {word for text in beyond for word in CODE.findall(text) if re.fullmatch(r"[a-z_]+", word)}
    assert len(named) > 12
    assert named <= {reason for _, reason in known}
    pairs = {pair for text in beyond for pair in re.findall(r"\b(\d{3}) `(\w+)`", text)}
    assert len(pairs) > 10
    assert pairs <= known


def test_the_table_of_roles_is_the_languages() -> None:
    text = page("concepts/roles.md").text
    states: dict[str, set[bool]] = {}
    for cells in rows(text):
        word = CODE.search(cells[0])
        if word and word[1] in ROLES:
            states.setdefault(word[1], set()).add("**works**" in cells[-1])
    assert states == {role: {role in BUILT} for role in ROLES}
    drawn = re.findall(r'class="(now|later)"[^>]*/>\s*<text class="name"[^>]*>([^<]+)<', picture())
    assert sorted(name for state, name in drawn if state == "now") == [
        "backend for frontend",
        "custom gateway",
        "load balancer, layer 4",
        "load balancer, layer 7",
        "reverse proxy",
    ]
    assert len(drawn) == len(ROLES) + 1, "load balancer is drawn for both layers"


def picture() -> str:
    return (DOCS / "images" / "roles.svg").read_text()


@pytest.mark.parametrize("role", ROLES)
def test_a_roles_page_says_whether_it_works(role: str) -> None:
    """Plainly, with the word that `check` uses; its drawing says the same by the line around it."""
    text = page(f"concepts/{role}.md").text
    drawn = (DOCS / "images" / f"{role}.svg").read_text()
    if role in BUILT:
        assert "Not in this version" not in text
        assert 'class="later"' not in drawn
        assert 'class="role"' in drawn
        return
    comes = re.search(r"^\*\*Not in this version\.\*\* It comes with \*([\w ]+)\*", text, re.MULTILINE)
    assert comes and comes[1] == VALUES[role]
    assert 'class="later"' in drawn
    assert not [block for block in page(f"concepts/{role}.md").blocks() if block.language == "yaml"]


COMMANDS: TyperGroup = get_command(app)  # type: ignore[assignment]
EACH = {
    f"{name} {inner}".strip(): command
    for name, outer in COMMANDS.commands.items()
    for inner, command in getattr(outer, "commands", {"": outer}).items()
}
"""Every command, those of a group by both words."""
REFERENCE = page("reference/command-line.md").text


def test_arguments_and_options_are_the_command_lines() -> None:
    table = next(part for part in REFERENCE.split("\n\n") if part.startswith("| command | arguments"))
    said = {CODE.findall(cells[0])[0]: cells for cells in list(rows(table))[1:]}
    assert list(said) == list(EACH), "the commands, in their order"
    for name, command in EACH.items():
        options = [
            option for each in command.params for option in (*each.opts, *each.secondary_opts) if option[:1] == "-"
        ]
        assert CODE.findall(said[name][2]) == options, name
        metavars = [each.metavar for each in command.params if each.param_type_name == "argument"]
        for metavar in metavars:
            assert metavar and metavar in said[name][1], f"{name}: {metavar}"


def test_exit_codes_are_those_of_each_help() -> None:
    table = list(rows(section(REFERENCE, "Exit codes")))
    codes = table[0][1:]
    assert [int(code) for code in codes] == [code.value for code in ExitCode]
    said = {CODE.findall(cells[0])[0]: dict(zip(codes, cells[1:], strict=True)) for cells in table[1:]}
    assert said.keys() == EACH.keys()
    for name, command in EACH.items():
        help_text = " ".join((command.help or "").split())
        sentence = help_text.split("Exit codes: ", 1)[1].rstrip(".")
        if sentence.startswith("as `glorieta run`"):
            assert said[name]["0"] == "as `glorieta run`"
            sentence = sentence.partition("; ")[2]
            expected = {sentence[0]: sentence[2:]} if sentence else {}
        else:
            expected = {part.split(" ", 1)[0]: part.split(" ", 1)[1] for part in sentence.split(" · ")}
        found = {code: text for code, text in said[name].items() if text and text != "as `glorieta run`"}
        assert found == expected, name


def test_the_readme_names_every_command() -> None:
    text = (CHECKOUT / "README.md").read_text()
    table = next(part for part in text.split("\n\n") if part.startswith("| command | what it does"))
    assert [CODE.findall(cells[0])[0] for cells in list(rows(table))[1:]] == [
        f"glorieta {name}" for name in COMMANDS.commands
    ]


@pytest.fixture(scope="module")
def edge(start: Any, services: Any) -> Any:
    """A proxy that has answered, passed on and failed, so that whatever can be counted or logged was."""
    port, service = unused_port(), HttpUpstream()
    services.keep(service)
    text = f"""\
version: 1
listeners:
  web:
    bind: "127.0.0.1:{port}"
    routes: {{/service/*: service, /nobody/*: nobody}}
upstreams:
  service: {{endpoints: ["{service.address}"]}}
  nobody: {{endpoints: ["{refusing_address()}"]}}
"""
    edge = start.command(text)
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    assert get(port, "/service/a?b=c", {"Host": "localhost", **trace}).status == 200
    assert get(port, "/nobody/a").status == 502
    assert get(port, "/nowhere").status == 404

    def counted() -> bool:
        """A request is counted once it is over, which may be a moment after whoever asked has the answer."""
        now = edge.metrics()
        return now.total("glorieta_requests_total") == 2 and now.total("glorieta_rejected_total") == 1

    wait_until(counted, what="all three requests' being counted")
    return edge


def test_metrics_are_those_that_are_served(edge: Any) -> None:
    text = page("reference/metrics.md").text
    said = {CODE.findall(cells[0])[0]: set(CODE.findall(cells[1])) for cells in list(rows(text))[1:]}
    served: dict[str, set[str]] = {}
    for name, labels, _ in edge.metrics().samples:
        short = re.sub(r"_(bucket|sum|count)$", "", name)
        served.setdefault(short, set()).update(labels.keys() - {"le"})
    # What only these bring was not brought here.
    others = ("handler", "gather", "tunnel", "tls", "certificate", "split", "mirror", "datagrams", "grpc")
    elsewhere = {name for name in said if name.startswith(tuple(f"glorieta_{each}_" for each in others))}
    assert served.keys() <= said.keys() <= served.keys() | elsewhere
    assert {name: said[name] for name in served} == served
    named = set(re.findall(r"glorieta_[a-z_]+", page("guides/observability.md").text))
    families = {"glorieta_"} | said.keys()
    assert {name for name in named if name not in families} == set()


def test_keys_of_the_access_log_are_those_that_are_written(edge: Any) -> None:
    text = page("reference/access-log.md").text
    keys = [key for cells in list(rows(text))[1:] for key in CODE.findall(cells[0])]
    records = wait_until(lambda: len(edge.records()) >= 3 and edge.records(), what="the access log's lines")
    written = set()
    for record in records:
        assert [key for key in keys if key in record] == list(record), "in this order"
        written |= record.keys()
    assert written == set(keys) - {"tls", "mirror", "grpc_status"}


TRIED = """\
version: 1
listeners:
  web: {bind: ":8080", filters: {deny: 192.0.2.0/24}, routes: {/a/*: a, GET /a/*: a, POST /a/b: a, /s/*: {split: {a: 1}, mirror: a}}}
  mail: {bind: ":1025", protocol: tcp, to: a}
upstreams: {a: {endpoints: [localhost:3000]}}
"""


def test_keys_of_a_trial_are_those_that_are_told() -> None:
    """Of the whole and of each of its parts, as the page's tables name them."""
    text = page("reference/try.md").text
    tables = [part for part in text.split("\n\n") if part.startswith("| key | what |")]
    heads = ["", *re.findall(r"^Of (?:each of )?`(\w+)`:$", text, re.MULTILINE)]
    said = {
        head: [key for cells in list(rows(table))[1:] for key in CODE.findall(cells[0])]
        for head, table in zip(heads, tables, strict=True)
    }
    trial = Trial(plan_json(compile_plan(load_text(TRIED).edge)))
    questions = [
        {"method": "GET", "url": "http://localhost:8080/a/b"},
        {"method": "GET", "url": "http://localhost:8080/a/b", "from": "192.0.2.1"},
        {"method": "GET", "url": "http://localhost:8080/s/a"},
        {"method": "", "url": "tcp://:1025"},
        {"method": "GET", "url": "http://localhost:99/"},
    ]
    outcomes, told = set(), dict.fromkeys(heads[1:], False)
    for question in questions:
        answer = trial.ask(question)
        outcomes.add(answer["outcome"])
        assert sorted(answer) == sorted(said[""])
        for head in told:
            parts = answer[head] if isinstance(answer[head], list) else [answer[head]]
            for part in filter(None, parts):
                told[head] = True
                assert sorted(part) == sorted(said[head]), head
    assert all(told.values()), told
    assert outcomes == {"forward", "answer", "tunnel", "nothing"}
