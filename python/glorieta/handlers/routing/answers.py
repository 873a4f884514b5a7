"""From what a handler returns to an answer."""

from __future__ import annotations

import copy
import inspect
import types
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
)
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from ..encoding import NO_JSON, Unserialisable, encode_json, may_have_not_numbers, refuse_not_a_number
from ..lost_numbers import has_lost_numbers, may_be_told_by_types, may_have_floats
from ..response import JSONResponse, Response
from ..streaming import Event, EventStream, JSONLines, StreamingResponse, on_threads
from .kinds import bare, class_of, members
from .signature import MISSING
from .validation import adapter_of

if TYPE_CHECKING:
    from ..background import BackgroundTasks
    from ..errors import Place
    from ..live.scope import CallScope
    from ..transport import Fields

UNSET: Any = object()
"""No response model was written: the handler's annotation says it."""
STREAMS = (AsyncIterator, AsyncIterable, AsyncGenerator, Iterator, Iterable, Generator)
RAW = (bytes, bytearray, memoryview)
NOT_AT_ONCE = (Response, *RAW)
JSON_FIELD = ("content-type", "application/json")


class ResponseValidationError(Exception):
    """What a handler returned is not what it says that it returns."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which fields of a model are sent, as in pydantic's `model_dump`."""

    include: Any = None
    exclude: Any = None
    by_alias: bool = True
    exclude_unset: bool = False
    exclude_defaults: bool = False
    exclude_none: bool = False

    def options(self) -> dict[str, Any]:
        """Without what is pydantic's own default."""
        found: dict[str, Any] = {"by_alias": self.by_alias}
        for name in ("include", "exclude", "exclude_unset", "exclude_defaults", "exclude_none"):
            if getattr(self, name):
                found[name] = getattr(self, name)
        return found


class Answers:
    """Makes the answers of one route."""

    __slots__ = ("adapter", "encode", "is_json", "is_stream", "model", "name", "response_class", "status_code")

    def __init__(
        self,
        name: str,
        model: Any,
        returns: Any,
        generates: bool,
        status_code: int | None,
        response_class: type[Response],
        filter: Filter,
        place: Place,
    ) -> None:
        """`model`: what was written as `response_model`; `returns`: the handler's annotation; `generates`: whether it
        yields instead of returning."""
        self.name = name
        self.status_code = status_code or usual_status(response_class)
        self.response_class = response_class
        self.is_json = issubclass(response_class, JSONResponse)
        self.is_stream = generates or issubclass(response_class, StreamingResponse)
        self.model = chosen_model(model, returns, self.is_stream)
        self.adapter: TypeAdapter[Any] | None = None
        self.encode: Callable[[Any], bytes] = encode_json
        if self.model is not None and (self.is_json or self.is_stream):
            self.adapter = answer_adapter(self.model, name, place)
            self.encode = encoder(self.adapter, filter, name)

    def at_once(self, value: Any) -> Response | None:
        """The answer, where it is JSON and nothing else is to be thought of; none: ask `response`."""
        if not self.is_json or self.is_stream or isinstance(value, NOT_AT_ONCE) or is_iterator(value):
            return None
        return plain(self.status_code, self.encoded(value))

    async def response(
        self, value: Any, said: Response | None, background: BackgroundTasks | None, scope: CallScope
    ) -> Response:
        """`said`: headers and status that handler and dependencies want an answer to have."""
        # Copied, since an answer that a handler returns may be one that it keeps.
        response = copy.copy(value) if isinstance(value, Response) else await self.made(value, said, scope)
        if said is not None and said.raw:
            response.raw = [*response.raw, *said.raw]
        if response.background is None:
            response.background = background
        return response

    async def made(self, value: Any, said: Response | None, scope: CallScope) -> Response:
        status = said.status_code if said is not None and said.status_code else self.status_code
        if is_iterator(value):
            return await self.streamed(value, status, scope)
        if not self.is_json:
            return self.response_class(value, status)
        if isinstance(value, RAW):
            return Response(value, status, media_type="application/octet-stream")
        return plain(status, self.encoded(value))

    def encoded(self, value: Any) -> bytes:
        try:
            return self.encode(value)
        except Unserialisable as error:
            raise Unserialisable(f"{self.name} returned what cannot be sent: {error}") from error

    async def streamed(self, value: Any, status: int, scope: CallScope) -> Response:
        if issubclass(self.response_class, EventStream):
            return self.response_class(value, encode=self.encode, status_code=status)
        if issubclass(self.response_class, StreamingResponse) or not self.is_json:
            return self.response_class(value, status)
        return await self.begun(value if isinstance(value, AsyncIterable) else on_threads(value, scope), status)

    async def begun(self, value: AsyncIterable[Any], status: int) -> Response:
        """A stream whose first item is there: what fails before it still gets an answer of its own, and what it is
        says what the others are."""
        items = aiter(value)
        try:
            first = await anext(items)
        except StopAsyncIteration:
            return JSONLines(items, self.encode, status_code=status)
        all_items = chained(first, items)
        if isinstance(first, RAW):
            return StreamingResponse(all_items, status, media_type="application/octet-stream")
        if isinstance(first, str):
            return StreamingResponse(all_items, status, media_type="text/plain")
        if isinstance(first, Event):
            return EventStream(all_items, encode=self.encode, status_code=status)
        return JSONLines(all_items, self.encode, status_code=status)


def usual_status(response_class: type[Response]) -> int:
    """The status of answers of a class where nobody says another: a redirection is none with 200."""
    given = inspect.signature(response_class.__init__).parameters.get("status_code")
    return given.default if given is not None and isinstance(given.default, int) else 200


async def chained(first: Any, rest: AsyncIterator[Any]) -> AsyncIterator[Any]:
    try:
        yield first
        async for item in rest:
            yield item
    finally:
        close = getattr(rest, "aclose", None)
        if close is not None:
            await close()


def is_iterator(value: Any) -> bool:
    return iterates(type(value))  # type: ignore[arg-type]  # every class is hashable


@lru_cache(maxsize=1024)
def iterates(kind: Any) -> bool:
    """Remembered, since there are few types and each would be looked at for every answer."""
    return issubclass(kind, AsyncIterable | types.GeneratorType)


def plain(status: int, body: bytes) -> Response:
    """An answer in JSON, made without asking what it is."""
    response = JSONResponse.__new__(JSONResponse)
    response.status_code = status
    response.body = body
    fields: Fields = [JSON_FIELD]
    response.raw = fields
    response.background = None
    return response


def chosen_model(model: Any, returns: Any, is_stream: bool) -> Any:
    """What answers must be; none: whatever JSON can say."""
    if model is not UNSET:
        return model
    if returns is MISSING or returns is None or returns is Any:
        return None
    plain_type = bare(returns)
    if get_origin(plain_type) in STREAMS or plain_type in STREAMS:
        return stream_item(plain_type) if is_stream or class_of(plain_type) in STREAMS[:3] else returns
    if any(is_response(kind) for kind in members(returns)):
        return None
    return None if class_of(plain_type) in RAW else returns


def stream_item(kind: Any) -> Any:
    """The type of a stream's items, where they are values."""
    arguments = get_args(kind)
    item = arguments[0] if arguments else Any
    kinds = members(item)
    if item is Any or any(class_of(each) in (*RAW, str, Event) for each in kinds):
        return None
    return item


def is_response(kind: Any) -> bool:
    found = class_of(kind)
    return found is not None and issubclass(found, Response)


def answer_adapter(model: Any, name: str, place: Place) -> TypeAdapter[Any]:
    try:
        # NaN is not turned to null in silence; `encoder` refuses it.
        return TypeAdapter(model, config={"ser_json_inf_nan": "constants"})
    except PydanticUserError:
        return adapter_of(model, f"{name}: what it returns", place)


def encoder(adapter: TypeAdapter[Any], filter: Filter, name: str) -> Callable[[Any], bytes]:
    """Validates a value and writes the fields that its model has, and no others."""
    validate, write, options = adapter.validator.validate_python, adapter.serializer.to_json, filter.options()
    dump, looks = partial(adapter.serializer.to_python, warnings=False), may_have_floats(adapter.core_schema)
    by_types = may_be_told_by_types(adapter.core_schema)

    def encode(value: Any) -> bytes:
        try:
            checked = validate(value, from_attributes=True)
        except ValidationError as error:
            raise ResponseValidationError(f"{name} returned what is not its response model: {error}") from error
        try:
            data = write(checked, **options)
            lost = looks and has_lost_numbers(checked, data, write, dump, options, by_types)
        except (PydanticSerializationError, ValueError, TypeError, RecursionError) as error:
            raise Unserialisable(str(error)) from error
        if may_have_not_numbers(data):
            refuse_not_a_number(data)
        if lost:
            raise Unserialisable(NO_JSON)
        return data

    return encode
