"""What the end-to-end tests stand on: a running glorieta, raw clients, and services that obey or misbehave."""

from harness.client import RawClient, Response, build, get, request
from harness.lifetimes import Runner, Services
from harness.load import Load
from harness.metrics import Samples
from harness.process import Command, Engine, Glorieta
from harness.recording import Conversation, ReceivedRequest, RecordingUpstream, always
from harness.service import HttpUpstream, Silent, TcpEcho, TcpNamed, chunked, chunks, message, refusing_address
from harness.waiting import unused_port, wait_until

__all__ = [
    "Command",
    "Conversation",
    "Engine",
    "Glorieta",
    "HttpUpstream",
    "Load",
    "RawClient",
    "ReceivedRequest",
    "RecordingUpstream",
    "Response",
    "Runner",
    "Samples",
    "Services",
    "Silent",
    "TcpEcho",
    "TcpNamed",
    "always",
    "build",
    "chunked",
    "chunks",
    "get",
    "message",
    "refusing_address",
    "request",
    "unused_port",
    "wait_until",
]
