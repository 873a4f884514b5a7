"""One answer of several calls, run wholly by the engine: `gather:`.

```yaml
routes:
  GET /home/{id}:
    gather:
      deadline: 300ms              # for all parts together; never later than the route's
      conflict: error              # a member that two parts give: error | first | last | deep | list
      forward: [authorization]     # headers of the client's that go to every part
      report: _missing             # a member that names the parts that are missing
      max_size: 8MiB               # of all answers together
      head: user                   # the part whose status and headers the answer has
      parts:
        user: {to: users, path: "/users/${path.id}"}
        orders:
          to: orders
          path: /orders
          query: {user: "${path.id}"}
          timeout: 150ms
          optional: {default: []}
          nest: orders
        recommended:
          to: recommendations
          path: "/for/${parts.user.segment}"      # so it comes after user
          select: [items.title, items.score, meta]
          drop: [items.score]
          rename: {items: recommendations}
          flatten: meta
          optional: true
        seen: {to: audit, method: POST, path: /seen, body: {user: "${path.id}"}, shadow: true}
```

Parts begin at once, but for those that need others: `after:` names them, or a word such as `${parts.user.id}` does,
which is a value of what that part's upstream answered. Such a value is put in escaped, as a path segment, a query's
value, a header or a JSON text, and never read again. In `body` a text that is one such word and nothing else is the
value itself, so a number stays a number. What is not there is never sent as a hole: the part is not sent.

An answer goes through `pick`, `select`, `drop`, `rename`, `flatten` and `nest`, in this order, and is merged in the
order in which parts are declared. Paths are names with dots between, as the upstream wrote them, and lead through
arrays to each element. What is only passed on is copied, so that numbers keep their text.

A required part (each that says nothing else) that fails is the whole answer's failure: its 4xx passes, its 5xx and what
is not the JSON that is needed become 502, a timeout 504. An optional part that fails leaves an answer with 200 and the
header `glorieta-partial`, a list of structured fields (RFC 9651): `orders;r=timeout, ads;s=404;r=status`.
`Cache-Control` is the strictest of the parts; a partial answer has none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ModelWrapValidatorHandler, WithJsonSchema, model_validator

from .base import (
    OFF,
    ON,
    TEXT,
    NamesOnly,
    Noun,
    Shorthand,
    Switch,
    as_list,
    checked_text,
    is_off,
    one_of,
)
from .errors import Wrong
from .numbers import Number
from .parts import (
    CLIENTS_BODY,
    check_header_text,
    check_member,
    check_member_path,
    check_part_header,
    check_part_method,
    check_part_name,
    check_part_path,
    check_part_text,
)
from .text import scalar_as_text
from .units import Bytes, Size, Timeout
from .values import Expanded, Kept, as_template

CONFLICTS = ("error", "first", "last", "deep", "list")
MOST_PARTS = 32
DEEPEST = 64


def read_value(value: Any) -> Any:
    """Any JSON value."""
    return json_value(value, 0)


def json_value(value: Any, depth: int) -> Any:
    if depth > DEEPEST:
        raise Wrong(f"is nested deeper than {DEEPEST}", "answer so by a handler")
    match value:
        case Number():
            return json_number(value)
        case str():
            return str(value)
        case None | bool() | int():
            return value
        case float() if math.isfinite(value):
            return value
        case Mapping() if all(isinstance(key, str) for key in value):
            return {key: json_value(each, depth + 1) for key, each in value.items()}
        case list() | tuple():
            return [json_value(each, depth + 1) for each in value]
    raise Wrong("is no value that JSON can say", "write a text, a number, true, false, a list or a mapping")


def json_number(text: str) -> int | float:
    if text.lstrip("-").isdigit():
        return int(text)
    number = float(text)
    if not math.isfinite(number):
        raise Wrong(f'"{text}" is too large for a number', "quote it")
    return number


def read_body(value: Any) -> Any:
    """A JSON value whose texts are templates."""
    return json_value(with_templates(value), 0)


def with_templates(value: Any) -> Any:
    """The same, each text in the form that keeps references, and checked."""
    match value:
        case Number():
            return value
        case str():
            text = as_template(value)
            return text if text == CLIENTS_BODY else check_part_text(str(text))
        case Mapping():
            return {key: with_templates(each) for key, each in value.items()}
        case list() | tuple():
            return [with_templates(each) for each in value]
    return value


def read_default(value: Any) -> Any:
    """A JSON value that stands as it is written."""
    made = json_value(value, 0)
    if any("${" in text for text in texts_in(value) if not isinstance(text, Expanded)):
        raise Wrong("a default has no words of the request", "leave them out, or answer so by a handler")
    return made


def texts_in(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case Mapping():
            return [text for each in value.values() for text in texts_in(each)]
        case list() | tuple():
            return [text for each in value for text in texts_in(each)]
    return []


def expand_optional(value: Any) -> Any:
    """`on`: nothing stands in."""
    if value is True or value == "on":
        return {}
    return None if is_off(value) else value


ANY_VALUE = WithJsonSchema({"$comment": "any value"})
PartName = Annotated[str, checked_text(check_part_name)]
Member = Annotated[str, checked_text(check_member)]
MemberPath = Annotated[str, checked_text(check_member_path)]
MemberPaths = Annotated[list[MemberPath], Shorthand(as_list, (TEXT,))]
PartText = Annotated[str, checked_text(check_part_text), Kept, Shorthand(scalar_as_text)]
PartPath = Annotated[str, checked_text(check_part_path), Kept]
HeaderText = Annotated[str, checked_text(check_header_text), Kept, Shorthand(scalar_as_text)]
PartHeader = Annotated[str, checked_text(check_part_header)]
PartHeaders = Annotated[list[PartHeader], Shorthand(as_list, (TEXT,))]
Body = Annotated[Any, BeforeValidator(read_body), ANY_VALUE]
Default = Annotated[Any, BeforeValidator(read_default), ANY_VALUE]


class Fallback(Noun):
    """What stands in for an optional part that fails."""

    default: Default = None
    """The value that goes into the answer instead: a mapping, or with `nest` any value. Left out: none does."""

    @model_validator(mode="wrap")
    @classmethod
    def without_empty(cls, value: Any, validate: ModelWrapValidatorHandler[Fallback]) -> Fallback:
        """Here nothing is a value, too."""
        return validate(value)


class Shape(Noun):
    """What of an answer is passed on."""

    pick: MemberPath | None = None
    """Only what stands at this path, such as `data.user`; a place in an array is its number, from 0."""
    select: MemberPaths = Field(default_factory=list)
    """Only these members, one path or several, such as `items.title`. Left out: all."""
    drop: MemberPaths = Field(default_factory=list)
    """Without these members, one path or several."""
    rename: dict[MemberPath, Member] = Field(default_factory=dict)
    """New names of members, by their paths. A member that has the new name already gives way."""
    flatten: MemberPaths = Field(default_factory=list)
    """Objects whose members take their place, one path or several. A member that is there already wins."""


class Part(Shape):
    """One of the calls whose answers become one."""

    to: str | None = None
    """The upstream that is asked. Required."""
    method: Annotated[str, checked_text(check_part_method)] = "GET"
    """The request's method; not CONNECT."""
    path: PartPath | None = None
    """The path, a template such as `/users/${path.id}`; `${search}` at its end is the client's query. Required."""
    query: dict[str, PartText] = Field(default_factory=dict)
    """Parameters of the query; templates. One that comes out empty is left out."""
    headers: dict[PartHeader, HeaderText] = Field(default_factory=dict)
    """Headers; templates. One that comes out empty is left out. `Accept` is `application/json`, where nothing else is
    said. As in every header, `${query.x}` and `${path.x}` stay percent-encoded; in `query` and `body` they are
    decoded."""
    forward: PartHeaders = Field(default_factory=list)
    """Headers of the client's that are sent along, one or several, beside those of the gathering. Who asks
    (`X-Forwarded-…`, `Forwarded`, `Via`), the request's id and its trace are always sent."""
    body: Body = None
    """A JSON body whose texts are templates, or `${body}`: the client's as it came. Left out: none."""
    timeout: Timeout | None = None
    """How long the call may take, further tries included, a duration. Left out: as long as all parts; a shadow 10s."""
    after: Annotated[list[PartName], Shorthand(as_list, (TEXT,))] = Field(default_factory=list)
    """Parts that must have ended well before this one begins, beside those whose words it has."""
    optional: Annotated[Fallback | None, Shorthand(expand_optional, (ON, OFF))] = None
    """Whether there is an answer without this part, and what stands in for it; `on`: nothing does."""
    shadow: Switch = False
    """Whether nobody waits for this part, and its answer is thrown away."""
    reads: Annotated[str, one_of("json", "text")] = "json"
    """What the answer is: `json`, or `text` (UTF-8), which becomes one JSON text."""
    nest: Member | None = None
    """The member that holds the answer. Left out: its members become the answer's own."""


class Gather(Shape):
    """One answer of several calls. `pick`, `select`, `drop`, `rename` and `flatten` are done to the merged answer."""

    parts: Annotated[dict[PartName, Part], NamesOnly] = Field(default_factory=dict)
    """The calls, by name, at most 32. Their order is that of the merge. They begin at once, but for those that need
    others."""
    deadline: Timeout | None = None
    """How long all parts together may take, a duration; never longer than the route's. Left out: the route's, less a
    little for the answer where parts are optional."""
    conflict: Annotated[str, one_of(*CONFLICTS)] = "error"
    """What becomes of a member that two parts give: `error` (502), the `first` or the `last` in the order of parts,
    `deep` (objects are merged member by member, else the last) or `list` (all of them, in an array)."""
    forward: PartHeaders = Field(default_factory=list)
    """Headers of the client's that are sent to every part, one or several, such as `authorization`."""
    report: Member | None = None
    """The member of a partial answer that says which parts are missing and why. Where a part's answer has a member of
    this name, the report takes its place. Left out: only the header `glorieta-partial` says so."""
    head: PartName | None = None
    """The required part whose status and headers the answer has, `Set-Cookie` included, but for what speaks of its body
    (such as `ETag`, `Content-…`, digests and signatures) or its age. Left out: 200, and none."""
    max_size: Size = Bytes(8 * 1024**2)
    """Of all answers together, a size; of the client's body, too, where a part sends it."""
