"""`import glorieta` costs nothing: what a configuration needs is imported when it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import glorieta


def test_every_public_name_is_there() -> None:
    for name in glorieta.__all__:
        assert getattr(glorieta, name) is not None
    assert set(glorieta.__all__) <= set(dir(glorieta))
    assert 15 <= len(glorieta.__all__) <= 25


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Egde'"):
        _ = glorieta.Egde


def test_importing_the_package_imports_no_models() -> None:
    check = "import glorieta, sys; print(sorted({'pydantic', 'yaml', 'typer'} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", check],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert result.stdout.strip() == "[]"
