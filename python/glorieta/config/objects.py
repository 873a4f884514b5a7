"""Configurations written in Python: `shop.edge:edge` or `teams/shop.py:edge`.

The module runs with the working folder first on the path, as `python -m` does. Whatever goes wrong in it is
told like an error of a file: where, and why.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from .checking import unplaced
from .edge import Edge, Origin
from .errors import ConfigError, Problem, did_you_mean
from .places import Places
from .reading import shown

if TYPE_CHECKING:
    from types import ModuleType

REFERENCE = re.compile(r"(?P<module>[\w./-]+):(?P<attribute>[A-Za-z_][\w.]*)")
HERE = str(Path(__file__).parent)


def is_object(reference: str, folder: Path | None = None) -> bool:
    """Whether this names a Python object rather than a file."""
    found = REFERENCE.fullmatch(reference)
    if found is None or ((folder / reference) if folder else Path(reference)).exists():
        return False
    return found["module"].endswith(".py") or "/" not in found["module"]


def find_object(reference: str, folder: Path | None = None) -> tuple[Edge, tuple[Path, ...]]:
    """The `Edge` that a module has, or makes; and the files that it depends on."""
    folder = (folder or Path.cwd()).absolute()
    found = REFERENCE.fullmatch(reference)
    if not found:
        raise ConfigError(
            [Problem((), f'"{reference}" is no object', "write module:attribute, such as shop.edge:edge")]
        )
    before = set(sys.modules)
    if str(folder) not in sys.path[:1]:
        sys.path.insert(0, str(folder))
    try:
        module = import_named(found["module"], folder)
        edge = take_edge(module, found["attribute"], reference)
    except ConfigError as error:
        error.files = files_of(before, folder, found["module"])
        raise
    home = Path(module.__file__).absolute().parent if module.__file__ else folder
    if edge.origin is None:
        edge.settled(Origin(home, Places(reference, folder=home)))
    return edge, files_of(before, folder, found["module"])


def import_named(name: str, folder: Path) -> ModuleType:
    try:
        return import_file(folder / name) if name.endswith(".py") else importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            fix = f"it was looked for in {folder} and among the installed packages"
            raise ConfigError([Problem((), f'there is no module "{error.name}"', fix, file=name)]) from None
        raise failed(error, name) from None
    except FileNotFoundError:
        raise ConfigError([Problem((), "cannot be read: No such file or directory", file=name)]) from None
    except ConfigError:
        raise
    except Exception as error:
        raise failed(error, name) from None


def import_file(path: Path) -> ModuleType:
    """A module by its file, under a name that hides no other module."""
    if not path.is_file():
        raise FileNotFoundError(path)
    name = f"_{path.stem}" if path.stem in sys.modules else path.stem
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise ImportError(f"{path} is no module")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


def take_edge(module: ModuleType, attribute: str, reference: str) -> Edge:
    value: Any = module
    for part in attribute.split("."):
        if not hasattr(value, part):
            edges = [name for name, each in vars(module).items() if isinstance(each, Edge)]
            fix = did_you_mean(part, edges or [name for name in vars(module) if not name.startswith("_")])
            raise ConfigError([Problem((), f'{module.__name__} has no "{part}"', fix, file=reference)])
        value = getattr(value, part)
    if callable(value) and not isinstance(value, Edge):
        value = call(value, reference)
    if not isinstance(value, Edge):
        message = f"is {type(value).__name__}, not an Edge"
        raise ConfigError([Problem((), message, "write edge = Edge(…)", file=reference)])
    return value


def call(make: Any, reference: str) -> Any:
    try:
        return make()
    except ConfigError:
        raise
    except Exception as error:
        raise failed(error, reference) from None


def failed(error: Exception, name: str) -> ConfigError:
    """An exception of somebody's module, with the innermost line that is theirs."""
    if isinstance(error, SyntaxError) and error.filename:
        where = f"{shown(error.filename)}:{error.lineno or 1}"
        return ConfigError([Problem((), f"{type(error).__name__}: {error.msg}", file=where)])
    file, line = innermost(error, name)
    if isinstance(error, ValidationError):
        return ConfigError(unplaced(error, file, line))
    message = f"{type(error).__name__}: {error}".strip().rstrip(":")
    return ConfigError([Problem((), message, file=f"{file}:{line}" if line else file)])


def innermost(error: Exception, name: str) -> tuple[str, int | None]:
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        foreign = frame.filename.startswith((HERE, "<")) or "site-packages" in frame.filename
        if not foreign and Path(frame.filename).is_file() and "importlib" not in frame.filename:
            return shown(frame.filename), frame.lineno
    return name, None


def files_of(before: set[str], folder: Path, name: str) -> tuple[Path, ...]:
    """The files of modules below the folder: changes to them change the result."""
    own = {name, Path(name).stem}
    files = set()
    if name.endswith(".py"):
        files.add((folder / name).absolute())
    for each, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        fresh = each not in before or each in own or any(part.startswith(f"{each}.") for part in own)
        if fresh and file and Path(file).is_relative_to(folder) and "site-packages" not in file:
            files.add(Path(file))
    return tuple(sorted(files))
