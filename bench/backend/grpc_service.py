"""A service of gRPC that answers every unary call with an empty message: `grpc_service.py PORT`."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

STREAMS = 1024
"""A proxy may open as many on one connection."""


class Shop(grpc.GenericRpcHandler):
    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(lambda request, _context: request)


def main(port: int) -> None:
    options = [("grpc.max_concurrent_streams", STREAMS)]
    server = grpc.server(ThreadPoolExecutor(max_workers=4), handlers=[Shop()], options=options)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main(int(sys.argv[1]))
