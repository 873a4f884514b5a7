"""Reading parameters that stand in the body: JSON, text as it is, or a form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ..body import check_encoding, check_json, media_type
from ..errors import RouterError, name_of, place_of, wrong
from ..forms import FormData, UploadFile
from ..problems import RequestRefused
from .kinds import several, takes_bytes
from .readers import form_value, group_fields, others
from .validation import Validator

if TYPE_CHECKING:
    from ..errors import Place
    from ..request import Request
    from .signature import Signature, Value
    from .validation import Errors

Fill = Callable[["Request", dict[str, Any], "Errors"], Awaitable[None]]
"""Adds the arguments that stand in the body."""
FORMS = ("form", "file")


class BodyShape:
    """How the body of a route is read: decided by all its parameters together, those of dependencies included."""

    def __init__(self, signatures: list[Signature]) -> None:
        self.values: list[Value] = []
        for signature in signatures:
            own = [value for value in signature.values if value.source.place in ("body", *FORMS)]
            self.values += own
        self.is_form = any(value.source.place in FORMS for value in self.values)
        if self.is_form and any(value.source.place == "body" for value in self.values):
            raise both(signatures)
        self.embed = self.embedded()

    def embedded(self) -> bool:
        """Whether the body is an object with a member for each parameter, and not one parameter's value."""
        names = {value.name for value in self.values}
        if len(names) != 1:
            return len(names) > 1
        first = self.values[0]
        if first.source.embed:
            return True
        return self.is_form and first.group is None

    @property
    def media_type(self) -> str:
        if self.is_form:
            files = any(value.source.place == "file" for value in self.values)
            return "multipart/form-data" if files else "application/x-www-form-urlencoded"
        return next((value.source.media_type for value in self.values if value.source.media_type), "application/json")

    @property
    def required(self) -> bool:
        return any(value.required for value in self.values)

    def filler(self, values: list[Value], where: str, place: Place) -> Fill | None:
        """What reads those parameters of one function that stand in the body."""
        own = [(value, Validator(value, f"{where}: parameter {value.name}", place)) for value in values]
        if not own:
            return None
        if self.is_form:
            return form_filler(own) if self.embed else form_group_filler(*own[0])
        if not media_type(self.media_type).is_json:
            return raw_filler(self.media_type, own)
        return members_filler(own) if self.embed else whole_filler(*own[0])


def both(signatures: list[Signature]) -> RouterError:
    call = signatures[-1].call
    return wrong(
        place_of(call), f"{name_of(call)}: it asks for a form and for a JSON body", "a request has only one body"
    )


async def json_of(request: Request) -> tuple[bytes, Any]:
    """The body, empty where there is none, and its value."""
    data = await request.body()
    if not data:
        return data, None
    check_json(request)
    return data, await request.json()


def whole_filler(value: Value, validator: Validator) -> Fill:
    """The body is the parameter."""
    name, location = value.name, ("body",)

    async def fill(request: Request, arguments: dict[str, Any], errors: Errors) -> None:
        data, body = await json_of(request)
        if data:
            arguments[name] = validator.check_finite(body, location, errors, data)
        else:
            arguments[name] = validator.absent(location, errors)

    return fill


def members_filler(own: list[tuple[Value, Validator]]) -> Fill:
    """The body is an object, and parameters are its members."""

    async def fill(request: Request, arguments: dict[str, Any], errors: Errors) -> None:
        data, body = await json_of(request)
        if data and not isinstance(body, dict):
            errors.append(
                {
                    "type": "dict_type",
                    "loc": ("body",),
                    "msg": "Input should be an object",
                    "input": type(body).__name__,
                }
            )
            return
        for value, validator in own:
            location = ("body", value.key)
            if data and value.key in body:
                arguments[value.name] = validator.check_finite(body[value.key], location, errors, data)
            else:
                arguments[value.name] = validator.absent(location, errors)

    return fill


def raw_filler(expected: str, own: list[tuple[Value, Validator]]) -> Fill:
    """The body is bytes or text of its own type."""
    name = media_type(expected).name

    async def fill(request: Request, arguments: dict[str, Any], errors: Errors) -> None:
        data = await request.body()
        if data:
            check_encoding(request.headers)
            check_type(request, name)
        for value, validator in own:
            if not data and not validator.required:
                arguments[value.name] = validator.absent(("body",), errors)
            else:
                raw = data if takes_bytes(value.annotation) else text_of(data, request)
                arguments[value.name] = validator.check(raw, ("body",), errors)

    return fill


def check_type(request: Request, expected: str) -> None:
    got = media_type(request.headers.get("content-type", "")).name
    if got != expected:
        said = repr(got) if got else "nothing"
        detail = f"The body must be {expected}; Content-Type says {said}."
        raise RequestRefused(415, "content_type", detail, {"Accept": expected})


def text_of(data: bytes, request: Request) -> str:
    charset = media_type(request.headers.get("content-type", "")).parameters.get("charset", "utf-8")
    try:
        return data.decode(charset)
    except LookupError:
        raise RequestRefused(415, "charset", f"The charset {charset!r} is not known.") from None
    except UnicodeDecodeError:
        raise RequestRefused(400, "text_encoding", f"The body is not {charset}.") from None


def form_filler(own: list[tuple[Value, Validator]]) -> Fill:
    """Fields and files of a form."""
    wanted = [(value, validator, several(value.annotation), takes_bytes(value.annotation)) for value, validator in own]

    async def fill(request: Request, arguments: dict[str, Any], errors: Errors) -> None:
        if not has_form(request):
            for value, validator in own:
                arguments[value.name] = validator.absent(("body", value.key), errors)
            return
        form = await request.form()
        for value, validator, many, content in wanted:
            raw = form_value(form, value.key, many)
            if content:
                raw = await content_of(raw)
            location = ("body", value.key)
            if raw is None:
                arguments[value.name] = validator.absent(location, errors)
            else:
                arguments[value.name] = validator.check(raw, location, errors)

    return fill


def has_form(request: Request) -> bool:
    """Whether a form is to be read: not where there is no body at all, which is one without any of its fields."""
    return "content-type" in request.headers or request.transport.start.body != b""


async def content_of(raw: Any) -> Any:
    """A file's bytes instead of the file."""
    if isinstance(raw, UploadFile):
        return await raw.read()
    if isinstance(raw, list):
        return [await content_of(each) for each in raw]
    return raw


def form_group_filler(value: Value, validator: Validator) -> Fill:
    """A model whose fields are those of the form."""
    model = value.group
    assert model is not None
    fields = group_fields(model, "form", False)
    known = {key for _, key, _ in fields}
    extras = model.model_config.get("extra") in ("allow", "forbid")

    async def fill(request: Request, arguments: dict[str, Any], errors: Errors) -> None:
        is_there = has_form(request)
        if not is_there and not validator.required:
            arguments[value.name] = validator.absent(("body",), errors)
            return
        form = await request.form() if is_there else FormData({})
        found = {name: raw for name, key, many in fields if (raw := form_value(form, key, many)) is not None}
        if extras:
            found.update(others(form.lists.items(), known))
        arguments[value.name] = validator.check_finite(found, ("body",), errors)

    return fill
