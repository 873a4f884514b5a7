"""JSON Schemas of everything that a document speaks of, each model once."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

Mode = Literal["validation", "serialization"]
Schema = dict[str, Any]
REFERENCE = "#/components/schemas/{model}"

PROBLEM: Schema = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457).",
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {},
        "code": {"type": "string", "description": "The reason in one stable word."},
        "request_id": {"type": "string", "description": "The request's id, as in the log."},
    },
    "required": ["type", "title", "status"],
}
WRONG_VALUES: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "in": {"enum": ["path", "query", "header", "cookie", "body"]},
            "name": {"type": "string", "description": "The parameter."},
            "pointer": {"type": "string", "description": "A JSON pointer into the value (RFC 6901 §6)."},
            "detail": {"type": "string"},
            "code": {"type": "string"},
        },
        "required": ["in", "detail", "code"],
    },
}


def validation_problem(reference: Schema) -> Schema:
    """A problem that tells more; `reference` leads to what every problem is."""
    return {
        "title": "ValidationProblem",
        "description": "Which values of the request are wrong.",
        "allOf": [reference],
        "properties": {"errors": WRONG_VALUES},
        "required": ["errors"],
    }


class Schemas:
    """Collects types first and makes their schemas together, so that equal names are told apart in one place."""

    def __init__(self) -> None:
        self.wanted: list[tuple[Hashable, Mode, TypeAdapter[Any]]] = []
        self.made: dict[tuple[Hashable, Mode], Schema] = {}
        self.components: dict[str, Schema] = {}
        self.problem: Schema = {}
        """Leads to what every error is."""
        self.validation_problem: Schema = {}
        """Leads to what is told of wrong values."""

    def want(self, key: Hashable, mode: Mode, adapter: TypeAdapter[Any]) -> None:
        self.wanted.append((key, mode, adapter))

    def make(self) -> None:
        """After this `of` gives schemas."""
        if self.wanted:
            made, rest = TypeAdapter.json_schemas(
                self.wanted, ref_template=REFERENCE, schema_generator=GenerateJsonSchema
            )
            self.made = dict(made)
            self.components = dict(rest.get("$defs", {}))
        self.problem = self.add("Problem", PROBLEM)
        self.validation_problem = self.add("ValidationProblem", validation_problem(self.problem))

    def add(self, name: str, schema: Schema) -> Schema:
        """A reference to one more schema; a model of that name keeps it."""
        while name in self.components:
            name += "_"
        self.components[name] = schema
        return {"$ref": REFERENCE.format(model=name)}

    def of(self, key: Hashable, mode: Mode) -> Schema:
        """A schema, one's own to change."""
        return dict(self.made[key, mode])
