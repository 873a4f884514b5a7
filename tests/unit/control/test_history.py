"""The Plans that were applied: which one is meant by "the one before", and how many are kept."""

from __future__ import annotations

import os

import pytest

from glorieta.control.history import MOST_ENTRIES, Applied, History, NoSuchPlan, pack, unpack


def applied(version: str, cause: str = "file change") -> Applied:
    return Applied(version, cause, f"+ {version}", pack(version))


def history(*versions: str) -> History:
    made = History(applied(versions[0], "start"))
    for version in versions[1:]:
        made.add(applied(version))
    return made


def roll_back(made: History, wanted: str | None = None) -> str:
    """As the control loop does it."""
    chosen = made.find(wanted)
    made.add(Applied(chosen.version, "rollback", "", chosen.packed, restores=chosen.origin))
    return made.current.version


def test_the_one_before_is_the_last_that_was_another() -> None:
    made = history("a", "b", "c")
    assert made.find().version == "b"
    assert unpack(made.find().packed) == "b"


def test_asked_again_it_goes_back_one_more_and_ends_at_the_first() -> None:
    made = history("a", "b", "c")
    assert [roll_back(made), roll_back(made)] == ["b", "a"]
    with pytest.raises(NoSuchPlan, match="no plan before a is remembered"):
        made.find()


def test_after_a_rollback_and_a_reload_the_one_before_is_what_ran_before() -> None:
    made = history("a", "b", "c")
    roll_back(made)
    roll_back(made)
    made.add(applied("c", "reload"))
    assert roll_back(made) == "a", "b was left on purpose"
    with pytest.raises(NoSuchPlan):
        made.find()


def test_the_way_forward_is_by_name() -> None:
    made = history("a", "b", "c")
    roll_back(made)
    assert roll_back(made, "c") == "c"
    assert roll_back(made) == "b"


def test_a_version_or_a_number_is_found_the_newest_first() -> None:
    made = history("a", "b", "a")
    assert made.find("a").number == 3
    assert made.find("1").version == "a"
    with pytest.raises(NoSuchPlan, match=r'no plan "z" is remembered; there are 1 \(a\), 2 \(b\), 3 \(a\)'):
        made.find("z")


def test_the_oldest_are_forgotten_and_the_others_keep_their_numbers() -> None:
    made = history(*(f"v{number}" for number in range(1, MOST_ENTRIES + 4)))
    assert [entry.number for entry in made.entries] == list(range(4, MOST_ENTRIES + 4))
    assert made.find("4").version == "v4"


def test_large_plans_are_forgotten_earlier_but_never_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glorieta.control.history.MOST_BYTES", 2500)
    made = History(Applied("a", "start", "", os.urandom(1000)))
    for version in "bcd":
        made.add(Applied(version, "reload", "", os.urandom(1000)))
    assert [entry.version for entry in made.entries] == ["c", "d"]
    made.add(Applied("huge", "reload", "", os.urandom(5000)))
    assert [entry.version for entry in made.entries] == ["huge"]


def test_what_is_brought_back_costs_nothing_more() -> None:
    made = history("a", "b")
    before = made.size()
    roll_back(made)
    assert made.size() == before


def test_a_list_for_a_person_has_no_plans_in_it() -> None:
    first, second = history("a", "b").as_json()
    assert (first["number"], first["version"], first["cause"], first["running"]) == (1, "a", "start", False)
    assert (second["summary"], second["running"]) == ("+ b", True)
    assert second["time"] >= first["time"] > 1_700_000_000
    assert "packed" not in first


def test_ten_thousand_routes_are_a_few_hundred_kilobytes() -> None:
    route = '{"id":"web/t%d","hosts":["any"],"path":{"prefix":"/t%d"},"target":{"proxy":{"upstream":"u%d"}}},'
    plan = "".join(route % (number, number, number % 400) for number in range(10_000))
    assert len(pack(plan)) < len(plan) / 8
    assert unpack(pack(plan)) == plan
