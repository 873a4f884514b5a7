"""A greeter by gRPC. Messages are plain text, so that nothing has to be generated; with protobuf it is the same."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

NAME = "demo.Greeter"


class Greeter:
    def __init__(self, name: str) -> None:
        self.name = name

    def hello(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        if not request:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "who is to be greeted?")
        return b"hello %s, says %s" % (request, self.name.encode())

    def chat(self, requests: Iterator[bytes], _: grpc.ServicerContext) -> Iterator[bytes]:
        for request in requests:
            yield b"%s too" % request


def serve(port: str, name: str) -> None:
    greeter = Greeter(name)
    methods = {
        "Hello": grpc.unary_unary_rpc_method_handler(greeter.hello),
        "Chat": grpc.stream_stream_rpc_method_handler(greeter.chat),
    }
    server = grpc.server(ThreadPoolExecutor(20))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, methods),))
    servicer = health.HealthServicer()
    servicer.set(NAME, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    serve(*sys.argv[1:])
