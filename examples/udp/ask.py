"""A client by UDP: asks until it is answered, as clients do that know that datagrams get lost."""

import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.connect(("127.0.0.1", int(sys.argv[1])))
    client.settimeout(0.5)
    for _ in range(20):
        try:
            client.send(sys.argv[2].encode())
            print(client.recv(65535).decode())
            break
        except (TimeoutError, ConnectionRefusedError):
            continue
    else:
        sys.exit("nobody answered")
