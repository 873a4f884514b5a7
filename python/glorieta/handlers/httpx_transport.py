"""Code that is written for httpx, over the engine's upstreams.

```python
client = httpx.AsyncClient(transport=httpx_transport(), base_url="http://users")
user = (await client.get(f"/users/{user_id}")).json()
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .over_httpx import UpstreamTransport


def httpx_transport() -> UpstreamTransport:
    """A transport for `httpx.AsyncClient`, and for `httpx.Client` where it is used on a thread, as in a handler that is
    a plain `def`. It may be made once and kept; it is used while a request is handled.

    The host of a URL is the upstream's name, with a dot for the slash of a team's: `http://orders.users/`. Scheme and
    port mean nothing, for how an upstream is reached is its configuration. Of httpx's timeouts the one for reading
    counts, until the answer begins and then for each piece; connecting, waiting for a connection and retrying are the
    engine's, and the request's deadline is over all. Errors are httpx's: `ConnectError`, `ConnectTimeout`,
    `ReadTimeout`, `PoolTimeout`, `RemoteProtocolError`, and `UnsupportedProtocol` for an upstream that is not among
    the `calls`. `RuntimeError`: an `httpx.Client` is used on the event loop's own thread. `ModuleNotFoundError`: httpx
    is not installed.
    """
    # Optional: only who has code for httpx has httpx.
    from .over_httpx import UpstreamTransport

    return UpstreamTransport()
