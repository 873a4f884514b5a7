"""From a reference to a Plan: load and compile, with all errors of both at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config.checking import Partial
from ..config.errors import ConfigError, Problem, sort_problems
from ..config.loading import load_any
from ..config.objects import run_once
from .compile import inspect, inspect_written, refuse
from .compiling import Surroundings
from .overlaid import with_overlays

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..config.documents import Documents
    from ..config.edge import Edge
    from ..config.loading import Loaded, Reference
    from .confusions import Found
    from .model import Orders, Plan


@dataclass(frozen=True)
class Built:
    """A Plan and what it was made from."""

    plan: Plan
    edge: Edge
    files: tuple[Path, ...]
    """Absolute paths of everything that the Plan depends on."""
    warnings: tuple[Problem, ...]
    globs: tuple[str, ...] = ()
    """Absolute patterns by which files were looked for."""
    text: str = ""
    """The Plan as the engine reads it."""
    confusions: tuple[Found, ...] = ()
    """All confusions that were found, accepted ones and notes included."""
    launch: dict[str, Any] | None = None
    """What handler processes are started with; none: there are no handlers."""
    orders: Orders | None = None
    """What whoever orders certificates is told; none: nothing is ordered."""


def build(
    references: Reference | Sequence[Reference],
    *,
    terminal: bool = False,
    admin_socket: str | None = None,
    secrets: bool = True,
    documents: Documents | None = None,
    running: Callable[[], Plan | None] | None = None,
) -> Built:
    """Loads and compiles YAML files or Python objects (`module:attribute`), each laid over those before it.

    `documents`: what texts said when this was built before; `running` gives the Plan that runs, if one does.
    """
    surroundings = Surroundings(terminal, admin_socket, secrets, running)
    if isinstance(references, str | Path) or len(references) < 2:
        return build_layers(references, surroundings, secrets=secrets, documents=documents)
    with run_once():
        try:
            return build_layers(references, surroundings, secrets=secrets, documents=documents)
        except ConfigError as error:
            base = problems_of(references[0], surroundings, secrets=secrets)
            raise with_overlays(error, base) from None


def build_layers(
    references: Reference | Sequence[Reference],
    surroundings: Surroundings,
    *,
    secrets: bool,
    documents: Documents | None = None,
) -> Built:
    try:
        loaded = load_any(references, secrets=secrets, documents=documents)
    except ConfigError as error:
        raise with_later_errors(error, surroundings) from None
    return finish(loaded, surroundings)


def problems_of(reference: Reference, surroundings: Surroundings, *, secrets: bool) -> list[Problem]:
    """What is wrong with this alone."""
    try:
        build_layers(reference, surroundings, secrets=secrets)
    except ConfigError as error:
        return error.problems
    return []


def build_edge(edge: Edge, *, terminal: bool = False, admin_socket: str | None = None, secrets: bool = True) -> Built:
    """Compiles an edge that was made in Python."""
    found = inspect_written(edge, Surroundings(terminal, admin_socket, secrets))
    refuse(found.problems)
    files, confusions = tuple(sorted(found.files)), tuple(found.confusions)
    return Built(found.plan, edge, files, told(found.problems), (), found.text, confusions, found.launch, found.orders)


def told(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Without notes, which only an explanation shows."""
    return tuple(problem for problem in problems if problem.severity != "note")


def finish(loaded: Loaded, surroundings: Surroundings) -> Built:
    files = loaded.files
    try:
        found = inspect_written(loaded.edge, surroundings, loaded.missing, valid=loaded.valid)
        files = tuple(sorted({*files, *found.files}))
        refuse(found.problems)
    except ConfigError as error:
        error.files, error.globs = files, loaded.globs
        error.partial = Partial(loaded.edge, loaded.missing)
        raise
    warnings = told(sort_problems([*loaded.warnings, *found.problems], loaded.places.order()))
    confusions = tuple(found.confusions)
    return Built(
        found.plan, loaded.edge, files, warnings, loaded.globs, found.text, confusions, found.launch, found.orders
    )


def with_later_errors(error: ConfigError, surroundings: Surroundings) -> ConfigError:
    """What loading found, and what compiling says of the rest; its warnings wait until the errors are gone."""
    partial = error.partial
    if not isinstance(partial, Partial) or () in partial.missing:
        return error
    edge = partial.edge
    _, found = inspect(edge, surroundings, partial.missing, incomplete=partial.incomplete, valid=True)
    later = [problem for problem in found if problem.severity == "error"]
    order = edge.origin.places.order() if edge.origin else {}
    return ConfigError(sort_problems([*error.problems, *later], order), partial, error.files, error.globs)
