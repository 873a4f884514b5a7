"""Clients for tests, in the process and without ports.

```python
def test_home():
    with TestClient(router, upstreams={"users": {"GET /users/{id}": {"name": "Ana"}}, "orders": hanging()}) as client:
        answer = client.get("/home/7")
    assert answer.json() == {"name": "Ana", "orders": []}
    assert answer.missing == ["orders"]
    client.upstreams["users"].assert_asked("GET /users/7")
```
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ..handlers.live.durations import seconds
from .client import AsyncTestClient, Ongoing
from .clock import FakeClockLoop

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ..handlers.live.durations import Duration
    from .asking import Cookies
    from .response import TestResponse
    from .upstreams import FakeUpstream
    from .websocket import SocketSession

T = TypeVar("T")


class TestClient:
    """The same for tests that are plain functions; time is a fake clock's, and passes by waiting or `advance`."""

    __test__ = False

    def __init__(self, router: Any, **options: Any) -> None:
        """The options are `AsyncTestClient`'s."""
        self._loop = FakeClockLoop()
        self._close = weakref.finalize(self, self._loop.close)
        self._client = AsyncTestClient(router, **options)

    @property
    def upstreams(self) -> dict[str, FakeUpstream]:
        """The fakes, by name: what they were asked."""
        return self._client.upstreams

    @property
    def cookies(self) -> Cookies:
        """Kept from answer to request, as a browser does."""
        return self._client.cookies

    @property
    def now(self) -> float:
        """Seconds on the fake clock."""
        return self._loop.time()

    def fake(self, **upstreams: Any) -> None:
        """Puts other fakes in the place of these."""
        self._client.fake(**upstreams)

    def __enter__(self) -> Self:
        self._run(self._client.__aenter__())
        return self

    def __exit__(self, *raised: Any) -> None:
        try:
            self._run(self._client.__aexit__(*raised))
        finally:
            self.close()

    def close(self) -> None:
        """Lets go of the clock and of everything that still runs."""
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._run(asyncio.sleep(0))
        self._close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if is_in_coroutine():
            work.close()
            raise RuntimeError("a TestClient cannot be used in a coroutine; use AsyncTestClient there")
        return self._loop.run_until_complete(work)

    def advance(self, duration: Duration) -> None:
        """Lets so much time pass."""
        self._run(asyncio.sleep(seconds(duration)))

    def idle(self) -> None:
        """Lets everything happen that can happen without time passing."""
        self._run(self._loop.idle())

    def begin(self, method: str, url: str, **what: Any) -> Ongoing:
        """Sends a request, and runs it as far as it gets without time passing."""
        ongoing = self._run(self._begun(method, url, what))
        self.idle()
        return ongoing

    async def _begun(self, method: str, url: str, what: dict[str, Any]) -> Ongoing:
        return self._client.begin(method, url, **what)

    def finish(self, ongoing: Ongoing) -> TestResponse:
        """The answer of a request that was begun. `Disconnected`: its client went away."""
        return self._run(ongoing.response())

    def request(self, method: str, url: str, **what: Any) -> TestResponse:
        """The answer, once the handler has ended with all that follows its answer; see `AsyncTestClient.request`."""
        return self._run(self._client.request(method, url, **what))

    @contextmanager
    def websocket_connect(self, url: str, **what: Any) -> Iterator[SyncSocketSession]:
        """A WebSocket. `WebSocketRefused`: the answer is not a 101."""
        manager = self._client.websocket_connect(url, **what)
        session = SyncSocketSession(self, self._run(manager.__aenter__()))
        try:
            yield session
        except BaseException as error:
            if not self._run(manager.__aexit__(type(error), error, error.__traceback__)):
                raise
        else:
            self._run(manager.__aexit__(None, None, None))

    def get(self, url: str, **what: Any) -> TestResponse:
        return self.request("GET", url, **what)

    def head(self, url: str, **what: Any) -> TestResponse:
        return self.request("HEAD", url, **what)

    def options(self, url: str, **what: Any) -> TestResponse:
        return self.request("OPTIONS", url, **what)

    def post(self, url: str, **what: Any) -> TestResponse:
        return self.request("POST", url, **what)

    def put(self, url: str, **what: Any) -> TestResponse:
        return self.request("PUT", url, **what)

    def patch(self, url: str, **what: Any) -> TestResponse:
        return self.request("PATCH", url, **what)

    def delete(self, url: str, **what: Any) -> TestResponse:
        return self.request("DELETE", url, **what)


def is_in_coroutine() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class SyncSocketSession:
    """A WebSocket of a plain test; the names are FastAPI's."""

    def __init__(self, client: TestClient, session: SocketSession) -> None:
        self._client = client
        self._session = session

    @property
    def accepted_subprotocol(self) -> str | None:
        return self._session.accepted_subprotocol

    def send_text(self, data: str) -> None:
        self._client._run(self._session.send_text(data))

    def send_bytes(self, data: bytes) -> None:
        self._client._run(self._session.send_bytes(data))

    def send_json(self, data: Any) -> None:
        self._client._run(self._session.send_json(data))

    def receive_text(self) -> str:
        return self._client._run(self._session.receive_text())

    def receive_bytes(self) -> bytes:
        return self._client._run(self._session.receive_bytes())

    def receive_json(self) -> Any:
        return self._client._run(self._session.receive_json())

    def close(self, code: int = 1000, reason: str = "") -> None:
        self._client._run(self._session.close(code, reason))
