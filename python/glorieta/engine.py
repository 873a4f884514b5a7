"""The one door to Rust: everything that starts, changes or asks the engine comes through here.

It imports nothing but the extension module, because the serving process lives on what this file costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

try:
    from glorieta._engine import Carrier, Engine, PlanRefused, check, version
    from glorieta._engine import Trial as EngineTrial
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "the engine is not built for this Python; run `make develop` in a checkout, or reinstall glorieta",
        name=error.name,
    ) from None

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Carrier", "Engine", "PlanRefused", "Trial", "check", "version"]


class Trial:
    """A Plan that is asked instead of served: what becomes of a request, by the code that serves. Nothing is sent.

    A question is `{"method", "url", "headers": [[name, value]], "from", "body_bytes", "certificate", "listener"}`;
    all but the first two may be left out. The answer is what `glorieta try --json` prints.
    """

    def __init__(self, plan: str) -> None:
        """`PlanRefused`."""
        self._trial = EngineTrial(plan)

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """What would become of this request. `ValueError`: the question cannot be understood."""
        import json

        answer: dict[str, Any] = json.loads(self._trial.ask(json.dumps(question)))
        return answer
