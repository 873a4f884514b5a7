"""Fields of a Plan in words for a person: used where a Plan is explained and where two are compared.

What a noun is as a whole is said by the module of that noun.
"""

from __future__ import annotations

from typing import Any

from ..config.address import short_bind
from .describe_acme import acme_text
from .describe_listeners import proxy_protocol_text
from .describe_matches import condition_text
from .describe_numbers import number_text
from .describe_routes import by_text, mirror_text, target_text
from .describe_tls import tls_value_text
from .describe_upstreams import health_text
from .http3 import alt_svc_text
from .match import written_host, written_path
from .wording import NOTHING, shortened_json, shown


def value_text(field: str, value: Any) -> str:
    """A value as a person would write it."""
    if field == "health":
        return health_text(value)
    if field == "outlier":
        return "off" if value is None else "on"
    if field == "alt_svc":
        return alt_svc_text(value)
    if field == "tls":
        return "off" if value is None else tls_value_text(value)
    if field == "proxy_protocol":
        return proxy_protocol_text(value)
    if field == "acme":
        return "off" if value is None else acme_text(value)
    if field == "path":
        return written_path(value)
    if field == "target":
        return target_text(value)
    if field == "mirror":
        return "off" if value is None else mirror_text(value)
    if field == "target.split.by":
        return by_text(value)
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return number_text(field, value)
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, list):
        return ", ".join(item_text(field, item) for item in value) or NOTHING
    if isinstance(value, dict) and len(value) == 1:
        name, inner = next(iter(value.items()))
        if isinstance(inner, str):
            return f"{name} {shown(inner)}"
    return shortened_json(value)


def item_text(field: str, item: Any) -> str:
    """One of a list: an address, a host, a pair of name and value, a condition."""
    if field == "bind":
        return short_bind(item)
    if field == "hosts":
        return written_host(item)
    match item:
        case str():
            return shown(item)
        case [str(name), str(value)]:
            return f"{name}: {shown(value)}"
        case {"name": _, "value": _}:
            return condition_text(item)
        case {"certificate": _, "key": _, "acme": [*names]}:
            return f"ordered for {', '.join(names)}"
        case {"certificate": str(certificate), "key": _}:
            return shown(certificate)
        case {"name": name, "upstream": str(upstream)}:
            return f"{written_host(name)} → {upstream}"
    return shortened_json(item)


def field_text(field: str) -> str:
    """A field's name without the unit that its value then carries."""
    if field == "generation":
        return "code"
    for suffix in ("_ms", "_bytes", ".bytes", "_percent"):
        field = field.removesuffix(suffix)
    return field
