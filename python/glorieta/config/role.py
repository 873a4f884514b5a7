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
BUILT = ("reverse-proxy", "load-balancer", "custom-gateway", "bff")
"""The roles of this version; the others' words are refused with the name of what brings them."""

Role = Annotated[str, one_of(*BUILT)]

EVIDENCE = (
    ("load-balancer", "`protocol: tcp` or `tls`: layer 4, chooses by addresses, ports and SNI only"),
    ("load-balancer", "a target `to:` an upstream with two endpoints or more, or with a DNS name: layer 7"),
    (
        "reverse-proxy",
        "a target on `http` that passes on or is fixed: `to`, `split`, `redirect`, `respond` or `files`",
    ),
    ("custom-gateway", "a target that makes its own answer, maybe of several calls: `handler`, `asgi` or `gather`"),
    ("bff", "the same for one kind of client: `client` of the group, or of the router in Python"),
)
"""Role and the evidence for it, where nobody declared one; every row that fits counts."""
BEYOND_BALANCING = (
    "a second upstream",
    "`strip_prefix` or `rewrite`",
    "another `host` than the client's",
    "`split`, `handler`, `asgi`, `gather`, `redirect`, `respond` or `files`",
    "the filters `allow`, `deny`, `compress`, `decompress` and `headers`",
)
"""What a group that declares `role: load-balancer` may not do on `http`: it is a reverse proxy's work."""
