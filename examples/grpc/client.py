"""Calls the greeter: python client.py ADDRESS METHOD [WORD …]."""

from __future__ import annotations

import sys

import grpc


def main(address: str, method: str, *words: str) -> None:
    with grpc.insecure_channel(address) as channel:
        messages = [word.encode() for word in words] or [b""]
        try:
            if method.endswith("/Chat"):
                for answer in channel.stream_stream(method)(iter(messages), timeout=5):
                    print(answer.decode())
            else:
                print(channel.unary_unary(method)(messages[0], timeout=5).decode())
        except grpc.RpcError as error:
            print(error.code().name)


if __name__ == "__main__":
    main(*sys.argv[1:])
