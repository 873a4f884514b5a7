"""How clients learn that a listener speaks HTTP/3."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from .base import Noun, whole
from .units import Duration


class AltSvc(Noun):
    """`Alt-Svc` (RFC 7838): answers over HTTP/1.1 and HTTP/2 say that HTTP/3 is spoken, too, and clients may come by it
    the next time. It replaces what an upstream says of itself under that name."""

    port: Annotated[int, whole(1, 65535)] | None = None
    """The port of UDP that clients see. Left out: that of the address at which the request came in. Needed where
    something in front maps ports."""
    max_age: Duration = timedelta(days=1)
    """How long clients may remember it, a duration. While they do, they try HTTP/3 first: shorten it some time before
    HTTP/3 is switched off."""
