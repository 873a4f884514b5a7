"""The models as a book would list them: every noun once, with what its fields are when nobody writes them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

from .base import Noun
from .edge import Edge
from .elsewhere import bare

if TYPE_CHECKING:
    from collections.abc import Iterator


def nouns(start: type[Noun] = Edge) -> list[type[Noun]]:
    """All nouns that can be written, outermost first."""
    found = [start]
    for noun in found:
        for field in noun.model_fields.values():
            found += [each for each in nouns_in(field.annotation) if each not in found]
    return found


def nouns_in(kind: Any) -> Iterator[type[Noun]]:
    kind = bare(kind)
    if isinstance(kind, type) and issubclass(kind, Noun):
        yield kind
        return
    for argument in get_args(kind):
        yield from nouns_in(argument)


def defaults_of(noun: type[Noun]) -> dict[str, Any]:
    """The defaults of a noun's fields, as a person would write them; those that say nothing left out."""
    written = noun.model_construct().model_dump(mode="json")
    return {
        name: value for name, value in written.items() if value not in (None, "", [], {}) and not is_noun(noun, name)
    }


def is_noun(noun: type[Noun], name: str) -> bool:
    return any(True for _ in nouns_in(noun.model_fields[name].annotation))


def sentence(text: str | None) -> str:
    """A docstring in one line."""
    return " ".join((text or "").split())


def text_of(noun: type[Noun], field: str) -> str:
    """What is said of a field, in one line: the text below it, where the field itself says nothing."""
    said = noun.model_fields[field].description
    kinds = (kind for kind in noun.__mro__ if issubclass(kind, Noun))
    return sentence(said or next((texts[field] for kind in kinds if field in (texts := texts_below(kind))), None))


@cache
def texts_below(kind: type[Noun]) -> dict[str, str]:
    """The texts below a class's own fields. pydantic reads them, too, but for every class at every import, which
    costs each command more than compiling a thousand routes."""
    try:
        source = inspect.getsource(kind)
    except OSError:
        # Made by a call, with its texts in its fields.
        return {}
    body = ast.parse(textwrap.dedent(source)).body[0]
    assert isinstance(body, ast.ClassDef)
    return {
        field.target.id: text.value.value
        for field, text in zip(body.body, body.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def own_first(noun: type[Noun]) -> list[str]:
    """A noun's fields: its own, then those that it shares with its defaults."""
    own = [name for name in noun.__annotations__ if name in noun.model_fields]
    return own + [name for name in noun.model_fields if name not in own]
