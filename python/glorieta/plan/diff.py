"""What would change from one Plan to another: `+`, `−` and `~` by listener, group, route, upstream and setting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .describe import field_text, value_text
from .describe_filters import filter_text
from .describe_handlers import handler_text
from .describe_listeners import listener_text
from .describe_matches import match_text
from .describe_routes import target_text
from .describe_upstreams import upstream_text
from .list_changes import endpoints_change, items_change, variants_change
from .wording import ARROW, both_shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .model import Plan, Route

Kind = Literal["setting", "listener", "group", "route", "upstream", "handler"]
SHOWN = {"+": "+", "-": "−", "~": "~"}
SETTINGS = ("workers", "drain_ms", "server_name", "admin", "access_log", "acme")
FILTERS = "filters"
VARIANTS = "target.split.variants"


@dataclass(frozen=True)
class FieldChange:
    """One field of something that stays. `field` is its path in the Plan."""

    field: str
    old: Any
    new: Any

    def text(self) -> str:
        return f"{field_text(self.field)}: {self.change()}"

    def change(self) -> str:
        match self.old, self.new:
            case list(old), list(new) if self.field == "endpoints":
                return endpoints_change(old, new)
            case list(old), list(new) if self.field == VARIANTS:
                return variants_change(old, new)
            case list(old), list(new):
                return items_change(self.field, old, new)
            case str(old), str(new) if self.field != "path":
                return ARROW.join(both_shown(old, new))
            case (None, filter) if self.field.startswith(f"{FILTERS}."):
                return f"+ {filter_text({self.kind: filter})}"
            case (filter, None) if self.field.startswith(f"{FILTERS}."):
                return f"− {filter_text({self.kind: filter})}"
        return f"{value_text(self.field, self.old)}{ARROW}{value_text(self.field, self.new)}"

    @property
    def kind(self) -> str:
        return self.field.rpartition(".")[2]

    def as_json(self) -> dict[str, Any]:
        return {"field": self.field, "old": self.old, "new": self.new}


@dataclass(frozen=True)
class Change:
    """One thing that comes, goes or changes."""

    sign: Literal["+", "-", "~"]
    kind: Kind
    id: str
    fields: tuple[FieldChange, ...] = ()
    detail: str = ""
    """In one line what it is, where it comes or goes."""

    def lines(self) -> list[str]:
        head = f"{SHOWN[self.sign]} {self.kind} {self.id}"
        if self.sign != "~":
            return [f"{head}  {self.detail}".rstrip()]
        if len(self.fields) == 1:
            return [f"{head}  {self.fields[0].text()}"]
        return [head, *(f"    {each.text()}" for each in self.fields)]

    def as_json(self) -> dict[str, Any]:
        return {
            "sign": self.sign,
            "kind": self.kind,
            "id": self.id,
            "detail": self.detail,
            "fields": [each.as_json() for each in self.fields],
        }


def diff(old: Plan, new: Plan) -> list[Change]:
    """Every change, in a fixed order."""
    changes = []
    for name in SETTINGS:
        fields = tuple(changed_fields(old.get(name), new.get(name), name))
        if fields:
            changes.append(Change("~", "setting", field_text(name), fields))
    kinds: tuple[Kind, ...] = ("listener", "group", "route", "upstream", "handler")
    for kind in kinds:
        changes += changes_of(kind, things(old, kind), things(new, kind))
    return changes


def things(plan: Plan, kind: Kind) -> dict[str, dict[str, Any]]:
    """All things of a kind by id."""
    if kind == "route":
        return {
            route["id"]: {"words": [], "mirror": None, **route, "target": named(route), "listener": listener["id"]}
            for listener in plan["listeners"]
            for route in listener["routes"]
        }
    if kind == "listener":
        return {
            each["id"]: {"filters": [], **{key: value for key, value in each.items() if key != "routes"}}
            for each in plan["listeners"]
        }
    if kind == "handler":
        return {each["id"]: dict(each) for each in plan.get("handlers", ())}
    source: Sequence[Mapping[str, Any]] = plan["groups"] if kind == "group" else plan["upstreams"]
    return {each["id"]: dict(each) for each in source}


def named(route: Route) -> dict[str, Any]:
    """A route's target. A handler's function is what its name says, wherever it stands in the process's list: another
    route that comes or goes moves it, and changes nothing of it."""
    target: dict[str, Any] = {**route["target"]}
    if "handler" in target:
        target["handler"] = {key: value for key, value in target["handler"].items() if key != "route"}
    return target


def changes_of(kind: Kind, old: dict[str, dict[str, Any]], new: dict[str, dict[str, Any]]) -> Iterator[Change]:
    for id, before in old.items():
        if id not in new:
            yield Change("-", kind, id, detail=detail(kind, before))
    for id, after in new.items():
        if id not in old:
            yield Change("+", kind, id, detail=detail(kind, after))
            continue
        fields = tuple(changed_fields(old[id], after))
        if fields:
            yield Change("~", kind, id, fields)


def detail(kind: Kind, thing: Any) -> str:
    match kind:
        case "listener":
            return listener_text(thing)
        case "group":
            return f"at {thing['listener']}"
        case "route":
            return f"{match_text(thing)}{ARROW}{target_text(thing['target'])}"
        case "handler":
            return handler_text(thing)
        case _:
            return upstream_text(thing)


def changed_fields(old: Any, new: Any, path: str = "") -> Iterator[FieldChange]:
    """The innermost fields that differ; an enum that changes its kind is one field, and so is what a route matches."""
    if old == new:
        return
    if path == FILTERS:
        old, new = filters_by_kind(old, new), filters_by_kind(new, old)
    if path != "path" and isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        for key in old:
            yield from changed_fields(old[key], new[key], f"{path}.{key}" if path else key)
        return
    yield FieldChange(path, old, new)


def filters_by_kind(filters: list[dict[str, Any]], others: list[dict[str, Any]]) -> dict[str, Any]:
    """Filters by kind, with nothing in place of those that only the others have."""
    nothing = {kind: None for each in others for kind in each}
    return nothing | {kind: value for each in filters for kind, value in each.items()}


def diff_text(changes: Sequence[Change]) -> str:
    """The lines for a person; empty when nothing changes."""
    return "\n".join(line for change in changes for line in change.lines())
