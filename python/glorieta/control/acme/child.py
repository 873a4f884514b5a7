"""The program that orders: `python -m glorieta.control.acme.child DESCRIPTOR`.

It reads `{"orders": …, "forced": […]}` from the descriptor, does what is due and ends, with
`{"do": "rest", "seconds": …}` as its last word. On the way it has the serving
process put and remove what proves names, and say things.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from .line import Line
from .problems import Abandoned, OrderFailed
from .storage import Storage, StorageBusy, StorageUnsafe
from .work import Work

if TYPE_CHECKING:
    from ...plan.model.acme import Orders

LOCK_PATIENCE = 10.0
BUSY_PAUSE, BROKEN_PAUSE = 60.0, 300.0
LEAST_REST = 1.0


def main(descriptor: int) -> int:
    signal.signal(signal.SIGTERM, leave)
    # What the user's program says must not be taken for a word of ours.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    line = Line(sys.stdin, out)
    asked = json.loads(os.pread(descriptor, os.fstat(descriptor).st_size, 0))
    try:
        line.tell({"do": "rest", "seconds": rest_after(line, asked["orders"], frozenset(asked["forced"]))})
    except Abandoned:
        return 1
    return 0


def leave(*_: object) -> NoReturn:
    """What was put somewhere is taken away on the way out."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(1)


def rest_after(line: Line, orders: Orders, forced: frozenset[str]) -> float:
    """Does what is due; how many seconds there is nothing more to do."""
    folder = Path(orders["certificates"][0]["file"]).parent.parent
    storage = Storage(folder)
    try:
        storage.prepare()
        with storage.locked(LOCK_PATIENCE):
            moment = Work(orders, storage, line, forced).do()
    except StorageBusy:
        return BUSY_PAUSE
    except (StorageUnsafe, OrderFailed) as error:
        return broken(line, str(error))
    except OSError as error:
        return broken(line, f"{error.filename or folder}: {error.strerror}")
    return max(moment - time.time(), LEAST_REST)


def broken(line: Line, why: str) -> float:
    line.say("certificate-failed", f"no certificates can be ordered: {why}", names=[], why=why)
    return BROKEN_PAUSE


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
