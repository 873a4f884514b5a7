"""What a row is: a load, the tables that it stands in, and the goals."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

OURS = "glorieta"
OURS_WITH_HANDLERS = "glorieta-handlers"
"""The contender whose configuration has handlers."""
LATENCY_PEER = "nginx"
"""The peer whose added 99th percentile ours may not exceed, and whose saturating rate sets the load."""


class Table(StrEnum):
    """How much every contender does besides forwarding or answering."""

    EQUAL = "equal"
    """An access log line per request to a file, X-Forwarded-For and a request id; metrics and checks in ours."""
    BARE = "bare"
    """None of these, in any contender."""
    HANDLERS = "handlers"
    """Answers that somebody's own code makes: as bare, and the contenders are servers of applications."""
    PROTOCOLS = "protocols"
    """TLS, HTTP/2 and what else an edge speaks, each by itself: as bare."""


class Layer(StrEnum):
    """What is spoken where a load goes."""

    HTTP = "http"
    TCP = "tcp"
    TLS = "tls"
    """HTTP by TLS: HTTP/1.1 or HTTP/2, as the load asks."""
    HTTP3 = "http3"
    UDP = "udp"


class Loader(StrEnum):
    """What sends the load."""

    WRK = "wrk"
    HANDSHAKES = "openssl s_time, full handshakes"
    RESUMPTIONS = "openssl s_time, resumed"
    H2LOAD = "h2load"
    HTTP3 = "aioquic"
    DATAGRAMS = "datagrams"


class Figure(StrEnum):
    """What is compared."""

    CPU = "CPU"
    """CPU time per request."""
    LATENCY = "median latency"
    """Half of the answers came sooner."""


@dataclass(frozen=True)
class Goal:
    """Ours, divided by a peer's of the same round, is at most this."""

    most: float
    peers: tuple[str, ...] = ()
    """The peer is the best of these; none: the best of all that take part."""
    figure: Figure = Figure.CPU


@dataclass(frozen=True)
class Row:
    """One kind of load."""

    id: str
    title: str
    goals: tuple[Goal, ...]
    layer: Layer
    connections: int
    path: str
    new_connections: bool = False
    """Whether every request opens a connection of its own."""
    tables: frozenset[Table] = frozenset({Table.EQUAL, Table.BARE})
    """The tables that it stands in."""
    body: str | None = None
    """JSON that is sent with POST; none: GET."""
    wrong_body: str | None = None
    """JSON that every contender must refuse with 422: so it is known to look at bodies."""
    loader: Loader = Loader.WRK
    streams: int = 1
    """Requests at a time on each connection."""
    headers: tuple[str, ...] = ()
    """Sent with every request, each as `Name: value`."""
    grpc: bool = False
    """Whether every request is an empty message of gRPC, sent with POST."""
    meanwhile: str | None = None
    """A path that ours is asked for all the while, one request after the other. Then the CPU time of the first process
    alone counts, the one that proxies."""

    @property
    def method(self) -> str:
        return "GET" if self.body is None else "POST"

    @property
    def ours(self) -> str:
        """The contender that the goals are for."""
        return OURS_WITH_HANDLERS if Table.HANDLERS in self.tables else OURS

    @property
    def names(self) -> frozenset[str]:
        """The contenders that its goals name, and ours; none: whoever can takes part."""
        peers = {name for goal in self.goals for name in goal.peers}
        return frozenset(peers | {self.ours}) if peers else frozenset()

    def goal_id(self, goal: Goal) -> str:
        """The row's; further goals have their peer's or their figure's name beside it."""
        if goal is self.goals[0]:
            return self.id
        return f"{self.id}-{goal.peers[0]}" if goal.figure is self.goals[0].figure else f"{self.id}-latency"
