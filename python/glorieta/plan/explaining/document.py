"""An explanation as a document for programs, and its JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# typing's own is read by pydantic from Python 3.12 on.
from typing_extensions import TypedDict

from ...config.errors import path_text
from ...config.units import milliseconds
from ..describe_listeners import layer_of
from ..describe_matches import match_noun_text, match_text
from ..describe_routes import target_text
from ..describe_upstreams import endpoints_text, upstream_text
from ..match import written_host
from ..model import mirror_of, whole_of
from ..precedence import in_order
from .evidence import evidence
from .inherited import filters_with_origin
from .rows import why
from .shares import how, shares
from .shown import ExplainedCertificate, ExplainedTls, tls_document

if TYPE_CHECKING:
    from ...config.errors import Place
    from ..model import Group, Handler, Listener, Route, Upstream
    from .view import View


DIALECT = "https://json-schema.org/draft/2020-12/schema"


class ExplainedPlace(TypedDict):
    """A spot in a file; lines and columns count from 1."""

    file: str
    line: int
    column: int


class ExplainedFilter(TypedDict):
    """A filter of a route; they stand in the order in which they run."""

    filter: str
    text: str
    origin: str
    """The listener or group that says it; empty: the route itself."""


class ExplainedRoute(TypedDict):
    """A route; they stand in the order in which they win."""

    id: str
    name: str
    matches: str
    why: str
    """What puts it where it stands: exact, parameters, prefix, regex or catch-all; and by what it comes before others
    with the same path."""
    target: dict[str, Any]
    """As in the Plan: proxy, split, handler, gather, redirect, respond or files."""
    leads_to: str
    filters: list[ExplainedFilter]
    deadline_ms: int | None
    mirror: dict[str, Any] | None
    """Who gets copies, as in the Plan; none: nobody."""
    place: ExplainedPlace | None


class ExplainedGroup(TypedDict):
    """A group of routes, with its roles."""

    id: str
    match: str | None
    roles: list[str]
    declared: bool
    """Whether somebody wrote the role; otherwise it was inferred."""
    evidence: dict[str, str]
    """Role → why."""
    owner: str | None
    client: str | None
    team: str | None
    routes: list[ExplainedRoute]
    place: ExplainedPlace | None


class ExplainedName(TypedDict):
    """A name that clients ask for, and where it leads."""

    name: str
    upstream: str


class ExplainedAltSvc(TypedDict):
    """What answers over TCP say of HTTP/3."""

    port: int | None
    """None: that at which the request came in."""
    max_age_s: int


class ExplainedListener(TypedDict):
    """A listener; its roles are the union of its groups'."""

    id: str
    bind: list[str]
    protocol: str
    layer: int
    roles: list[str]
    versions: list[str]
    """The versions of HTTP that are spoken, `h1`, `h2` and `h3`; none at layer 4."""
    alt_svc: ExplainedAltSvc | None
    """What answers over TCP say of HTTP/3; none: nothing."""
    tls: ExplainedTls | None
    """What clients meet; none: it speaks in clear, or passes TLS on."""
    proxy_protocol: dict[str, Any] | None
    """Whose PROXY headers are believed, as in the Plan."""
    to: str | None
    """The upstream, at layer 4; with `protocol: tls`, of names that stand not in `names`."""
    names: list[ExplainedName]
    """With `protocol: tls`: what becomes of each name."""
    asked_by: str | None
    """The listener whose `https_only` has asked for it; none: somebody wrote it."""
    groups: list[ExplainedGroup]


class ExplainedEndpoint(TypedDict):
    """An endpoint, and why it gets its share."""

    address: str
    weight: int
    share: str


class ExplainedUpstream(TypedDict):
    """An upstream."""

    id: str
    text: str
    balance: str | dict[str, str]
    chosen: str
    """How an endpoint is chosen, in words."""
    health: dict[str, Any] | None
    """The active check, as in the Plan."""
    tls: dict[str, Any] | None
    """As in the Plan; none: in clear. `verify: false`: nobody looks who the endpoints are."""
    proxy_protocol: str | None
    """The version of the PROXY header by which endpoints are told of clients: `v1`, `v2` or none."""
    version: str
    """Of HTTP: `h1`, `h2` or `auto`."""
    endpoints: list[ExplainedEndpoint]
    place: ExplainedPlace | None


class ExplainedHandler(TypedDict):
    """Python that answers requests."""

    id: str
    calls: list[str]
    """The upstreams that it may call."""
    requests: int
    """That one process may have, at work and waiting."""
    wait_ms: int
    """How long a request may wait until a process takes it."""
    background_ms: int
    """How long work that follows an answer may call upstreams."""
    tunnel_ms: int
    """How long nothing may move in a WebSocket."""
    processes: int | None
    """How many run it. None, as for the next two: only the Plan is known."""
    threads: int | None
    """Of each process, for functions that are not asynchronous."""
    leave_ms: int | None
    """How long a process whose code was replaced may end what it has."""


class ExplainedConfusion(TypedDict):
    """A confusion that was found; `accepted` is why somebody means it."""

    code: str
    severity: str
    path: str
    sentence: str
    fix: str | None
    accepted: str | None
    place: ExplainedPlace | None
    also: ExplainedOther | None
    """The other of two that are confused together."""


class ExplainedOther(TypedDict):
    """What else a confusion is about."""

    path: str
    place: ExplainedPlace | None


class ExplainedNote(TypedDict):
    """What became of one line of another program's configuration."""

    kind: str
    """translated, needless, nearly or missing."""
    file: str
    line: int
    column: int
    directive: str
    text: str
    nearest: str | None


ForeignPart = TypedDict("ForeignPart", {"from": str, "notes": list[ExplainedNote]}, total=False)


class Explained(ForeignPart):
    """What `glorieta explain --json` prints. `from` and `notes` are there where the configuration is another program's:
    whose, and what became of each of its lines."""

    version: str
    listeners: list[ExplainedListener]
    upstreams: list[ExplainedUpstream]
    handlers: list[ExplainedHandler]
    acme: dict[str, Any] | None
    """Where certificates are ordered, as in the Plan; none: nowhere."""
    confusions: list[ExplainedConfusion]


PARTS = (
    ExplainedPlace,
    ExplainedFilter,
    ExplainedRoute,
    ExplainedGroup,
    ExplainedCertificate,
    ExplainedTls,
    ExplainedName,
    ExplainedListener,
    ExplainedEndpoint,
    ExplainedUpstream,
    ExplainedHandler,
    ExplainedConfusion,
    ExplainedOther,
    ExplainedNote,
)


def explain_schema() -> dict[str, Any]:
    """The JSON Schema of `glorieta explain --json`."""
    from pydantic import ConfigDict, TypeAdapter

    for kind in (Explained, *PARTS):
        setattr(kind, "__pydantic_config__", ConfigDict(use_attribute_docstrings=True, extra="forbid"))  # noqa: B010
    made = TypeAdapter(Explained).json_schema()
    return {"$schema": DIALECT, **made, "title": "glorieta explain --json"}


def document(view: View) -> Explained:
    return {
        "version": view.plan["version"],
        "listeners": [listener_document(view, listener) for listener in view.plan["listeners"]],
        "upstreams": [upstream_document(view, upstream) for upstream in view.plan["upstreams"]],
        "handlers": [handler_document(view, handler) for handler in view.plan.get("handlers", ())],
        "acme": None if (acme := view.plan.get("acme")) is None else dict(acme),
        "confusions": [
            {
                "code": found.code,
                "severity": found.severity,
                "path": found.path_text,
                "sentence": found.sentence,
                "fix": found.fix,
                "accepted": found.accepted,
                "place": place_document(found.place),
                "also": None
                if found.also is None
                else {"path": path_text(found.also), "place": place_document(found.also_place)},
            }
            for found in view.confusions
        ],
    }


def listener_document(view: View, listener: Listener) -> ExplainedListener:
    alt_svc = listener["alt_svc"]
    return {
        "id": listener["id"],
        "bind": listener["bind"],
        "protocol": listener["protocol"],
        "layer": layer_of(listener["protocol"]),
        "roles": listener["roles"],
        "versions": list(listener["versions"]),
        "alt_svc": None if alt_svc is None else {"port": alt_svc["port"], "max_age_s": alt_svc["max_age_s"]},
        "tls": None if listener["tls"] is None else tls_document(listener["tls"]),
        "proxy_protocol": None if listener["proxy_protocol"] is None else {**listener["proxy_protocol"]},
        "to": everything_else(listener),
        "names": [
            {"name": written_host(each["name"]), "upstream": each["upstream"]}
            for each in (listener["passthrough"] or {"names": []})["names"]
            if each["name"] != "any"
        ],
        "asked_by": view.asked_by(listener),
        "groups": [group_document(view, group) for group in view.groups(listener)],
    }


def everything_else(listener: Listener) -> str | None:
    """The upstream of a listener of layer 4, but for its names."""
    if (whole := whole_of(listener)) is not None:
        return whole["upstream"]
    named = listener["passthrough"]["names"] if listener["passthrough"] is not None else []
    return next((each["upstream"] for each in named if each["name"] == "any"), None)


def group_document(view: View, group: Group) -> ExplainedGroup:
    noun = view.noun(group)
    section = ("listeners", group["listener"]) if view.is_own(group) else ("groups", group["id"])
    return {
        "id": group["id"],
        "match": match_noun_text(noun.match) if noun is not None and noun.match is not None else None,
        "roles": group["roles"],
        "declared": view.declares(group),
        "evidence": evidence(view, group),
        "owner": group["owner"],
        "client": group["client"],
        "team": view.team(group),
        "routes": [route_document(view, group, route) for route in in_order(view.routes.get(group["id"], []))],
        "place": place_document(view.place(*section)),
    }


def route_document(view: View, group: Group, route: Route) -> ExplainedRoute:
    section = ("listeners", group["listener"]) if view.is_own(group) else ("groups", group["id"])
    written = view.written_key(group, route)
    return {
        "id": route["id"],
        "name": route["name"],
        "matches": match_text(route),
        "why": why(route, view.is_tied(route)),
        "target": dict(route["target"]),
        "leads_to": target_text(route["target"]),
        "filters": [
            {"filter": next(iter(each)), "text": text, "origin": origin}
            for each, text, origin in filters_with_origin(view, group, route)
        ],
        "deadline_ms": route["deadline_ms"],
        "mirror": None if (mirror := mirror_of(route)) is None else dict(mirror),
        "place": place_document(view.place(*section, *(("routes", written) if written else ()))),
    }


def upstream_document(view: View, upstream: Upstream) -> ExplainedUpstream:
    return {
        "id": upstream["id"],
        "text": upstream_text(upstream),
        "balance": upstream["balance"],
        "chosen": how(upstream) if len(upstream["endpoints"]) > 1 else endpoints_text(upstream),
        "tls": None if upstream["tls"] is None else dict(upstream["tls"]),
        "version": upstream["version"],
        "health": None if upstream["health"] is None else dict(upstream["health"]),
        "proxy_protocol": upstream["proxy_protocol"],
        "endpoints": [
            {"address": endpoint["address"], "weight": endpoint["weight"], "share": share}
            for endpoint, share in zip(upstream["endpoints"], shares(upstream), strict=True)
        ],
        "place": place_document(view.place("upstreams", upstream["id"])),
    }


def handler_document(view: View, handler: Handler) -> ExplainedHandler:
    processes = view.processes
    return {
        "id": handler["id"],
        "calls": [call["upstream"] for call in handler["calls"]],
        "requests": handler["queue"],
        "wait_ms": handler["queue_timeout_ms"],
        "background_ms": handler["background_ms"],
        "tunnel_ms": handler["tunnel_ms"],
        "processes": None if processes is None else processes.processes,
        "threads": None if processes is None else processes.threads,
        "leave_ms": None if processes is None else milliseconds(processes.leave),
    }


def place_document(place: Place | None) -> ExplainedPlace | None:
    return None if place is None else {"file": place.file, "line": place.line, "column": place.column}
