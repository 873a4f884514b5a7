"""The real NGINX and glorieta with what was imported get the same requests and do the same with them."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import Runner

from .checking import Outcome, compare, spread
from .corpus import names, read_case
from .nginx import lacking
from .pair import Pair

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.tool("nginx", "nginx libnginx-mod-stream"),
    pytest.mark.tool("openssl", "openssl"),
    pytest.mark.timeout(60),
]
FEWEST_REQUESTS = 20
SHOWN = 12


@pytest.fixture(scope="module")
def outcomes() -> Iterator[dict[str, Outcome]]:
    """All outcomes; `IMPORT_FIGURES` names a file for them."""
    found: dict[str, Outcome] = {}
    yield found
    if os.environ.get("IMPORT_FIGURES"):
        allowed: Counter[str] = sum((each.allowed for each in found.values()), Counter())
        figures = {
            "configurations": len(found),
            "requests": sum(each.requests for each in found.values()),
            "the same": sum(each.same for each in found.values()),
            "not allowed": sum(len(each.wrong) for each in found.values()),
            "allowed by reason": dict(allowed.most_common()),
        }
        Path(os.environ["IMPORT_FIGURES"]).write_text(json.dumps(figures, indent=2) + "\n")


@pytest.fixture(scope="module", params=names())
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    if lack := lacking(read_case(request.param)):
        pytest.skip(lack)
    runner = Runner(lambda: tmp_path_factory.mktemp("run"))
    made = None
    try:
        made = Pair(read_case(request.param), tmp_path_factory.mktemp("pair"), runner)
        yield made
        runner.check()
    finally:
        if made:
            made.stop()
        runner.stop()


def test_answers_are_the_same(pair: Pair, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[pair.case.name] = compare(pair)
    assert outcome.requests >= FEWEST_REQUESTS or any(server.stream for server in pair.servers)
    shown = "\n".join(outcome.wrong[:SHOWN])
    assert not outcome.wrong, (
        f"{len(outcome.wrong)} of {outcome.requests} requests differ:\n{shown}\n{pair.glorieta.imported.yaml}"
    )
    assert not outcome.unused, f"these differences did not occur: {outcome.unused}"


def test_endpoints_get_the_same_shares(pair: Pair) -> None:
    for shares in pair.case.shares:
        nginx, glorieta = spread(pair, shares)
        most = shares.within * shares.count
        far = {name for name in nginx | glorieta if abs(nginx[name] - glorieta[name]) > most}
        equal = {each.name for each in pair.behind.services if each.group == next(iter(nginx)).partition(".")[0]}
        assert {*nginx, *glorieta} <= equal, f"NGINX {dict(nginx)}, glorieta {dict(glorieta)}"
        assert shares.why or not far, f"NGINX {dict(nginx)}, glorieta {dict(glorieta)}"
