"""The JSON Schema of the YAML, for editors: completion, hover texts and checks while writing.

It is generated from the models, so it knows what they know; what only compiling can tell (an upstream that
does not exist, two equal routes) it does not say.
"""

from __future__ import annotations

import warnings
from typing import Any

from pydantic.json_schema import PydanticJsonSchemaWarning

from .anywhere import with_what_stands_anywhere
from .base import FREE, Noun, as_list
from .edge import Edge
from .nouns import defaults_of, nouns, own_first, sentence, text_of
from .shapes import field_shape

DIALECT = "https://json-schema.org/draft/2020-12/schema"
EXAMPLE = {
    "version": 1,
    "listeners": {"web": {"bind": ":8080", "routes": {"/service1/*": {"to": "service1", "strip_prefix": True}}}},
    "upstreams": {"service1": {"endpoints": ["10.0.0.1:80", "10.0.0.2:80"], "health": {"path": "/healthz"}}},
}
EXAMPLES: dict[tuple[str, str], list[Any]] = {
    ("Edge", "include"): [
        ["teams/{team}.yaml", {"files": "teams/billing.py:edge", "team": "billing"}],
        "conf.d/*.yaml",
    ],
    ("Include", "files"): ["teams/{team}.yaml", "teams/{team}/**/*.yaml", "conf.d/*.yaml", "teams/billing.py:edge"],
    ("Edge", "team"): ["orders"],
    ("Edge", "log"): ["off", {"to": "access.log", "format": "combined"}],
    ("Edge", "admin"): ["127.0.0.1:9900", "off"],
    ("Listener", "bind"): [":8080", ["127.0.0.1:80", "[::1]:80"], "unix:/run/app.sock", "systemd:web"],
    ("Listener", "routes"): [{"/api/*": "api", "POST /import": {"to": "api", "deadline": "5m"}}],
    ("Listener", "admit"): [{"orders": "shop.example/orders/*", "billing": ["billing.example", "/invoices/*"]}],
    ("ListenerDefaults", "trusted_proxies"): [["10.0.0.0/8"]],
    ("Group", "match"): ["shop.example/orders/*", {"host": ["a.example", "*.a.example"]}],
    ("Group", "owner"): ["orders@shop.example"],
    ("Match", "host"): ["shop.example", "*.shop.example"],
    ("Match", "path"): ["/a", "/a/*", "/users/{id}", r"~/v[0-9]+/.*"],
    ("Match", "method"): ["GET", ["PUT", "PATCH"]],
    ("Match", "headers"): [{"x-beta": "present"}],
    ("Route", "rewrite"): ["/v2/${path.id}"],
    ("Route", "strip_prefix"): [True, "/api"],
    ("Route", "redirect"): ["https://shop.example${path}"],
    ("Route", "respond"): [404, {"status": 200, "body": "ok"}],
    ("Route", "files"): ["./public", {"root": "./app", "fallback": "/index.html"}],
    ("RouteDefaults", "host"): ["preserve", "upstream", "shop.internal"],
    ("RouteDefaults", "deadline"): ["30s", "off"],
    ("Filters", "allow"): [["10.0.0.0/8", "::1"]],
    ("Filters", "max_body"): ["10MiB", "off"],
    ("Filters", "compress"): ["on", {"types": ["text/*", "application/json"], "min_size": "1KiB"}, "off"],
    ("Filters", "decompress"): ["on", {"max_size": "1MiB"}, "off"],
    ("Files", "precompressed"): ["on", ["br", "gzip"]],
    ("Filters", "headers"): [{"request": {"set": {"x-client": "${client.ip}"}}, "response": {"remove": ["server"]}}],
    ("Upstream", "endpoints"): [["10.0.0.1:80", {"address": "10.0.0.2:80", "weight": 2}], "unix:/run/app.sock"],
    ("Upstream", "discover"): [{"dns": "orders.internal", "port": 80}],
    ("UpstreamDefaults", "balance"): ["round_robin", {"hash": "header.x-user"}],
    ("UpstreamDefaults", "health"): ["/healthz", {"tcp": "on"}, {"grpc": "on"}, "off"],
}
"""Examples by noun and field; a test loads each of them."""


def schema() -> dict[str, Any]:
    """The JSON Schema of a configuration file: one that stands alone, is included, or is laid over others."""
    return with_what_stands_anywhere(schema_of_values())


def schema_of_values() -> dict[str, Any]:
    """The JSON Schema of what is meant in the end, when values from outside are read and layers are laid."""
    with warnings.catch_warnings():
        # Defaults are written as a person writes them, below; pydantic's are not.
        warnings.simplefilter("ignore", PydanticJsonSchemaWarning)
        made = Edge.model_json_schema()
    definitions = made.pop("$defs")
    root = finished("Edge", made)
    return {
        "$schema": DIALECT,
        "title": "glorieta",
        **{key: value for key, value in root.items() if key != "title"},
        "examples": [EXAMPLE],
        "$defs": {name: finished(name, definition) for name, definition in sorted(definitions.items())},
    }


def finished(name: str, definition: dict[str, Any]) -> dict[str, Any]:
    """A noun's schema with defaults and examples as a person writes them."""
    noun = next(each for each in nouns() if each.__name__ == name)
    defaults = defaults_of(noun)
    lineage = [each.__name__ for each in noun.__mro__]
    properties = {}
    for field in own_first(noun):
        value = with_one_for_many(noun, field, tidied(definition["properties"][field]))
        value.pop("default", None)
        value["description"] = text_of(noun, field)
        if field in defaults:
            value["default"] = defaults[field]
        examples = next((EXAMPLES[each, field] for each in lineage if (each, field) in EXAMPLES), None)
        if examples:
            value["examples"] = examples
        properties[field] = value
    return {
        "type": "object",
        "description": sentence(definition.get("description")),
        "properties": properties,
        "patternProperties": {f"^{FREE}": {}},
        "additionalProperties": False,
    }


def tidied(value: Any) -> Any:
    """Without generated titles, and without `null`, which means that nobody wrote the key."""
    if isinstance(value, list):
        return [tidied(each) for each in value]
    if not isinstance(value, dict):
        return value
    value = {key: tidied(each) for key, each in value.items() if key != "title"}
    if "description" in value:
        value["description"] = sentence(value["description"])
    if holds_nouns(value):
        value["patternProperties"] = {f"^{FREE}": {}}
    kinds = [each for each in value.get("anyOf", []) if each != {"type": "null"}]
    if not kinds:
        return value
    if len(kinds) == 1:
        del value["anyOf"]
        return {**kinds[0], **value}
    return {**value, "anyOf": kinds}


def with_one_for_many(noun: type[Noun], field: str, value: dict[str, Any]) -> dict[str, Any]:
    """One item where a list may stand, too, if the field takes that."""
    if not any(each.expand is as_list for each in field_shape(noun, field).short):
        return value
    forms = value.get("anyOf", [value])
    items = next(each["items"] for each in forms if each.get("type") == "array")
    alone = [each for each in items.get("anyOf", [items]) if each not in forms]
    return {**value, "anyOf": [*alone, *forms]}


def holds_nouns(value: dict[str, Any]) -> bool:
    """Whether a mapping of names holds nouns; in others, such as headers, `x-…` is a name like any."""
    items = value.get("additionalProperties")
    return isinstance(items, dict) and "$ref" in str(items) and "Condition" not in str(items)
