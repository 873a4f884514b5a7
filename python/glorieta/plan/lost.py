"""What a change of Plans costs: connections that end, and State that begins anew.

It follows what the engine takes over: listening sockets and what came in there by address, counts of listeners and
everything of an upstream by its name, endpoints by how they are written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..config.address import short_bind
from .describe import value_text
from .describe_listeners import protocol_text
from .describe_upstreams import balance_text
from .wording import ARROW

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .model import Listener, Plan, Upstream

Kind = Literal["listener", "upstream", "handlers", "metrics"]
MOST_NAMES = 3
"""So many are named."""


@dataclass(frozen=True)
class Loss:
    """One thing that ends or begins anew."""

    kind: Kind
    id: str
    text: str
    connections: int | None = None
    """How many are open there now; not known where nothing runs, or where it is no matter of connections."""

    def line(self) -> str:
        return f"{self.kind} {self.id}  {self.text}" if self.id else f"{self.kind}  {self.text}"

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "id": self.id, "text": self.text, "connections": self.connections}


class Load:
    """What the running engine has in hand at the moment, as its JSON view says; or nothing known."""

    def __init__(self, view: Mapping[str, Any] | None) -> None:
        self.is_known = view is not None
        view = view or {}
        self.listeners: dict[str, int] = {each["id"]: each["connections"] or 0 for each in view.get("listeners", ())}
        self.endpoints: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for upstream in view.get("upstreams", ()):
            names = self.endpoints.setdefault(upstream["id"], {})
            for endpoint in upstream["endpoints"]:
                names.setdefault(endpoint["name"], []).append(endpoint)

    def clients(self, listener: str) -> int | None:
        """Open connections of clients."""
        return self.listeners.get(listener, 0) if self.is_known else None

    def connections(self, upstream: str, names: Sequence[str]) -> int | None:
        """Open connections to these endpoints."""
        if not self.is_known:
            return None
        known = self.endpoints.get(upstream, {})
        return sum(int(each["connections"]) for name in names for each in known.get(name, ()))


def lost(old: Plan, new: Plan, view: Mapping[str, Any] | None = None) -> list[Loss]:
    """Everything that would be lost; `view` is the JSON view of the engine that runs the old Plan."""
    load = Load(view)
    return [
        *lost_with_listeners(old, new, load),
        *lost_with_upstreams(old, new, load),
        *lost_with_handlers(old, new),
        *lost_counts(old, new),
    ]


def lost_text(losses: Sequence[Loss]) -> str:
    """The lines for a person."""
    if not losses:
        return "nothing is lost"
    return "\n".join(["lost", *(f"  {each.line()}" for each in losses)])


def lost_with_listeners(old: Plan, new: Plan, load: Load) -> Iterator[Loss]:
    successors = {bind: listener for listener in new["listeners"] for bind in listener["bind"]}
    drain = value_text("drain_ms", new["drain_ms"])
    for listener in old["listeners"]:
        clients = load.clients(listener["id"])
        gone = [bind for bind in listener["bind"] if bind not in successors]
        if gone:
            where = ", ".join(map(short_bind, gone))
            text = f"accepts no more at {where}: idle connections are closed, what is under way has {drain}"
            elsewhere = " at all its addresses" if len(gone) < len(listener["bind"]) else ""
            yield Loss("listener", listener["id"], f"{text}{open_text(clients, elsewhere)}", clients)
        heirs = {heir["id"]: heir for bind in listener["bind"] if (heir := successors.get(bind))}
        for heir in heirs.values():
            yield from lost_to(listener, heir, clients)


def lost_to(listener: Listener, heir: Listener, clients: int | None) -> Iterator[Loss]:
    """What an address loses that stays, but means something else."""
    if heir["id"] != listener["id"]:
        text = f"is {heir['id']} now: its connections stay, its counts begin anew"
        yield Loss("listener", listener["id"], text)
    if listener["protocol"] == "http" and heir["protocol"] != "http":
        text = f"speaks {heir['protocol']} now: the next request of a kept-alive connection is answered with 503"
        yield Loss("listener", listener["id"], f"{text}{open_text(clients)}", clients)
    if listener["tls"] != heir["tls"]:
        yield Loss("listener", listener["id"], f"{tls_change(listener, heir)}{open_text(clients)}", clients)


def tls_change(listener: Listener, heir: Listener) -> str:
    """What connections that are open meet, and what new ones do."""
    if listener["tls"] is None:
        return f"speaks {protocol_text(heir)} now: open connections stay in clear until they end, new ones are by TLS"
    if heir["tls"] is None:
        return f"speaks {protocol_text(heir)} now: open connections stay by TLS until they end, new ones are in clear"
    return "has other TLS: open connections stay as they are, new ones meet it"


def open_text(count: int | None, where: str = "") -> str:
    if count is None:
        return ""
    connections = "1 connection is" if count == 1 else f"{count or 'no'} connections are"
    return f"; {connections} open{where} now"


def lost_with_upstreams(old: Plan, new: Plan, load: Load) -> Iterator[Loss]:
    stay = {upstream["id"]: upstream for upstream in new["upstreams"]}
    known = {upstream["id"] for upstream in old["upstreams"]}
    fresh = {names_of(upstream): id for id, upstream in stay.items() if id not in known}
    for upstream in old["upstreams"]:
        heir = stay.get(upstream["id"])
        if heir is not None:
            yield from lost_by(upstream, heir, load)
            continue
        count = load.connections(upstream["id"], endpoint_names(upstream))
        text = f"its pooled connections, health, ejections and latencies go{open_text(count)}"
        renamed = fresh.get(names_of(upstream))
        if renamed is not None:
            text += f"; renamed to {renamed}? State goes by name"
        yield Loss("upstream", upstream["id"], text, count)


def lost_by(old: Upstream, new: Upstream, load: Load) -> Iterator[Loss]:
    """What an upstream loses that stays."""
    stay = set(endpoint_names(new))
    gone = [name for name in endpoint_names(old) if name not in stay]
    if gone:
        count = load.connections(old["id"], gone)
        what = "its" if len(gone) == 1 else "their"
        text = f"− {named(gone)}: requests under way finish; {what} pooled connections, health and latency go"
        yield Loss("upstream", old["id"], f"{text}{open_text(count)}", count)
    if old["tls"] != new["tls"]:
        how = "in clear" if new["tls"] is None else "by TLS" if old["tls"] is None else "by other TLS"
        yield Loss(
            "upstream", old["id"], f"is spoken to {how} now: its pooled connections, health, ejections and latencies go"
        )
    if old["version"] != new["version"]:
        what = "its pooled connections, health, ejections and latencies go"
        yield Loss("upstream", old["id"], f"is spoken to by another version of HTTP now: {what}")
    if spread := spread_text(old, new):
        yield Loss("upstream", old["id"], spread)
    if old["retry_budget"] != new["retry_budget"]:
        yield Loss("upstream", old["id"], "its retry budget begins anew")


def spread_text(old: Upstream, new: Upstream) -> str:
    """Which clients meet another endpoint than before, where a hash has bound them to one."""
    if isinstance(old["balance"], str):
        return ""
    if old["balance"] != new["balance"]:
        return f"clients leave the endpoints that the {balance_text(old)} has bound them to"
    before, after = weights_of(old), weights_of(new)
    if after.keys() - before.keys() or any(before.get(name, 0) < weight for name, weight in after.items()):
        return f"some clients move to other endpoints ({balance_text(old)})"
    if before != after:
        return f"clients of the endpoints that go or weigh less move to others ({balance_text(old)})"
    return ""


def weights_of(upstream: Upstream) -> dict[str, int]:
    return {endpoint["address"]: endpoint["weight"] for endpoint in upstream["endpoints"]}


def endpoint_names(upstream: Upstream) -> list[str]:
    return [endpoint["address"] for endpoint in upstream["endpoints"]]


def names_of(upstream: Upstream) -> frozenset[str]:
    return frozenset(endpoint_names(upstream))


def lost_with_handlers(old: Plan, new: Plan) -> Iterator[Loss]:
    """New code, and another number of processes, means other processes."""
    before, after = ({each["generation"] for each in plan.get("handlers", ())} for plan in (old, new))
    if before and before != after:
        yield Loss("handlers", "", "other processes take over: what they keep in memory goes, what is under way has 1m")


def lost_counts(old: Plan, new: Plan) -> Iterator[Loss]:
    """Routes whose counts end: they go by the names of listener and route."""
    after = set(counted_routes(new))
    gone = [f"{route} at {listener}" for listener, route in counted_routes(old) if (listener, route) not in after]
    if gone:
        yield Loss("metrics", "", f"the counts of {named(gone)} end")


def counted_routes(plan: Plan) -> dict[tuple[str, str], None]:
    """Listener and name of each route; several routes may share a name."""
    return {(listener["id"], route["name"]): None for listener in plan["listeners"] for route in listener["routes"]}


def named(names: Sequence[str]) -> str:
    if len(names) <= MOST_NAMES:
        return ", ".join(names)
    return f"{', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES} more"


def at_next_start(old: Plan, new: Plan) -> list[str]:
    """What is in the Plan and changes nothing before a restart."""
    before, after = old["workers"], new["workers"]
    if before == after:
        return []
    return [f"workers: {value_text('workers', before)}{ARROW}{value_text('workers', after)} at the next start"]
