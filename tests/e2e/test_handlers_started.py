"""Who waits for `plan … is running` may ask at once: also where handlers take their time to start, or cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import Command, get, unused_port, wait_until

if TYPE_CHECKING:
    from pathlib import Path

ROUTER = """\
import asyncio
from contextlib import asynccontextmanager
from glorieta.handlers import Router


@asynccontextmanager
async def lifespan(_):
    {lifespan}
    yield


router = Router(lifespan=lifespan)


@router.get("/")
async def hello() -> str:
    return "hello"
"""


def start(folder: Path, lifespan: str) -> Command:
    (folder / "slow.py").write_text(ROUTER.format(lifespan=lifespan))
    port = unused_port()
    # A request that came before the process is ready would be answered with 503.
    return Command(
        f"version: 1\nhandlers: {{wait: 1ms}}\nlisteners: {{web: {{bind: '127.0.0.1:{port}', handler: slow.py:router}}}}\n",
        folder,
    )


def test_it_is_said_to_run_when_handlers_are_ready(tmp_path: Path) -> None:
    edge = start(tmp_path, "await asyncio.sleep(0.5)")
    try:
        wait_until(lambda: "is running" in edge.stderr, 20, "the word")
        assert get(edge.port, "/").status == 200
    finally:
        assert edge.stop() == 0


def test_it_is_not_said_to_run_when_they_cannot(tmp_path: Path) -> None:
    edge = start(tmp_path, "raise KeyError('no key')")
    assert edge.wait_end() == 2
    assert "is running" not in edge.stderr
    assert "no key" in edge.stderr
