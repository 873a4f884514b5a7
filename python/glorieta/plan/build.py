"""From a reference to a Plan: load and compile, with all errors of both at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..config.checking import Partial
from ..config.errors import ConfigError, Problem, sort_problems
from ..config.objects import is_object, load_any
from .compile import inspect, refuse
from .compiling import Surroundings

if TYPE_CHECKING:
    from pathlib import Path

    from ..config.edge import Edge
    from ..config.loading import Loaded
    from .model import Plan


@dataclass(frozen=True)
class Built:
    """A Plan and what it was made from."""

    plan: Plan
    edge: Edge
    files: tuple[Path, ...]
    """Absolute paths of everything that the Plan depends on."""
    warnings: tuple[Problem, ...]


def build(reference: str | Path, *, terminal: bool = False, admin_socket: str | None = None) -> Built:
    """Loads and compiles a YAML file or a Python object (`module:attribute`)."""
    surroundings = Surroundings(terminal, admin_socket)
    try:
        loaded = load_any(reference)
    except ConfigError as error:
        raise with_later_errors(error, surroundings) from None
    from_file = not (isinstance(reference, str) and is_object(reference))
    return finish(loaded, surroundings, valid=from_file)


def build_edge(edge: Edge, *, terminal: bool = False, admin_socket: str | None = None) -> Built:
    """Compiles an edge that was made in Python."""
    plan, problems = inspect(edge, Surroundings(terminal, admin_socket))
    refuse(problems)
    return Built(plan, edge, (), tuple(problems))


def finish(loaded: Loaded, surroundings: Surroundings, *, valid: bool) -> Built:
    try:
        plan, problems = inspect(loaded.edge, surroundings, valid=valid)
    except ConfigError as error:
        error.files = loaded.files
        raise
    refuse(problems, loaded.files)
    return Built(plan, loaded.edge, loaded.files, (*loaded.warnings, *problems))


def with_later_errors(error: ConfigError, surroundings: Surroundings) -> ConfigError:
    """What loading found, and what compiling says of the rest; its warnings wait until the errors are gone."""
    partial = error.partial
    if not isinstance(partial, Partial) or () in partial.missing:
        return error
    _, found = inspect(partial.edge, surroundings, partial.missing, valid=True)
    later = [problem for problem in found if problem.severity == "error"]
    return ConfigError(sort_problems([*error.problems, *later]), partial, error.files)
