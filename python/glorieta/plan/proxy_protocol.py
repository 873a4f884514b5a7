"""PROXY headers: who is believed, and which upstreams can be told of clients."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from .model import reached

if TYPE_CHECKING:
    from ..config.errors import Path
    from ..config.listener import Listener as ListenerNoun
    from .compiling import Compiling
    from .model import Plan, ProxyProtocol


def compile_proxy_protocol(compiling: Compiling, noun: ListenerNoun, path: Path) -> ProxyProtocol | None:
    own = noun.proxy_protocol
    if own is None:
        return None
    place: Path = (*path, "proxy_protocol")
    if not own.trusted and not compiling.is_touched((*place, "trusted")):
        message = "does not say whose PROXY headers are believed"
        compiling.error(place, message, "write the proxies' networks, such as proxy_protocol: 10.0.0.0/8")
    for index, network in enumerate(own.trusted):
        if ipaddress.ip_network(network).prefixlen == 0:
            message = f"{network} is everybody: each client can say that it is another"
            compiling.warn((*place, "trusted", index), message, "name the proxies in front only")
    return {"trusted": list(own.trusted), "required": own.required}


def check_shared(compiling: Compiling, plan: Plan) -> None:
    """A header stands before a connection and names one client; connections for HTTP are shared by all of them."""
    announcing = {name for name, noun in compiling.edge.upstreams.items() if noun.proxy_protocol is not None}
    for route, path in compiling.routes if announcing else ():
        for name in announcing.intersection(reached(plan, [route])):
            announcing.remove(name)
            message = "a PROXY header names one client, and connections for HTTP are shared by all"
            fix = "use protocol: tcp there, or leave it out: X-Forwarded-For says the same"
            compiling.error(("upstreams", name, "proxy_protocol"), message, fix, also=path)
