"""What comes with a request as names and values: headers, the query, cookies."""

from __future__ import annotations

import re
from collections.abc import ItemsView, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from .transport import Fields

Item = TypeVar("Item")
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
REFUSED = re.compile(r"[\x00\r\n]")


class WrongEncoding(ValueError):
    """Text with escapes that are not UTF-8."""


def unescape(text: str) -> str:
    """Text without percent-escapes. `WrongEncoding`: they are not UTF-8."""
    if "%" not in text:
        return text
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise WrongEncoding(text) from None


class Multi(Mapping[str, Item], Generic[Item]):
    """Values by name, several of one name allowed."""

    __slots__ = ("lists",)

    single = -1
    """Which of several values stands for the name: the last one."""

    def __init__(self, lists: dict[str, list[Item]]) -> None:
        self.lists = lists

    def __getitem__(self, name: str) -> Item:
        return self.lists[name][self.single]

    def __iter__(self) -> Iterator[str]:
        return iter(self.lists)

    def __len__(self) -> int:
        return len(self.lists)

    def __contains__(self, name: object) -> bool:
        return name in self.lists

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.multi_items()!r})"

    def getlist(self, name: str) -> list[Item]:
        """All values of a name, in order; empty where there are none."""
        return list(self.lists.get(name, ()))

    def multi_items(self) -> list[tuple[str, Item]]:
        return [(name, value) for name, values in self.lists.items() for value in values]


class QueryParams(Multi[str]):
    """The query's parameters; of several with one name the last stands for it."""

    __slots__ = ()


class Headers(Multi[str]):
    """Header fields; names in any case. Of several with one name the first stands for it."""

    __slots__ = ()

    single = 0

    def __getitem__(self, name: str) -> str:
        return self.lists[name.lower()][0]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self.lists

    def getlist(self, name: str) -> list[str]:
        return list(self.lists.get(name.lower(), ()))


def grouped(fields: Fields) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for name, value in fields:
        if name in lists:
            lists[name].append(value)
        else:
            lists[name] = [value]
    return lists


def parse_query(text: str) -> dict[str, list[str]]:
    """The parameters of a query or of a form. `WrongEncoding`: an escape is not UTF-8."""
    lists: dict[str, list[str]] = {}
    if not text:
        return lists
    plain = "%" not in text and "+" not in text
    for part in text.split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        if not plain:
            name, value = unescape(name.replace("+", " ")), unescape(value.replace("+", " "))
        if name in lists:
            lists[name].append(value)
        else:
            lists[name] = [value]
    return lists


def parse_cookies(lines: list[str]) -> dict[str, str]:
    """Cookies by name (RFC 6265 §4.2), quotes around values removed; what is no pair is left out."""
    found: dict[str, str] = {}
    for line in lines:
        for pair in line.split(";"):
            name, equals, value = pair.partition("=")
            if equals:
                value = value.strip()
                quoted = len(value) > 1 and value[0] == value[-1] == '"'
                found[name.strip()] = value[1:-1] if quoted else value
    return found


def checked_field(name: str, value: str) -> tuple[str, str]:
    """A field that may be sent. Whoever puts a client's text into a header must not thereby write a second one."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no header name (RFC 9110 §5.1)")
    if REFUSED.search(value):
        raise ValueError(f"the value of the header {name} has a line break or a NUL")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError(f"the value of the header {name} is not Latin-1; escape it, as in RFC 8187") from None
    return name.lower(), value.strip(" \t")


class MutableHeaders(MutableMapping[str, str]):
    """Header fields of an answer, in order. Setting a name replaces all its fields; `append` adds one."""

    __slots__ = ("raw",)

    def __init__(self, raw: Fields) -> None:
        self.raw = raw

    def __getitem__(self, name: str) -> str:
        lower = name.lower()
        for known, value in self.raw:
            if known == lower:
                return value
        raise KeyError(name)

    def __setitem__(self, name: str, value: str) -> None:
        field = checked_field(name, value)
        self.raw[:] = [known for known in self.raw if known[0] != field[0]]
        self.raw.append(field)

    def __delitem__(self, name: str) -> None:
        lower, before = name.lower(), len(self.raw)
        self.raw[:] = [known for known in self.raw if known[0] != lower]
        if len(self.raw) == before:
            raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self.raw))

    def __len__(self) -> int:
        return len(dict(self.raw))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(known == name.lower() for known, _ in self.raw)

    def append(self, name: str, value: str) -> None:
        """One more field, beside those of the same name."""
        self.raw.append(checked_field(name, value))

    def getlist(self, name: str) -> list[str]:
        lower = name.lower()
        return [value for known, value in self.raw if known == lower]

    def items(self) -> ItemsView[str, str]:
        return dict(self.raw).items()


class State:
    """Things by attribute that middleware and lifespan hand on to handlers."""

    def __init__(self, values: dict[str, Any] | None = None) -> None:
        self.__dict__.update(values or {})

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the state has no {name!r}; lifespan or a middleware must set it")

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value

    def __getitem__(self, name: str) -> Any:
        return self.__dict__[name]

    def __contains__(self, name: object) -> bool:
        return name in self.__dict__
