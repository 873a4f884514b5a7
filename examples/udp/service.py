"""A service by UDP: answers each datagram with its own name and what was asked."""

import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as service:
    service.bind(("127.0.0.1", int(sys.argv[1])))
    while True:
        question, client = service.recvfrom(65535)
        service.sendto(sys.argv[2].encode() + b": " + question, client)
