"""A configuration that is loaded again with what its texts said before is the one that is loaded from scratch.

Random edits over a set of files, right and wrong ones: each time the Plan, the errors, the warnings and the place of
everything are compared. Whatever was kept although it may say another thing now, or although something was taken out
of it, would show.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from glorieta.config import ConfigError
from glorieta.config.documents import Documents
from glorieta.config.loading import read_ahead
from glorieta.plan import build

if TYPE_CHECKING:
    from pathlib import Path

SEEDS = range(24)
STEPS = 12

ROOTS = (
    "version: 1\ninclude: ['teams/{team}.yaml', more.yaml]\nlisteners: {web: {bind: ':80', admit: {a: /a/*, b: /b/*}}}\n",
    "version: 1\ninclude:\n- teams/{team}.yaml\nlisteners:\n  web:\n    bind: ':80'\n    admit: {a: /a/*, b: /b/*}\n"
    "    filters: {max_body: '${env:MOST}'}\n",
    # Wrong: a key, and a team's name in full.
    "version: 1\ninclude: ['teams/{team}.yaml']\nlisteners: {web: {bind: ':80', admit: {a: /a/*}, bnd: 1}}\n"
    "upstreams: {a/one: {endpoints: [x:1]}}\n",
    # A file is read twice, once as a team's.
    "version: 1\ninclude: [{files: more.yaml, team: a}, more.yaml]\nlisteners: {web: {bind: ':80'}}\n",
)
MORE = (
    "upstreams: {shared: {endpoints: [s:1]}}\n",
    "groups: {more: {at: web, match: /more/*, routes: {/more/x: {respond: more}}}}\n",
    "groups:\n  more: {at: web, match: /more/*, routes: {/more/x: {respond: '${file:secret}'}}}\n",
    "x-base: &base {deadline: 5s, to: shared}\ngroups:\n  more:\n    at: web\n    routes:\n      /m: *base\n"
    "      /n: {<<: *base, retries: 0}\nupstreams: {shared: {endpoints: ['${env:HOST:-s}:1']}}\n",
    # Wrong in what two aliases mean.
    "x-base: &base {deadline: soon, to: shared}\ngroups: {more: {routes: {/m: *base, /n: *base}}}\n",
    "{",
    "",
)
TEAMS = (
    "groups: {{g: {{at: web, match: /{0}/*, routes: {{/{0}/x: one, /{0}/y/*: {{to: one, strip_prefix: true}}}}}}}}\n"
    "upstreams: {{one: {{endpoints: [h:1]}}}}\n",
    "team: {0}\ndefaults: {{route: {{deadline: 3s}}, upstream: {{health: {{path: /up}}}}}}\n"
    "groups:\n  g:\n    at: web\n    match: /{0}/*\n    routes:\n      /{0}/x: one\nupstreams:\n  one: {{endpoints: [h:1]}}\n",
    "groups:\n  g:\n    at: web\n    match: /{0}/*\n    filters:\n"
    "      headers: {{request: {{set: {{x-key: '${{file:../secret}}'}}}}}}\n"
    '    routes: {{/{0}/x: "\\x24{{env:WHERE:-one}}"}}\nupstreams: {{one: {{endpoints: [h:1]}}, two: {{endpoints: [h:2]}}}}\n',
    # Unused upstreams are warned of.
    "groups: {{g: {{at: web, match: /{0}/*, respond: fine}}}}\nupstreams: {{one: {{endpoints: [h:1]}}}}\n",
    # Wrong: a target that is not there, a path beyond what is admitted, values that cannot be read.
    "groups: {{g: {{at: web, match: /{0}/*, routes: {{/{0}/x: nowhere, /z: {{respond: z}}}}}}}}\n",
    "groups: {{g: {{at: web, match: /{0}/*, routes: {{/{0}/x: {{deadline: 5, respond: x}}}}}}}}\nlisteners: {{other: {{}}}}\n",
    "team: wrong\ngroups: {{g: {{at: web, respond: '${{env:NOT_SET}}'}}}}\n",
)
OVERLAYS = (
    "defaults: {route: {retries: 0}}\n",
    "listeners: {web: {bind: ':81'}}\ngroups: {a/g: {routes: {/a/x: null}}}\n",
    "listeners: {web: {bind: ['${env:HOST:-h}:81']}}\n",
    "groups: {a/none: {role: bff}}\n",
)


VARIABLES = {"WHERE": ("one", "two", "nowhere"), "HOST": ("one", "two"), "MOST": ("1MiB", "2MiB", "many")}
LAYERS = (("root.yaml",), ("root.yaml", "prod.yaml"), ("root.yaml", "more.yaml"))
"""What a command names; the last one reads a file twice."""


class Files:
    """A set of files, of which one is written anew, or goes, with each step; and what they take from outside."""

    def __init__(self, folder: Path, source: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.source, self.monkeypatch = folder, source, monkeypatch
        (folder / "teams").mkdir()
        self.write("root.yaml", ROOTS[0])
        self.write("more.yaml", MORE[0])
        self.write("prod.yaml", OVERLAYS[0])
        self.write("secret", "first")
        for team in "ab":
            self.write(f"teams/{team}.yaml", TEAMS[0].format(team))

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def edit(self) -> None:
        """One step; many of them mend a team's file, so that not everything stays wrong."""
        choose, team = self.source.choice, self.source.choice("ab")
        match self.source.randrange(14):
            case 0:
                self.write("root.yaml", choose((*ROOTS[:2], *ROOTS)))
            case 1 | 2:
                self.write("more.yaml", choose((*MORE[:4], *MORE)))
            case 3:
                self.write("prod.yaml", choose(OVERLAYS))
            case 4:
                self.write("secret", choose(("first", "second", "half $ {}")))
            case 5 | 12 | 13:
                name = choose(tuple(VARIABLES))
                self.monkeypatch.setenv(name, choose(VARIABLES[name]))
            case 6:
                (self.folder / "teams" / f"{team}.yaml").unlink(missing_ok=True)
            case 7 | 8:
                self.write(f"teams/{team}.yaml", choose(TEAMS).format(team))
            case _:
                self.write(f"teams/{team}.yaml", choose(TEAMS[:4]).format(team))


def outcome(references: tuple[str, ...], documents: Documents | None = None) -> dict[str, Any]:
    """Everything that there is to say of these files."""
    try:
        built = build(references, documents=documents)
    except ConfigError as error:
        return {"error": str(error), "problems": error.problems, "files": error.files, "globs": error.globs}
    assert built.edge.origin is not None
    places = built.edge.origin.places
    paths = [("groups", name, "routes", key) for name, group in built.edge.groups.items() for key in group.routes]
    paths += [("upstreams", name, "endpoints", 0) for name in built.edge.upstreams]
    found = {path: (places.find(path), places.find(path, key=True), places.source(path).file) for path in paths}
    facts = {"plan": built.text, "warnings": built.warnings, "files": built.files, "globs": built.globs}
    return {**facts, "places": found, "order": places.order()}


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_kept_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOST", "1MiB")
    source = random.Random(seed)
    files = Files(tmp_path, source, monkeypatch)
    references = LAYERS[seed % len(LAYERS)]
    documents = Documents()
    for _ in range(STEPS):
        again = outcome(references, documents)
        assert again == outcome(references)
        documents = Documents() if "error" in again else documents.kept()
        for _ in range(source.randrange(3)):
            # As a child is told to, while the files are changing.
            files.edit()
            documents = read_ahead(references, documents)
        files.edit()


def test_texts_are_kept_that_have_not_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(tmp_path, random.Random(), monkeypatch)
    files.write("more.yaml", MORE[3])
    references = str(tmp_path / "root.yaml")
    documents = Documents()
    build(references, documents=documents)
    kept = documents.kept()
    # `more.yaml` names a variable.
    assert {name.rpartition("/")[2] for name, _ in kept.known} == {"root.yaml", "a.yaml", "b.yaml"}
    files.write("teams/a.yaml", TEAMS[1].format("a"))
    before = {name: document for name, (_, document) in kept.known.items()}
    build(references, documents=kept)
    same = {name.rpartition("/")[2] for (name, _), each in kept.read.items() if each[1] in before.values()}
    assert same == {"root.yaml", "b.yaml"}


def test_what_is_read_ahead_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(tmp_path, random.Random(), monkeypatch)
    files.write("more.yaml", MORE[3])
    references = str(tmp_path / "root.yaml")
    ahead = read_ahead([references], Documents())
    assert {name.rpartition("/")[2] for name, _ in ahead.known} == {"root.yaml", "a.yaml", "b.yaml"}
    before = {name: document for name, (_, document) in ahead.known.items()}
    build(references, documents=ahead)
    assert all(ahead.read[name][1] is document for name, document in before.items())


def test_what_is_not_there_for_a_moment_is_not_forgotten_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(tmp_path, random.Random(), monkeypatch)
    references = [str(tmp_path / "root.yaml")]
    documents = read_ahead(references, Documents())
    (files.folder / "teams" / "a.yaml").unlink()
    assert read_ahead(references, documents).known.keys() == documents.known.keys() | documents.read.keys()


def test_a_file_that_is_no_longer_included_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(tmp_path, random.Random(), monkeypatch)
    documents = Documents()
    build(str(tmp_path / "root.yaml"), documents=documents)
    documents = documents.kept()
    files.write("root.yaml", ROOTS[1])
    monkeypatch.setenv("MOST", "1MiB")
    build(str(tmp_path / "root.yaml"), documents=documents)
    assert {name.rpartition("/")[2] for name, _ in documents.kept().known} == {"a.yaml", "b.yaml"}
