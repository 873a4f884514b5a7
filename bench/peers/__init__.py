"""Who takes part: one package per contender, with its configuration beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.peers.aiohttp import Aiohttp
from bench.peers.caddy import Caddy
from bench.peers.chain import Chain
from bench.peers.envoy import Envoy
from bench.peers.fastify import Fastify
from bench.peers.glorieta import Glorieta, GlorietaWithPython
from bench.peers.glorieta.with_handlers import GlorietaWithHandlers, GlorietaWithoutHandlers
from bench.peers.granian import FastapiOnGranian, Granian
from bench.peers.haproxy import Haproxy
from bench.peers.nginx import Nginx
from bench.peers.uvicorn import FastapiOnUvicorn

if TYPE_CHECKING:
    from bench.peers.contender import Contender

PROXIES: tuple[Contender, ...] = (Glorieta(), Nginx(), Haproxy(), Envoy(), Caddy())
APPLICATION_SERVERS: tuple[Contender, ...] = (
    GlorietaWithHandlers(),
    GlorietaWithoutHandlers(),
    Granian(),
    FastapiOnGranian(),
    FastapiOnUvicorn(),
    Aiohttp(),
    Fastify(),
    Chain(),
)
CONTENDERS = (*PROXIES, *APPLICATION_SERVERS)
WITH_PYTHON = GlorietaWithPython()
"""Only its memory at the start is measured."""
TITLES = {contender.name: contender.title for contender in (*CONTENDERS, WITH_PYTHON)}
NAMES = tuple(contender.name for contender in CONTENDERS)


def named(name: str) -> Contender:
    for contender in CONTENDERS:
        if contender.name == name:
            return contender
    raise ValueError(f"there is no contender {name!r}; they are {', '.join(NAMES)}")
