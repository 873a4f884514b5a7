"""Three small services, each with what it alone knows: `python services.py users --port 3001`."""

import argparse
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

USERS = {
    "7": {"id": 7, "name": "Ana", "email": "ana@shop.example", "city": "Seville"},
    "8": {"id": 8, "name": "Ben", "email": "ben@shop.example", "city": "Leeds"},
}
ORDERS = [
    {"id": 1, "user": "7", "article": "teapot", "count": 1, "price": 19, "state": "delivered"},
    {"id": 2, "user": "7", "article": "cup", "count": 4, "price": 32, "state": "on its way"},
    {"id": 3, "user": "8", "article": "kettle", "count": 1, "price": 45, "state": "on its way"},
]
RECOMMENDED = {
    "7": [{"title": "saucer", "score": 0.93}, {"title": "strainer", "score": 0.71}],
    "8": [{"title": "filter", "score": 0.64}],
}
SLOW = "8"
"""Recommending something to this one takes too long, so that there is an answer without it to be seen."""
SLOW_SECONDS = 2.0


def users(path: list[str], _: dict[str, str]) -> object:
    """`/users/7`"""
    return USERS[path[1]]


def orders(_: list[str], query: dict[str, str]) -> object:
    """`/orders?user=7`"""
    return [order for order in ORDERS if order["user"] == query["user"]]


def recommendations(path: list[str], _: dict[str, str]) -> object:
    """`/for/7`"""
    if path[1] == SLOW:
        time.sleep(SLOW_SECONDS)
    return {"items": RECOMMENDED[path[1]]}


SERVICES = {"users": users, "orders": orders, "recommendations": recommendations}


class Asked(BaseHTTPRequestHandler):
    """One connection to a service."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one piece
    service = staticmethod(users)

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        try:
            status, told = 200, self.service(url.path.strip("/").split("/"), query)
        except (KeyError, IndexError):
            status, told = 404, {"error": "there is no such thing here"}
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """glorieta's access log tells it."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    asked = type("Asked", (Asked,), {"service": staticmethod(SERVICES[arguments.service])})
    ThreadingHTTPServer(("127.0.0.1", arguments.port), asked).serve_forever()
