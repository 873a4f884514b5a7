"""Bodies of upstreams: text, and JSON, which is strict, bounded, and validated by pydantic where a model is given."""

from __future__ import annotations

import codecs
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import from_json

from ..encoding import may_have_not_numbers
from ..finite import may_have_not_finite, not_finite


def decoded(body: bytes, coding: str, model: Any) -> Any:
    """The value of a JSON body; its depth is bounded by the parser, at 200. `ValueError`: it has none that fits."""
    refuse_coded(coding)
    if not body:
        raise ValueError("the body is empty where JSON is needed")
    if model is None:
        # Names repeat within an answer and from one to the next; values seldom do.
        return from_json(body, allow_inf_nan=False, cache_strings="keys")
    refuse_not_numbers(body)
    value = adapter(model).validate_json(body)
    refuse_not_finite(value, body)
    return value


def text_of(body: bytes, coding: str, content_type: str) -> str:
    """The text of a body; bytes that are none become U+FFFD. `ValueError`: it is coded, and no text yet."""
    refuse_coded(coding)
    return body.decode(charset_of(content_type), errors="replace")


def refuse_coded(coding: str) -> None:
    if coding and coding.strip().lower() != "identity":
        raise ValueError(f"the body is coded as {coding}, which was not asked for")


def refuse_not_numbers(data: bytes) -> None:
    """`ValueError`: NaN or Infinity stands where a number belongs. Inside of a text they are words."""
    if may_have_not_numbers(data):
        from_json(data, allow_inf_nan=False)


def refuse_not_finite(value: Any, body: bytes) -> None:
    """`ValueError`: a model took `"NaN"`, or a number that is larger than numbers can be, as a number."""
    if not may_have_not_finite(body):
        return
    for error in not_finite(value, from_json(body), ()):
        place = ".".join(map(str, error["loc"]))
        raise ValueError(f"{place or 'the body'} is no finite number: {error['input']!r}")


@lru_cache(maxsize=1024)
def _cached_adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def adapter(model: Any) -> TypeAdapter[Any]:
    """The validator of an annotation. Making one costs milliseconds, so it is kept."""
    try:
        return _cached_adapter(model)
    except TypeError:
        # An annotation whose metadata cannot be hashed.
        return TypeAdapter(model)


@lru_cache(maxsize=64)
def charset_of(content_type: str) -> str:
    """The charset of a `Content-Type`; unknown or none: UTF-8."""
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            try:
                return codecs.lookup(value.strip().strip('"')).name
            except LookupError:
                break
    return "utf-8"
