"""Configurations written in Python: `shop.edge:edge` or `teams/shop.py:edge`.

The module runs with the working folder first on the path, as `python -m` does. Whatever goes wrong in it is
told like an error of a file: where, and why.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, NoReturn, TypeVar

from pydantic import ValidationError

from .checking import unplaced
from .edge import Edge, Origin
from .errors import CodePlace, ConfigError, Problem, did_you_mean
from .handler import REFERENCE
from .places import Places
from .reading import code_place, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")
Stamp = tuple[int, int]
"""Tells one state of a file from another."""
imported: dict[Path, tuple[Stamp, ModuleType]] = {}
"""Files that were imported, as they were then."""
ran: set[str] = set()
"""The references whose code has run in this process: what it has left behind, nobody can know."""
Outcome = tuple[Any, BaseException | None]
outcomes: ContextVar[dict[tuple[str, ...], Outcome] | None] = ContextVar("outcomes", default=None)
"""What code of the user's has made, or what stopped it; none: it runs whenever it is asked for."""
watcher: ContextVar[Callable[[str], object] | None] = ContextVar("watcher", default=None)
"""Is told which reference's code is at work, and nothing when that has ended."""
OURS = str(Path(__file__).parents[1]) + os.sep
STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep


def is_object(reference: str, folder: Path | None = None) -> bool:
    """Whether this names a Python object rather than a file."""
    found = REFERENCE.fullmatch(reference)
    if found is None or ((folder / reference) if folder else Path(reference)).exists():
        return False
    return found["module"].endswith(".py") or "/" not in found["module"]


class Found(NamedTuple, Generic[T]):
    """What a module has, and what that depends on."""

    value: T
    module: ModuleType
    files: tuple[Path, ...]


@contextmanager
def run_once() -> Iterator[None]:
    """Within, code of the user's runs once: a configuration that is looked at again is the same. What stops it once
    would stop it again, as slowly; and what a module does when it is imported is seen once."""
    token = outcomes.set({})
    try:
        yield
    finally:
        outcomes.reset(token)


def once(make: Callable[[], T], *key: str) -> T:
    """What this makes, or raises."""
    known = outcomes.get()
    if known is None:
        return make()
    if key not in known:
        try:
            known[key] = make(), None
        except BaseException as error:
            known[key] = None, error
    made, stopped = known[key]
    if stopped is not None:
        raise stopped
    return made  # type: ignore[no-any-return]


def find_object(reference: str, folder: Path | None = None) -> tuple[Edge, tuple[Path, ...]]:
    """The `Edge` that a module has, or makes; and the files that it depends on."""
    folder = (folder or Path.cwd()).absolute()
    edge, module, files = find_in_module(
        reference, folder, lambda *found: once(lambda: take_edge(*found), "edge", reference, str(folder))
    )
    home = Path(module.__file__).absolute().parent if module.__file__ else folder
    if edge.origin is None:
        edge.settled(Origin(home, Places(reference, folder=home)))
    return edge, files


def find_in_module(reference: str, folder: Path, take: Callable[[ModuleType, str, str], T]) -> Found[T]:
    """What `take` makes of a module, the attribute that is meant, and the reference. `ConfigError`."""
    found = REFERENCE.fullmatch(reference)
    if not found:
        raise ConfigError(
            [Problem((), f'"{reference}" is no object', "write module:attribute, such as shop.edge:edge")]
        )
    before = set(sys.modules)
    if str(folder) not in sys.path[:1]:
        sys.path.insert(0, str(folder))
    try:
        with code_of_a_user(reference):
            module = once(lambda: import_named(found["module"], folder), "module", found["module"], str(folder))
            value = take(module, found["attribute"], reference)
    except ConfigError as error:
        error.files = files_of(before, folder, found["module"])
        raise
    return Found(value, module, files_of(before, folder, found["module"]))


@contextmanager
def watched(tell: Callable[[str], object]) -> Iterator[None]:
    """Within, this is told whose code is at work: what kills a process can be named by another one only."""
    token = watcher.set(tell)
    try:
        yield
    finally:
        watcher.reset(token)


@contextmanager
def code_of_a_user(name: str) -> Iterator[None]:
    """Whatever stops the code within becomes a `ConfigError` with its place; but for Ctrl-C, which is no mistake.

    `os._exit` raises meanwhile: it would end a command without a word, and with the exit code for success.
    """
    leave, process, written = os._exit, os.getpid(), sys.dont_write_bytecode
    ran.add(name)
    tell = watcher.get() or str
    tell(name)

    def refuse(status: int) -> NoReturn:
        if os.getpid() != process:
            leave(status)
        raise SystemExit(status)

    os._exit = refuse
    # Python takes a file for the same when its second and its size are; whoever saves twice would get the first one.
    sys.dont_write_bytecode = True
    try:
        yield
    except (ConfigError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise failed(error, name) from None
    finally:
        os._exit, sys.dont_write_bytecode = leave, written
        tell("")


def import_named(name: str, folder: Path) -> ModuleType:
    if name.endswith(".py"):
        return import_file(folder / name, name)
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            fix = f"it was looked for in {folder} and among the installed packages"
            raise ConfigError([Problem((), f'there is no module "{error.name}"', fix, file=name)]) from None
        raise
    check_folder(module, name, folder)
    return module


def check_folder(module: ModuleType, name: str, folder: Path) -> None:
    """Python knows one module of a name, and takes it for that of every folder."""
    found, meant = module.__file__, folder.joinpath(*name.split("."))
    here = next((file for file in (meant / "__init__.py", meant.with_suffix(".py")) if file.is_file()), None)
    if found is None or here is None or here.samefile(found):
        return
    message = f"is {shown(str(here))} here, and Python knows {shown(found)} by this name already"
    raise ConfigError([Problem((), message, f"write {'/'.join(name.split('.'))}.py:…, or rename one", file=name)])


def import_file(path: Path, written: str) -> ModuleType:
    """A module by its file, under a name that hides no other module; once, as long as the file is the same."""
    try:
        state = path.stat()
    except OSError as error:
        raise ConfigError([Problem((), f"cannot be read: {error.strerror}", file=written)]) from None
    key, stamp = path.resolve(), (state.st_mtime_ns, state.st_size)
    known = imported.get(key)
    if known is not None and known[0] == stamp and sys.modules.get(known[1].__name__) is known[1]:
        return known[1]
    name = path.stem
    while name in sys.modules:
        name = f"_{name}"
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise ImportError(f"{path} is no module")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    imported[key] = stamp, module
    return module


def take_attribute(module: ModuleType, attribute: str, reference: str, kind: type) -> Any:
    """What is called so in a module; `kind` is what is likely meant by a wrong name."""
    value: Any = module
    for part in attribute.split("."):
        if not hasattr(value, part):
            likely = [name for name, each in vars(module).items() if isinstance(each, kind)]
            fix = did_you_mean(part, likely or [name for name in vars(module) if not name.startswith("_")])
            raise ConfigError([Problem((), f'{module.__name__} has no "{part}"', fix, file=reference)])
        value = getattr(value, part)
    return value


def take_edge(module: ModuleType, attribute: str, reference: str) -> Edge:
    value = take_attribute(module, attribute, reference, Edge)
    if callable(value) and not isinstance(value, Edge):
        value = value()
    if not isinstance(value, Edge):
        message = f"is {type(value).__name__}, not an Edge"
        raise ConfigError([Problem((), message, "write edge = Edge(…)", file=reference)])
    return value


def failed(error: BaseException, name: str) -> ConfigError:
    """What somebody's module was stopped by, with the innermost line that is theirs."""
    if isinstance(error, SyntaxError) and error.filename:
        where = code_place(error.filename, error.lineno or 1)
        return ConfigError([Problem((), f"{type(error).__name__}: {error.msg}", place=where)])
    place = innermost(error)
    if isinstance(error, ValidationError):
        return ConfigError(unplaced(error, name, place))
    message, fix = sentence(error)
    return ConfigError([Problem((), message, fix, place, file=name)])


def sentence(error: BaseException) -> tuple[str, str | None]:
    """What happened, and the fix where there is one for all."""
    if isinstance(error, SystemExit):
        how = f"with the words: {error.code}" if isinstance(error.code, str) else f"with exit code {error.code or 0}"
        return f"ends the program, {how}", "a module only makes what is named; raise an exception where it cannot"
    return f"{type(error).__name__}: {error}".strip().rstrip(":"), None


def innermost(error: BaseException) -> CodePlace | None:
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not is_foreign(frame.filename):
            return code_place(frame.filename, frame.lineno or 1)
    return None


def is_foreign(filename: str) -> bool:
    """Whether a frame of a traceback is in no file of the user's."""
    foreign = filename.startswith((OURS, STANDARD_LIBRARY, "<")) or "site-packages" in filename
    return foreign or not Path(filename).is_file()


def files_below(folder: Path) -> tuple[Path, ...]:
    """The files of all modules below a folder that are imported by now, but for ours and installed packages'."""
    files = {file for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))}
    own = (Path(os.path.abspath(file)) for file in files if "site-packages" not in file and not file.startswith(OURS))
    return tuple(sorted(file for file in own if file.is_relative_to(folder)))


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
