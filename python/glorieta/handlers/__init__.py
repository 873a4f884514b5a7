"""Custom gateways and BFFs in Python: routers, their handlers, and what both are made of.

Names are FastAPI's where the thing is the same.
"""

from __future__ import annotations

from . import status
from .asgi import mount
from .background import BackgroundTask, BackgroundTasks
from .certificate import ClientCertificate
from .declared import Body, Cookie, Depends, File, Form, Header, Path, Query
from .encoding import jsonable_encoder
from .errors import RouterError
from .fields import Headers, MutableHeaders, QueryParams, State
from .forms import FormData, UploadFile
from .httpx_transport import httpx_transport
from .live.errors import NoRequest, UnknownUpstream, UpstreamError
from .live.gather import gather, optional
from .live.messages import SocketClosed
from .live.response import UpstreamResponse
from .live.scope import missing_parts, upstream
from .live.upstream import Upstream
from .problems import HTTPException, RequestValidationError
from .request import HTTPConnection, Request
from .response import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from .router import Router
from .routing.answers import ResponseValidationError
from .routing.table import Table
from .streaming import Event, EventStream, StreamingResponse
from .websocket import WebSocket, WebSocketException
from .websocket_end import WebSocketDisconnect

__all__ = [
    "BackgroundTask",
    "BackgroundTasks",
    "Body",
    "ClientCertificate",
    "Cookie",
    "Depends",
    "Event",
    "EventStream",
    "File",
    "Form",
    "FormData",
    "HTMLResponse",
    "HTTPConnection",
    "HTTPException",
    "Header",
    "Headers",
    "JSONResponse",
    "MutableHeaders",
    "NoRequest",
    "Path",
    "PlainTextResponse",
    "Query",
    "QueryParams",
    "RedirectResponse",
    "Request",
    "RequestValidationError",
    "Response",
    "ResponseValidationError",
    "Router",
    "RouterError",
    "SocketClosed",
    "State",
    "StreamingResponse",
    "Table",
    "UnknownUpstream",
    "UploadFile",
    "Upstream",
    "UpstreamError",
    "UpstreamResponse",
    "WebSocket",
    "WebSocketDisconnect",
    "WebSocketException",
    "gather",
    "httpx_transport",
    "jsonable_encoder",
    "missing_parts",
    "mount",
    "optional",
    "status",
    "upstream",
]
