"""One route in the document: its parameters, its body, its answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from ..problems import MEDIA_TYPE
from ..routing.readers import group_fields
from ..routing.validation import adapter_of, typed
from ..status import NO_BODY, title
from ..streaming import EventStream, JSONLines

if TYPE_CHECKING:
    from ..routing.route import HTTPRoute
    from ..routing.signature import Value
    from .schemas import Schema, Schemas

OUTSIDE = ("path", "query", "header", "cookie")
NOT_PARAMETERS = frozenset({"accept", "content-type", "authorization"})
"""Header fields that OpenAPI describes elsewhere (OpenAPI 3.1 §4.8.12)."""


class Operation:
    """Says first which schemas it needs, and then what it is."""

    def __init__(self, route: HTTPRoute, schemas: Schemas) -> None:
        self.route = route
        self.schemas = schemas
        self.values = [value for value in route.program.values if value.source.include_in_schema]
        for value in self.values:
            adapter = adapter_of(typed(value), route.name, route.definition.place)
            schemas.want(self.key(value), "validation", adapter)
        if route.answers.adapter is not None:
            schemas.want(self.answer_key, "serialization", route.answers.adapter)
        for status, response in route.definition.responses.items():
            if response.get("model") is not None:
                schemas.want((id(route), status), "serialization", TypeAdapter(response["model"]))

    def key(self, value: Value) -> Any:
        return id(self.route), value.source.place, value.key

    @property
    def answer_key(self) -> Any:
        return id(self.route), "answer"

    def document(self) -> dict[str, Any]:
        definition = self.route.definition
        found: dict[str, Any] = {"summary": definition.shown_summary, "operationId": self.id()}
        if definition.tags:
            found["tags"] = list(definition.tags)
        if definition.description:
            found["description"] = definition.description
        if parameters := self.parameters():
            found["parameters"] = parameters
        if (body := self.body()) is not None:
            found["requestBody"] = body
        found["responses"] = self.responses()
        if definition.deprecated:
            found["deprecated"] = True
        return {**found, **(definition.openapi_extra or {})}

    def id(self) -> str:
        """Unique, since a path has each method once."""
        definition = self.route.definition
        if definition.operation_id:
            return definition.operation_id
        return re.sub(r"\W", "_", f"{definition.name}{self.route.path.in_openapi}_{self.route.method.lower()}")

    def parameters(self) -> list[dict[str, Any]]:
        found = []
        named = set()
        for value in self.values:
            if value.source.place in OUTSIDE:
                found += self.group(value) if value.group is not None else [self.parameter(value)]
                named.add(value.key)
        # Whatever stands in the path must be described, though the handler does not ask for it.
        for name in self.route.path.names:
            if name not in named:
                found.append({"name": name, "in": "path", "required": True, "schema": {"type": "string"}})
        return [one for one in found if one["in"] != "header" or one["name"] not in NOT_PARAMETERS]

    def parameter(self, value: Value) -> dict[str, Any]:
        schema = self.schemas.of(self.key(value), "validation")
        schema.setdefault("title", value.name.replace("_", " ").title())
        if value.validation.deprecated:
            schema["deprecated"] = True
        found = described(value.key, value.source.place, value.required, schema)
        if value.source.openapi_examples:
            found["examples"] = value.source.openapi_examples
        return found

    def group(self, value: Value) -> list[dict[str, Any]]:
        """The fields of a model, each as a parameter."""
        model = value.group
        assert model is not None
        schema = resolved(self.schemas.of(self.key(value), "validation"), self.schemas)
        required = schema.get("required", [])
        properties = schema.get("properties", {})
        return [
            described(key, value.source.place, name in required and value.required, dict(properties[name]))
            for name, key, _ in group_fields(model, value.source.place, value.source.convert_underscores)
            if name in properties
        ]

    def body(self) -> dict[str, Any] | None:
        shape = self.route.program.body
        inside = [value for value in self.values if value.source.place not in OUTSIDE]
        if not inside:
            return None
        schema = self.members(inside) if shape.embed else self.schemas.of(self.key(inside[0]), "validation")
        content: dict[str, Any] = {"schema": schema}
        examples = next((value.source.openapi_examples for value in inside if value.source.openapi_examples), None)
        if examples:
            content["examples"] = examples
        body: dict[str, Any] = {"content": {shape.media_type: content}}
        if shape.required:
            body["required"] = True
        return body

    def members(self, inside: list[Value]) -> Schema:
        """An object with a member for each parameter."""
        schema: Schema = {
            "type": "object",
            "title": f"Body_{self.id()}",
            "properties": {value.key: self.member(value) for value in inside},
        }
        if required := [value.key for value in inside if value.required]:
            schema["required"] = required
        return schema

    def member(self, value: Value) -> Schema:
        schema = self.schemas.of(self.key(value), "validation")
        if value.validation.description and "$ref" not in schema:
            schema.setdefault("description", value.validation.description)
        return with_contents(schema) if value.source.place == "file" else schema

    def responses(self) -> dict[str, Any]:
        definition, answers = self.route.definition, self.route.answers
        found: dict[str, Any] = {str(answers.status_code): {"description": definition.response_description}}
        if answers.status_code not in NO_BODY and (content := self.content()):
            found[str(answers.status_code)]["content"] = content
        for status, response in definition.responses.items():
            found[str(status)] = merged(found.get(str(status), {}), self.further(status, response))
        if self.values and "422" not in found:
            found["422"] = problem_response("A value of the request is wrong", self.schemas.validation_problem)
        found.setdefault("default", problem_response("Something went wrong", self.schemas.problem))
        return found

    def content(self) -> dict[str, Any]:
        answers = self.route.answers
        schema = self.schemas.of(self.answer_key, "serialization") if answers.adapter is not None else {}
        kind = answers.response_class.media_type
        if answers.is_stream and issubclass(answers.response_class, EventStream):
            return {"text/event-stream": {"schema": {"type": "string"}}}
        if answers.is_stream and answers.is_json:
            # Lines of JSON; what one line is can only be said in words before OpenAPI 3.2.
            return {str(JSONLines.media_type): {"schema": {"type": "string"}, "x-item-schema": schema}}
        if kind is None:
            return {}
        return {kind: {"schema": schema if answers.is_json else {"type": "string"}}}

    def further(self, status: int | str, response: dict[str, Any]) -> dict[str, Any]:
        """A further answer, as it was written, with its model's schema."""
        found = {name: value for name, value in response.items() if name != "model"}
        found.setdefault("description", title(int(status)) if str(status).isdigit() else "Further answers")
        if response.get("model") is not None:
            schema = self.schemas.of((id(self.route), status), "serialization")
            content = dict(found.get("content", {}))
            content["application/json"] = {**content.get("application/json", {}), "schema": schema}
            found["content"] = content
        return found


def described(name: str, place: str, required: bool, schema: Schema) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "in": place, "required": required or place == "path", "schema": schema}
    if "description" in schema:
        found["description"] = schema["description"]
    if schema.get("deprecated"):
        found["deprecated"] = True
    return found


def with_contents(schema: Any) -> Any:
    """A file's bytes as OpenAPI 3.1 says them, as it does of an `UploadFile`."""
    if isinstance(schema, list):
        return [with_contents(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: with_contents(value) for name, value in schema.items()}
    if found.get("type") == "string" and found.get("format") == "binary":
        del found["format"]
        found["contentMediaType"] = "application/octet-stream"
    return found


def resolved(schema: Schema, schemas: Schemas) -> Schema:
    """A model's own schema instead of a reference to it."""
    for choice in schema.get("anyOf", [schema]):
        if "$ref" in choice:
            return schemas.components[choice["$ref"].rpartition("/")[2]]
        if "properties" in choice:
            return dict(choice)
    return schema


def problem_response(description: str, schema: Schema) -> dict[str, Any]:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


def merged(known: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """What was written of an answer beside what is known of it, such as an example beside the schema."""
    both = {
        name: merged(known[name], more[name])
        for name in known.keys() & more.keys()
        if isinstance(known[name], dict) and isinstance(more[name], dict)
    }
    return {**known, **more, **both}
