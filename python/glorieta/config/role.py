"""The words for roles, in the order in which they are named."""

from __future__ import annotations

from typing import Annotated

from .base import one_of

ROLES = (
    "forward-proxy",
    "reverse-proxy",
    "load-balancer",
    "api-gateway",
    "custom-gateway",
    "bff",
    "service-mesh",
)
BUILT = ("reverse-proxy", "load-balancer")
"""The roles of this version; the others' words are refused with the name of what brings them."""

Role = Annotated[str, one_of(*BUILT)]

EVIDENCE = (
    ("load-balancer", "`protocol: tcp`: layer 4, chooses by addresses and ports only"),
    ("load-balancer", "a target `to:` an upstream with two endpoints or more, or with a DNS name: layer 7"),
    ("reverse-proxy", "any target of an `http` listener: `to`, `redirect`, `respond` or `files`"),
)
"""Role and the evidence for it, where nobody declared one; every row that fits counts."""
BEYOND_BALANCING = (
    "a second upstream",
    "`strip_prefix` or `rewrite`",
    "another `host` than the client's",
    "`redirect`, `respond` or `files`",
    "the filters `allow`, `deny` and `headers`",
)
"""What a group that declares `role: load-balancer` may not do on `http`: it is a reverse proxy's work."""
