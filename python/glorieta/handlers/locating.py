"""From what a configuration says to what a handler process serves."""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config.errors import ConfigError, Problem
from ..config.objects import files_below, find_in_module, take_attribute
from ..config.reading import code_place
from .asgi.mounting import Mounted, mount
from .errors import RouterError
from .live.scope import Surroundings
from .router import Router
from .routing.compiling import RefusedRouter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import ModuleType

    from .routing.table import Table

PLACED = re.compile(r"(?P<file>.*?):(?P<line>\d+): (?P<what>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Named:
    """An application as a configuration names it."""

    reference: str
    """`shop.mobile:router`, or `mobile.py:router`."""
    folder: str
    """The folder in which it is looked for first: an absolute path."""
    asgi: bool = False
    """Whether it is an application by the ASGI standard, and no router."""
    calls: tuple[str, ...] = ()
    """Upstreams that it may call; a router says so itself."""
    forward_headers: tuple[str, ...] = ()
    root_path: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> Named:
        lists = {name: tuple(data[name]) for name in ("calls", "forward_headers")}
        return Named(**{**data, **lists})


@dataclass(frozen=True, slots=True)
class Located:
    """An application that was found."""

    named: Named
    application: Table | Mounted
    module: str
    """What Python calls the module in which it was found."""
    files: tuple[Path, ...]
    """The files below its folder that it depends on."""

    def function(self, name: str) -> str:
        """A handler's name as it is on every machine: Python may know a file by another name than its own."""
        if not self.named.reference.partition(":")[0].endswith(".py") or not name.startswith(f"{self.module}."):
            return name
        return Path(self.named.reference.partition(":")[0]).stem + name.removeprefix(self.module)

    def fingerprint(self) -> str:
        """Equal for two that have the same routes by the same numbers, and the same calls."""
        listing = [(each.method, each.path, each.is_websocket) for each in self.application.listing()]
        return digest(repr((listing, self.application.calls)).encode())


def locate(named: Named) -> Located:
    """Imports it and compiles it. `ConfigError`: everything that is wrong with it."""
    folder = Path(named.folder)
    take: Callable[[ModuleType, str, str], Table | Mounted] = partial(take_asgi, named) if named.asgi else take_router
    try:
        found = find_in_module(named.reference, folder, take)
    except ConfigError as error:
        # A decorator of the router's does not take what it was given.
        if isinstance(error.__context__, RouterError):
            raise refused(error.__context__, error.files) from None
        raise
    # What another application has imported before counts for this one as well.
    files = tuple(sorted({*found.files, *files_below(folder)}))
    return Located(named, found.value, found.module.__name__, files)


def take_router(module: ModuleType, attribute: str, reference: str) -> Table:
    router = take_attribute(module, attribute, reference, Router)
    if not isinstance(router, Router):
        fix = "write router = Router(…); another framework's application is mounted by asgi:"
        raise ConfigError([Problem((), f"is {type(router).__name__}, not a Router", fix, file=reference)])
    table = router.table()
    check_forwarded(table, reference)
    return table


def take_asgi(named: Named, module: ModuleType, attribute: str, reference: str) -> Mounted:
    application = take_attribute(module, attribute, reference, object)
    if isinstance(application, Router):
        raise ConfigError([Problem((), "is a Router of glorieta", "name it by handler:", file=reference)])
    if not callable(application):
        message = f"is {type(application).__name__}, which cannot be called"
        fix = "an ASGI application is called with scope, receive and send"
        raise ConfigError([Problem((), message, fix, file=reference)])
    mounted = mount(application, calls=named.calls, forward_headers=named.forward_headers, root_path=named.root_path)
    check_forwarded(mounted, reference)
    return mounted


def check_forwarded(application: Table | Mounted, reference: str) -> None:
    """That none of the headers that go to every upstream belongs to one connection."""
    try:
        Surroundings(tuple(application.calls), tuple(application.forward_headers))
    except ValueError as error:
        raise ConfigError([Problem((), str(error), file=reference)]) from None


def refused(error: RouterError, files: tuple[Path, ...]) -> ConfigError:
    """With each problem's line of Python as its place; what could be understood are the upstreams that are called."""
    problems = []
    for text in error.problems:
        placed = PLACED.fullmatch(text)
        where = code_place(placed["file"], int(placed["line"])) if placed else None
        what = (placed["what"] if placed else text).replace(f"{Path.cwd()}/", "")
        problems.append(Problem((), what, place=where))
    return ConfigError(problems, error.calls if isinstance(error, RefusedRouter) else (), files)


def generation_of(located: Sequence[Located], contents: Mapping[str, str], settings: object) -> str:
    """Names the code of handlers and how it is run: with another word, other processes are needed.

    Where the code lies does not count: a configuration is the same on every machine.
    """
    said = hashlib.sha256(repr(settings).encode())
    for each in located:
        named = replace(each.named, folder="")
        files = [(name_within(file, each.named.folder), contents[str(file)]) for file in each.files]
        said.update(repr((named, each.fingerprint(), files)).encode())
    return said.hexdigest()[:12]


def name_within(file: Path, folder: str) -> str:
    return str(file.relative_to(folder)) if file.is_relative_to(folder) else file.name


def stamped(files: Iterable[Path]) -> dict[str, str]:
    """Files with what stands for their content."""
    return {str(file): content_of(file) for file in sorted(set(files))}


def content_of(file: str | Path) -> str:
    """What has gone meanwhile has no content, and is seen to have changed."""
    try:
        return digest(Path(file).read_bytes())
    except OSError:
        return ""


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]
