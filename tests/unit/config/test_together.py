"""Several files: whose names are whose, what collides, what an overlay may change; each told with its file and line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from glorieta.config import ConfigError, including, load_any
from glorieta.plan import build
from harness.configuring import cases, put_files, told_of

GOLDENS = sorted((Path(__file__).parents[2] / "contract/plans").glob("*.yaml"))


@pytest.mark.parametrize(("text", "expected"), cases(Path(__file__).parent / "together.txt"))
def test_what_is_wrong_is_told_with_its_file(
    text: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert told_of(put_files(tmp_path, text)) == expected


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_how_it_is_cut_into_files_makes_no_difference(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = path.read_text()
    Path("whole.yaml").write_text(text)
    for module in path.parent.glob("*.py"):
        Path(module.name).write_text(module.read_text())
    sections = re.split(r"^(?=[A-Za-z_]+:)", text, flags=re.MULTILINE)
    anchored = [section for section in sections if section.startswith("x-")]
    for number, section in enumerate(section for section in sections if section not in anchored):
        if not section.startswith("version:"):
            Path(f"part-{number}.yaml").write_text("".join(anchored) + section)
    Path("parts.yaml").write_text('version: 1\ninclude: "part-*.yaml"\n')
    whole, parts = (build(each, secrets=False).plan for each in ("whole.yaml", "parts.yaml"))
    assert sorted_plan(parts) == sorted_plan(whole)
    assert build(["whole.yaml", "whole.yaml"], secrets=False).plan == whole, "laid over itself"


def sorted_plan(plan: Any) -> Any:
    """Names in any order, and no version, which is of the text as it is."""
    lists = {key: sorted(plan[key], key=lambda each: each["id"]) for key in ("listeners", "groups", "upstreams")}
    return {**plan, **lists, "version": ""}


def test_what_is_included_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("glorieta.yaml").write_text(
        "version: 1\ninclude: [a.yaml, b.yaml]\nlisteners: {web: {bind: ':80', respond: 404}}\n"
    )
    for name in ("a", "b"):
        Path(f"{name}.yaml").write_text(f"upstreams: {{{name}: {{endpoints: [a:1]}}}}\n")
    with monkeypatch.context() as patch:
        patch.setattr(including, "MOST_FILES", 1)
        assert told_of(["glorieta.yaml"]) == [
            "glorieta.yaml:2:19 include.1: more than 1 files are included; is a pattern too wide?"
        ]
    with monkeypatch.context() as patch:
        patch.setattr(including, "MOST_BYTES", 100)
        assert told_of(["glorieta.yaml"]) == [
            "glorieta.yaml:2:19 include.1: the files are larger than 0 MiB together; is a pattern too wide?"
        ]
    for number in range(18):
        Path(f"deep-{number}.yaml").write_text(f"include: deep-{number + 1}.yaml\n")
    Path("glorieta.yaml").write_text(
        "version: 1\ninclude: deep-0.yaml\nlisteners: {web: {bind: ':80', respond: 404}}\n"
    )
    assert told_of(["glorieta.yaml"]) == [
        "deep-15.yaml:1:10 include: files that include files are nested deeper than 16; include them from one file"
    ]


def test_files_are_named_as_a_person_at_the_working_folder_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc/teams").mkdir(parents=True)
    (tmp_path / "here").mkdir()
    (tmp_path / "etc/glorieta.yaml").write_text("version: 1\ninclude: teams/*.yaml\nlisteners: {}\n")
    (tmp_path / "etc/teams/a.yaml").write_text("team: a\nupstreams: {u: {}}\noops: 1\n")
    for folder, reference, name in (
        (tmp_path, "etc/glorieta.yaml", "etc/teams/a.yaml"),
        (tmp_path / "here", "../etc/glorieta.yaml", "../etc/teams/a.yaml"),
        (tmp_path / "etc", str(tmp_path / "etc/glorieta.yaml"), str(tmp_path / "etc/teams/a.yaml")),
    ):
        monkeypatch.chdir(folder)
        with pytest.raises(ConfigError) as caught:
            build(reference)
        assert f"{name}:3:1" in [str(problem.place) for problem in caught.value.problems]
        assert caught.value.globs == (str(tmp_path / "etc/teams/*.yaml"),)
        assert tmp_path / "etc/teams/a.yaml" in caught.value.files


def test_a_layer_changes_one_use_of_an_alias(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text(
        "version: 1\nx-u: &u {endpoints: [a:1], panic: 10%}\nlisteners: {web: {bind: ':80', routes: {/a: a, /b: b}}}\n"
        "upstreams: {a: *u, b: *u}\n"
    )
    Path("b.yaml").write_text("upstreams: {a: {panic: 20%}}\n")
    upstreams = load_any(["a.yaml", "b.yaml"]).edge.upstreams
    assert (upstreams["a"].panic, upstreams["b"].panic) == (20, 10)
