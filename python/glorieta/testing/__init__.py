"""Tests of handlers in one's own pytest: fake upstreams, a fake clock, no ports.

Names are FastAPI's and httpx's where the thing is the same.
"""

from .answers import Answer, after, cut, hanging, overloaded, refused, reset, streamed
from .bench import Disconnected
from .client import AsyncTestClient, Ongoing
from .clock import FakeClockLoop, Stuck, run
from .plain import TestClient
from .redirects import TooManyRedirects
from .response import TestResponse
from .upstreams import FakeUpstream, NotFaked, ReceivedCall, Several
from .websocket import SocketSession, WebSocketRefused

__all__ = [
    "Answer",
    "AsyncTestClient",
    "Disconnected",
    "FakeClockLoop",
    "FakeUpstream",
    "NotFaked",
    "Ongoing",
    "ReceivedCall",
    "Several",
    "SocketSession",
    "Stuck",
    "TestClient",
    "TestResponse",
    "TooManyRedirects",
    "WebSocketRefused",
    "after",
    "cut",
    "hanging",
    "overloaded",
    "refused",
    "reset",
    "run",
    "streamed",
]
