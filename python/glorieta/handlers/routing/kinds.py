"""What an annotation is: one value, several, a model, or something that is injected."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from ..background import BackgroundTasks
from ..forms import UploadFile
from ..request import HTTPConnection, Request
from ..response import Response
from ..websocket import WebSocket

UPSTREAMS = frozenset({("glorieta.config.upstream", "Upstream"), ("glorieta.handlers.live.upstream", "Upstream")})
"""The client class, and the configuration's noun of the same name, which is not imported for this."""
INJECTED = {Request: "request", HTTPConnection: "connection", WebSocket: "websocket", BackgroundTasks: "background"}
SEVERAL = (list, tuple, set, frozenset, Sequence, AbstractSet)


def is_upstream(annotation: Any) -> bool:
    return (getattr(annotation, "__module__", ""), getattr(annotation, "__qualname__", "")) in UPSTREAMS


def injected(annotation: Any) -> str | None:
    """What is given without a value of the request: `request`, `response`, …, or nothing."""
    if not isinstance(annotation, type):
        return None
    if annotation in INJECTED:
        return INJECTED[annotation]
    return "response" if issubclass(annotation, Response) else None


def bare(annotation: Any) -> Any:
    """Without what it is annotated with, and without names for types."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif hasattr(annotation, "__value__"):
            annotation = annotation.__value__
        else:
            return annotation


def members(annotation: Any) -> tuple[Any, ...]:
    """The types of a union; of anything else itself."""
    annotation = bare(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(each for member in get_args(annotation) for each in members(member))
    return (annotation,)


def class_of(annotation: Any) -> type | None:
    kind = get_origin(annotation) or annotation
    return kind if isinstance(kind, type) else None


def any_member(annotation: Any, test: Callable[[Any], bool]) -> bool:
    return any(test(member) for member in members(annotation))


def several(annotation: Any) -> bool:
    """Whether it takes several values of one name."""
    return any_member(annotation, is_several)


def is_several(kind: Any) -> bool:
    found = class_of(kind)
    return found is not None and issubclass(found, SEVERAL) and not issubclass(found, str | bytes | bytearray)


def is_structure(kind: Any) -> bool:
    """Whether it has members of its own: a model, a dataclass, a mapping."""
    found = class_of(kind)
    if found is None:
        return False
    return is_model(kind) or typing.is_typeddict(found) or issubclass(found, Mapping)


def is_model(kind: Any) -> bool:
    """Whether it has named fields that may come as parameters."""
    found = class_of(kind)
    return found is not None and (issubclass(found, BaseModel) or dataclasses.is_dataclass(found))


def is_upload(kind: Any) -> bool:
    found = class_of(kind)
    return found is not None and issubclass(found, UploadFile)


def is_scalar(annotation: Any) -> bool:
    """Whether text can be it: then it comes from the query, else from the body."""
    return not any_member(annotation, lambda kind: is_several(kind) or is_structure(kind) or is_upload(kind))


def takes_upload(annotation: Any) -> bool:
    """Whether it is a file, or several."""
    return any_member(annotation, lambda kind: is_upload(kind) or any(is_upload(each) for each in get_args(kind)))


def takes_bytes(annotation: Any) -> bool:
    """Whether a file's content is wanted, not the file."""

    def is_bytes(kind: Any) -> bool:
        return kind is bytes or (is_several(kind) and bytes in get_args(kind))

    return any_member(annotation, is_bytes)


def model_of(annotation: Any) -> type[BaseModel] | None:
    """The model that a group of parameters is read into."""
    for kind in members(annotation):
        found = class_of(kind)
        if found is not None and issubclass(found, BaseModel):
            return found
    return None
