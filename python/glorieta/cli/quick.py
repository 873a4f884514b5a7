"""What `glorieta reverse` and `glorieta balance` share: an edge made of arguments, saved or only served."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from .output import fail

if TYPE_CHECKING:
    from ..config import Edge


def serve_edge(edge: Edge, save: Path | None) -> NoReturn:
    """Serves it. With `save` it is written first and then served from there, so that changes are followed."""
    from .serving import serve

    if save:
        write(edge, save)
        serve([str(save)], show=True)
    serve([], edge, show=True)


def write(edge: Edge, path: Path) -> None:
    """A file that exists is somebody's work."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(edge.dump())
    except FileExistsError:
        fail(f"{path} exists already; remove it, or save under another name")
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}")
