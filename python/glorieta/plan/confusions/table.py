"""Every code: what is checked, what is said, what to do. The documents are made from this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...config.accept import LATER
from . import (
    balances_one,
    bff_two_clients,
    custom_calls_one,
    hop_to_self,
    mirrors,
    office_is_one,
    retries_multiply,
    side_door,
    split_unsticks,
    sticky,
    unequal_endpoints,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .found import Found
    from .scene import Scene


@dataclass(frozen=True)
class Row:
    """One confusion. Without a check it is refused where the configuration is read, as something that cannot be."""

    code: str
    severity: str
    checks: str
    sentence: str
    fix: str
    check: Callable[[Scene], Iterator[Found]] | None = None


TABLE = (
    Row(
        "l4-reads-http",
        "E",
        "`protocol: tcp` or `tls` with routes or groups, filters, limits and timeouts of HTTP, `https_only`, or a hash "
        "of a request value",
        "Layer 4 sees addresses, ports and SNI only.",
        "use `protocol: http`",
    ),
    Row(
        "reverse-as-forward",
        "E",
        "an endpoint's address has values of the request in it",
        "The client chooses the server: that is a forward proxy, open to outsiders.",
        "list the servers, and choose among them by routes",
    ),
    Row(
        "hop-to-self",
        "N, as a loop E",
        "an endpoint is an own listener; a loop: what comes in there comes back unchanged, or a part of a `gather` "
        "asks for the route that it is a part of, by its parameters or its prefix as well; what handlers call is not "
        "followed",
        f"{hop_to_self.SENTENCE} Loop: {hop_to_self.LOOP}",
        hop_to_self.FIX,
        hop_to_self.check,
    ),
    Row(
        "retries-multiply",
        "W",
        "a route with `retries` (one unless it says otherwise), a part of a `gather`, or what a handler may call, "
        f"leads to an own `tcp` listener, which connects up to {retries_multiply.LAYER4_TRIES} times by itself; an own "
        "`http` listener does not count: it answers 502, and answers are not tried again",
        "One request can become N connections.",
        f"{retries_multiply.FIX}; of a handler: {retries_multiply.OF_CALLS}",
        retries_multiply.check,
    ),
    Row(
        "sticky",
        "W, for a header N",
        "the hash of `client.ip`, a cookie or a header chooses among several endpoints; `path` and "
        "`query` do not count: that is for caches",
        sticky.SENTENCE,
        sticky.FIX,
        sticky.check,
    ),
    Row(
        "office-is-one",
        "W",
        "the hash of `client.ip`, `allow` or `deny` at a listener that is reached through an own `tcp` listener, or "
        "through an own `http` listener without `trusted_proxies`, or by a handler whose router does not forward "
        "`x-forwarded-for`; an `allow` that lets this machine in does not count",
        f"{office_is_one.HASHED} Of a list: {office_is_one.LISTED}",
        f"{office_is_one.DIRECTLY}; of a list: {office_is_one.BEFORE}",
        office_is_one.check,
    ),
    Row(
        "side-door",
        "W",
        "two groups, or a group and a `tcp` listener, send the same host and path to one upstream, the one with "
        "`allow`, the other without and bound to an address that other networks reach; what a handler with `allow` "
        "calls counts where the other leads to all of that upstream; `deny` does not count, nor does what one group "
        "opens by itself, nor what a handler without `allow` calls",
        "The check of addresses at X is optional: this leads to the same place. Of calls: The check of addresses at X "
        "is optional for what is called there: this leads to the same upstream as well.",
        side_door.FIX,
        side_door.check,
    ),
    Row(
        "unequal-endpoints",
        "W",
        "two endpoints or more at a database's port without `first_available`; or an endpoint that is alone in "
        "another upstream",
        unequal_endpoints.SENTENCE,
        unequal_endpoints.FIX,
        unequal_endpoints.check,
    ),
    Row(
        "balances-one",
        "N",
        "a declared `role: load-balancer` whose upstreams have one static endpoint each",
        balances_one.SENTENCE,
        balances_one.FIX,
        balances_one.check,
    ),
    Row(
        "custom-calls-one",
        "N",
        "all routes of a custom gateway or BFF pass on what one upstream says: by `to`, by a `gather` of one part that "
        "is left as it is, or by handlers that only `return await users.get(…).json()`",
        f"{custom_calls_one.SENTENCE} Where all of them are `to`: {custom_calls_one.DECLARED}",
        "`to:` that upstream, or leave role and client out",
        custom_calls_one.check,
    ),
    Row(
        "bff-two-clients",
        "W",
        "one router, or one ASGI application, under two `client:`; what a router says of itself counts",
        f"{bff_two_clients.SENTENCE}.",
        bff_two_clients.FIX,
        bff_two_clients.check,
    ),
    Row(
        "mirrored-writes",
        "W",
        "a `mirror` whose `methods` include one that may change something: any but GET, HEAD, OPTIONS and TRACE",
        mirrors.WRITES,
        mirrors.WRITES_FIX,
        mirrors.check_writes,
    ),
    Row(
        "mirror-to-self",
        "W",
        "a `mirror` to an upstream that the route asks itself, or that has an endpoint in common with one; or to one "
        "that has an own listener among its endpoints. A copy is never copied again, so nothing goes round for ever",
        f"{mirrors.SAME} Of an own listener: {mirrors.BACK}",
        mirrors.SAME_FIX,
        mirrors.check_self,
    ),
    Row(
        "split-unsticks",
        "W",
        "a `split` with `by: random` among upstreams of which one hashes `client.ip`, a cookie or a header",
        split_unsticks.SENTENCE,
        split_unsticks.FIX,
        split_unsticks.check,
    ),
)


def confusions_markdown() -> str:
    """docs/reference/confusions.md."""
    rows = "\n".join(f"| `{row.code}` | {row.severity} | {row.checks} | {row.sentence} | {row.fix} |" for row in TABLE)
    later = "\n".join(f"| `{code}` | {issue} |" for code, issue in sorted(LATER.items()))
    return f"""\
# Confusions

People take one role for another, or build two at once without knowing. `glorieta check` tells errors (E) and warnings
(W), `glorieta explain` these and notes (N), each with its place, the reason and the fix. Only what is certain is told.

| code | | found where | what it says | what to do |
|---|---|---|---|---|
{rows}

What is meant is said so, with the reason, on the object or on anything around it; it is then silent, and listed by
`glorieta explain`:

<!-- test: check -->
```yaml
version: 1
listeners:
  web: {{bind: ":8080", to: carts}}
upstreams:
  carts:
    endpoints: [carts-1:8000, carts-2:8000]
    balance: {{hash: cookie.cart}}
    accept: {{sticky: carts live in memory until 2027-03}}
```

An `accept` that silences nothing is a warning, so that it does not outlive its reason. `l4-reads-http` and
`reverse-as-forward` cannot be accepted: no engine could do what they ask for.

## With later roles

| code | comes with |
|---|---|
{later}
"""
