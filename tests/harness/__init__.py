"""What the end-to-end tests stand on: a running glorieta, raw clients, and services that obey or misbehave."""

from harness.client import RawClient, Response, get, request
from harness.metrics import Samples
from harness.process import Glorieta
from harness.recording import Conversation, ReceivedRequest, RecordingUpstream
from harness.service import HttpUpstream, TcpEcho
from harness.waiting import unused_port, wait_until

__all__ = [
    "Conversation",
    "Glorieta",
    "HttpUpstream",
    "RawClient",
    "ReceivedRequest",
    "RecordingUpstream",
    "Response",
    "Samples",
    "TcpEcho",
    "get",
    "request",
    "unused_port",
    "wait_until",
]
