"""A gRPC service and calls of it, by grpcio without generated code: messages are bytes."""

from __future__ import annotations

import threading
from concurrent import futures
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVICE = "shop.Echo"


class GrpcService:
    """Four methods, one of each kind; `One`, `Stream`, `Collect` and `Chat`. What comes first in a message decides."""

    def __init__(self, credentials: grpc.ServerCredentials | None = None, workers: int = 40):
        self.server = grpc.server(futures.ThreadPoolExecutor(workers), options=[("grpc.so_reuseport", 0)])
        self.calls: list[tuple[str, dict[str, str | bytes]]] = []
        self.cancelled = threading.Event()
        self.deadlines: list[float | None] = []
        handlers = {
            "One": grpc.unary_unary_rpc_method_handler(self.watched("One", self.one)),
            "Stream": grpc.unary_stream_rpc_method_handler(self.watched("Stream", self.stream)),
            "Collect": grpc.stream_unary_rpc_method_handler(self.watched("Collect", self.collect)),
            "Chat": grpc.stream_stream_rpc_method_handler(self.watched("Chat", self.chat)),
        }
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        self.health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self.server)
        self.say_health("", serving=True)
        address = "127.0.0.1:0"
        self.port = (
            self.server.add_secure_port(address, credentials) if credentials else self.server.add_insecure_port(address)
        )
        self.server.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def say_health(self, service: str, *, serving: bool) -> None:
        statuses = health_pb2.HealthCheckResponse
        self.health.set(service, statuses.SERVING if serving else statuses.NOT_SERVING)

    def watched(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(request: Any, context: grpc.ServicerContext) -> Any:
            self.calls.append((name, dict(context.invocation_metadata())))
            self.deadlines.append(context.time_remaining())
            context.set_trailing_metadata((("x-trailer", "t"),))
            return method(request, context)

        return call

    def one(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        if request.startswith(b"fail "):
            context.abort(grpc.StatusCode.NOT_FOUND, "no such ört: 100%")
        if request == b"hang":
            context.add_callback(self.cancelled.set)
            self.cancelled.wait(30)
        return request[::-1]

    def stream(self, request: bytes, _: grpc.ServicerContext) -> Iterator[bytes]:
        for number in range(int(request)):
            yield b"%d" % number

    def collect(self, requests: Iterator[bytes], _: grpc.ServicerContext) -> bytes:
        return b"+".join(requests)

    def chat(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        context.send_initial_metadata((("x-begun", "1"),))
        for request in requests:
            yield b"you said " + request

    def stop(self) -> None:
        self.server.stop(0).wait(5)


class GrpcClient:
    """Calls through one channel."""

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None = None, **options: Any):
        listed = [("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1), *options.items()]
        self.channel = (
            grpc.secure_channel(address, credentials, listed) if credentials else grpc.insecure_channel(address, listed)
        )
        path = f"/{SERVICE}/"
        self.one = self.channel.unary_unary(f"{path}One")
        self.stream = self.channel.unary_stream(f"{path}Stream")
        self.collect = self.channel.stream_unary(f"{path}Collect")
        self.chat = self.channel.stream_stream(f"{path}Chat")

    def __enter__(self) -> GrpcClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()
