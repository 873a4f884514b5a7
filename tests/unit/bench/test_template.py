"""Configurations of the contenders: what is put in, and which lines belong to which table."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from bench.backend import Backend, certificate
from bench.peers import PROXIES
from bench.peers.chain import Chain
from bench.peers.contender import Contender, Setting
from bench.peers.glorieta import Glorieta, compile_plan
from bench.peers.glorieta.with_handlers import GlorietaWithHandlers, GlorietaWithoutHandlers
from bench.rows import Layer, Table
from bench.template import render, select

BACKEND = Backend(1003, 1010, 1011, 1012, Path("edge.crt"), Path("edge.crt.key"))


def setting_of(table: Table, folder: Path) -> Setting:
    return Setting(table, 1001, 1002, 1008, 1009, BACKEND, 1004, (1005, 1006, 1007), folder)


TEXT = """\
first
  # [equal
  log @LOG@
  # equal]
\t# [bare
\toff
\t# bare]
last
"""


def test_each_table_has_its_lines_and_those_of_both() -> None:
    assert select(TEXT, Table.EQUAL) == "first\n  log @LOG@\nlast\n"
    assert select(TEXT, Table.BARE) == "first\n\toff\nlast\n"


def test_values_are_put_in_everywhere() -> None:
    assert render("a @PORT@ b:@PORT@ user@host", {"PORT": 80}) == "a 80 b:80 user@host\n"


def test_a_word_without_a_value_is_an_error() -> None:
    with pytest.raises(ValueError, match="@LOG@"):
        render(TEXT, {}, Table.EQUAL)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# [equal\na", r"\[equal does not end"),
        ("a\n# equal]", r"line 2: equal\] ends what did not begin"),
        ("# [equal\n# bare]", r"line 2: bare\] ends what did not begin"),
        ("# [equal\n# [bare\n# bare]\n# equal]", r"line 2: \[bare begins inside \[equal"),
    ],
)
def test_marks_that_do_not_match_are_errors(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        select(text, Table.EQUAL)


@pytest.mark.parametrize("contender", PROXIES, ids=lambda contender: contender.name)
@pytest.mark.parametrize("table", [Table.EQUAL, Table.BARE])
def test_every_contender_has_a_whole_configuration_for_each_table(
    contender: Contender, table: Table, tmp_path: Path
) -> None:
    setting = setting_of(table, tmp_path)
    text = render(contender.template.read_text(), setting.values(), table)
    assert re.search(r"@[A-Z_]+@", text) is None
    assert "1001" in text
    assert "1003" in text
    assert re.search(r"# \[?(equal|bare)", text) is None


@pytest.mark.parametrize("contender", PROXIES, ids=lambda contender: contender.name)
def test_every_contender_has_a_configuration_for_the_protocols(contender: Contender, tmp_path: Path) -> None:
    text = render(contender.protocols.read_text(), setting_of(Table.PROTOCOLS, tmp_path).values(), Table.PROTOCOLS)
    assert re.search(r"@[A-Z_]+@", text) is None
    for needed in ("1001", "1008", "1003", "edge.crt"):
        assert needed in text
    assert ("1009" in text) is (Layer.UDP in contender.layers)


@pytest.mark.parametrize("contender", PROXIES, ids=lambda contender: contender.name)
def test_only_equal_duties_write_a_log(contender: Contender, tmp_path: Path) -> None:
    setting = setting_of(Table.BARE, tmp_path)
    template = contender.template.read_text()
    bare = render(template, setting.values(), Table.BARE)
    equal = render(template, setting.values(), Table.EQUAL)
    assert str(setting.log) not in bare
    assert str(setting.log) in equal or "log stdout" in equal
    assert bare != equal


@pytest.mark.parametrize(
    ("contender", "handlers"), [(GlorietaWithHandlers(), 2), (GlorietaWithoutHandlers(), 0)], ids=["with", "without"]
)
def test_our_configurations_for_handlers_compile(contender: Contender, handlers: int, tmp_path: Path) -> None:
    start = contender.prepare(setting_of(Table.HANDLERS, tmp_path / "ours"))
    plan = json.loads(compile_plan(Path(start.command[-1])))
    assert len(plan.get("handlers", ())) == handlers


def test_our_configuration_for_protocols_compiles(tmp_path: Path) -> None:
    certificate_file, key_file = certificate.write(tmp_path)
    setting = setting_of(Table.PROTOCOLS, tmp_path / "ours")
    setting = replace(setting, backend=replace(BACKEND, certificate=certificate_file, key=key_file))
    start = Glorieta().prepare(setting)
    plan = json.loads(Path(start.command[-1]).read_text())
    protocols = {listener["id"]: (listener["protocol"], listener["versions"]) for listener in plan["listeners"]}
    assert protocols == {
        "datagrams": ("udp", []),
        "encrypted": ("http", ["h1", "h2", "h3"]),
        "plain": ("http", ["h1", "h2"]),
    }


def test_the_chain_leads_from_the_edge_to_the_services_and_nobody_logs(tmp_path: Path) -> None:
    start = Chain().prepare(setting_of(Table.HANDLERS, tmp_path / "chain"))
    sidecar, bff, edge = (json.loads(command) for command in start.command[2:])
    assert bff[-2:] == ["1005", "1006"]
    edge_text, sidecar_text = Path(edge[-1]).read_text(), Path(sidecar[sidecar.index("--config-path") + 1]).read_text()
    assert "listen 127.0.0.1:1001" in edge_text and "server 127.0.0.1:1005" in edge_text
    assert "port_value: 1006" in sidecar_text and "port_value: 1003" in sidecar_text
    assert "access.log" not in edge_text + sidecar_text
