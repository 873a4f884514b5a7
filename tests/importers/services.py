"""The services behind both proxies: each records what reaches it, and answers as the request wishes by `X-Answer`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import RecordingUpstream

if TYPE_CHECKING:
    from harness import Conversation, ReceivedRequest

    from .layout import Service


class Behind:
    """The services of a configuration, each recording what reaches it."""

    def __init__(self, services: dict[str, Service]) -> None:
        self.services = [each for each in services.values() if not each.dead and (each.path or each.port)]
        self.upstreams = [self.start(each) for each in self.services]

    def start(self, service: Service) -> RecordingUpstream:
        def respond(conversation: Conversation, request: ReceivedRequest) -> None:
            conversation.send(answer_of(service, request))

        if service.path:
            return RecordingUpstream(respond, path=service.path)
        return RecordingUpstream(respond, port=service.port)

    def take(self) -> list[tuple[Service, ReceivedRequest]]:
        """What came since the last time."""
        found = []
        for service, upstream in zip(self.services, self.upstreams, strict=True):
            found += [(service, request) for request in upstream.requests]
            upstream.requests.clear()
            upstream.heads.clear()
            assert not upstream.errors, f"{service.name} was sent what is no request: {upstream.errors}"
        return found

    def stop(self) -> None:
        for each in self.upstreams:
            each.stop()


def answer_of(service: Service, request: ReceivedRequest) -> bytes:
    """What the client wants the service to answer, by `X-Answer`."""
    wish = request.header("X-Answer") or ""
    status, fields = 200, [("X-Service", service.group), ("Content-Type", "text/plain")]
    host = request.header("Host") or ""
    if wish == "redirect-here":
        status, fields = 302, [*fields, ("Location", f"http://{host}/moved/there?x=1")]
    elif wish == "redirect-below":
        above = request.target.partition("?")[0].rpartition("/")[0]
        status, fields = 302, [*fields, ("Location", f"http://{host}{above}/other")]
    elif wish == "redirect-path":
        status, fields = 301, [*fields, ("Location", "/moved/there")]
    elif wish == "redirect-away":
        status, fields = 302, [*fields, ("Location", "https://elsewhere.example/")]
    elif wish == "cookie":
        fields += [("Set-Cookie", "a=1; Path=/; HttpOnly"), ("Set-Cookie", "b=2; Path=/app"), ("Set-Cookie", "c=3")]
    elif wish == "headers":
        fields += [
            ("X-Powered-By", "service"),
            ("X-Frame-Options", "ALLOWALL"),
            ("Server", "service/1"),
            ("Cache-Control", "no-store"),
        ]
    elif wish.isdigit():
        status = int(wish)
    elif wish == "upgrade" and request.header("Upgrade"):
        return b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    body = f"{service.group} answers {request.method} with {status}\n".encode()
    head = "".join(f"{name}: {value}\r\n" for name, value in [*fields, ("Content-Length", str(len(body)))])
    return f"HTTP/1.1 {status} Status\r\n{head}\r\n".encode() + (b"" if request.method == "HEAD" else body)
