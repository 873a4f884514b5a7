"""A balancer chooses among equals; databases have a first and a second, and a service is not another one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from .found import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model import Upstream
    from .scene import Scene

DATABASES = {
    "5432": "PostgreSQL",
    "3306": "MySQL",
    "27017": "MongoDB",
    "6379": "Redis",
    "1433": "SQL Server",
    "1521": "Oracle",
    "9042": "Cassandra",
}
SENTENCE = "A balancer chooses among equals; are these?"
FIX = "if not, use balance: first_available"


def check(scene: Scene) -> Iterator[Found]:
    alone = {
        upstream["endpoints"][0]["address"]: upstream["id"]
        for upstream in scene.plan["upstreams"]
        if len(upstream["endpoints"]) == 1
    }
    for upstream in scene.plan["upstreams"]:
        if len(upstream["endpoints"]) < 2 or upstream["balance"] == "first_available":
            continue
        name = database(upstream)
        if name:
            sentence = f"{SENTENCE} Their port is {name}'s, where one of them usually takes the writes."
            yield Found("unequal-endpoints", "warning", ("upstreams", upstream["id"], "endpoints"), sentence, FIX)
            continue
        for index, endpoint in enumerate(upstream["endpoints"]):
            other = alone.get(endpoint["address"])
            if other is not None:
                path = ("upstreams", upstream["id"], "endpoints", index)
                sentence = f'{SENTENCE} This one is alone in "{other}".'
                yield Found("unequal-endpoints", "warning", path, sentence, FIX, ("upstreams", other))
                break


def database(upstream: Upstream) -> str | None:
    """Whose port several endpoints have, if it is a database's."""
    ports = Counter(endpoint["address"].rpartition(":")[2] for endpoint in upstream["endpoints"])
    return next((name for port, name in DATABASES.items() if ports[port] > 1), None)
