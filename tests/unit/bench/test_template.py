"""Configurations of the contenders: what is put in, and which lines belong to which table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from bench.peers import CONTENDERS
from bench.peers.contender import Contender, Setting
from bench.rows import Table
from bench.template import render, select

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda contender: contender.name)
@pytest.mark.parametrize("table", Table)
def test_every_contender_has_a_whole_configuration_for_each_table(
    contender: Contender, table: Table, tmp_path: Path
) -> None:
    setting = Setting(table, 1001, 1002, 1003, 1004, tmp_path)
    text = render(contender.template.read_text(), setting.values(), table)
    assert re.search(r"@[A-Z_]+@", text) is None
    assert "1001" in text
    assert "1003" in text
    assert re.search(r"# \[?(equal|bare)", text) is None


@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda contender: contender.name)
def test_only_equal_duties_write_a_log(contender: Contender, tmp_path: Path) -> None:
    setting = Setting(Table.BARE, 1001, 1002, 1003, 1004, tmp_path)
    template = contender.template.read_text()
    bare = render(template, setting.values(), Table.BARE)
    equal = render(template, setting.values(), Table.EQUAL)
    assert str(setting.log) not in bare
    assert str(setting.log) in equal or "log stdout" in equal
    assert bare != equal
