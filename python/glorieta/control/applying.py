"""What runs, what ran before it, and how the engine gets another Plan: whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from ..engine import PlanRefused
from .channel import Document
from .compiled import Compiled
from .history import Applied, History, pack, unpack
from .notify import READY, status, tell
from .signals import kept_from_threads
from .signatures import signatures

if TYPE_CHECKING:
    from ..engine import Engine
    from .say import Speaker


@dataclass(frozen=True)
class Begun:
    """What the engine has made of a Plan, before that is said."""

    result: Literal["applied", "unchanged", "secrets", "refused"]
    problems: list[Document] = field(default_factory=list)


class Applier:
    """Hands Plans to the engine and says how that went."""

    def __init__(self, engine: Engine, running: Compiled, speaker: Speaker) -> None:
        self.engine = engine
        self.speaker = speaker
        self.history = History(noted(running, "start"))
        self.secrets = running.secrets
        """The files that the engine has read, as they were then."""
        self.files_version = running.version
        """The Plan that the configuration's files make, as far as is known."""

    @property
    def version(self) -> str:
        return self.history.current.version

    @property
    def is_rolled_back(self) -> bool:
        """Whether something else runs than the files say, because somebody wanted that."""
        return self.version != self.files_version

    def plan(self, wanted: str | None = None) -> str:
        """The Plan that runs, or an earlier one, as text. `NoSuchPlan`."""
        return unpack((self.history.find(wanted) if wanted else self.history.current).packed)

    def tell_ready(self) -> None:
        differ = " (rolled back: files differ)" if self.is_rolled_back else ""
        tell(READY, status(f"Serving plan {self.version}{differ}"))

    def begin(self, first: Compiled, cause: str) -> Begun:
        """Hands over what the files say now; what there is to say of it comes later."""
        plan = first.plan or ""
        is_new = first.version != self.version
        if not is_new and first.secrets == self.secrets:
            self.files_version = first.version
            return Begun("unchanged")
        problems = self.hand_over(plan)
        if problems:
            return Begun("refused", problems)
        self.files_version, self.secrets = first.version, first.secrets
        if is_new:
            self.history.add(noted(first, cause))
        return Begun("applied" if is_new else "secrets")

    def conclude(self, begun: Begun, compiled: Compiled, cause: str) -> Document:
        """Says how it went, with everything that is known of it by now."""
        match begun.result:
            case "refused":
                if compiled.problems:
                    # The same, with places in files.
                    return self.refused(compiled.problems_text, compiled.problems)
                return self.refused(lines(begun.problems), begun.problems)
            case "unchanged":
                self.speaker.event("unchanged", "nothing has changed", version=self.version)
            case "secrets":
                self.say_secrets()
            case "applied":
                self.history.describe(compiled.summary)
                self.speaker.event(
                    "applied",
                    f"reloaded ({cause}), plan {self.version}\n{compiled.changes_text}",
                    version=self.version,
                    cause=cause,
                    changes=compiled.changes,
                    warnings=compiled.warnings,
                )
                self.speaker.plain(compiled.warnings_text or compiled.problems_text)
        return self.outcome(begun.result, compiled)

    def refuse(self, compiled: Compiled) -> Document:
        """There is no Plan."""
        self.engine.count_refused()
        return self.refused(compiled.problems_text, compiled.problems)

    def read_secrets_anew(self) -> None:
        """Files that the running Plan refers to have changed, and nothing else is to be applied."""
        current = self.history.current
        secrets = signatures(current.secrets)
        problems = self.hand_over(unpack(current.packed))
        if problems:
            self.refused(lines(problems), problems)
            return
        self.secrets = secrets
        self.say_secrets()

    def say_secrets(self) -> None:
        self.speaker.event("secrets", f"secrets read anew, plan {self.version}", version=self.version)

    def roll_back(self, chosen: Applied, in_the_way: list[Document]) -> Document:
        """An earlier Plan, at once. The files stay as they are. `in_the_way`: why its handlers cannot run."""
        about = {"version": chosen.version, "number": chosen.number, "from": self.version}
        if chosen.version == self.version:
            return {"result": "unchanged", **about, "files_differ": self.is_rolled_back}
        secrets = signatures(chosen.secrets)
        problems = in_the_way or self.hand_over(unpack(chosen.packed))
        if problems:
            return {**about, **self.refused(lines(problems), problems, "the rollback")}
        self.secrets = secrets
        summary = f"back to {chosen.origin}"
        self.history.add(replace(chosen, cause="rollback", summary=summary, restores=chosen.origin, time=0.0))
        self.speaker.event("rolled-back", f"rolled back to plan {chosen.version} from {about['from']}", **about)
        self.tell_ready()
        return {"result": "rolled back", **about, "files_differ": self.is_rolled_back}

    def hand_over(self, plan: str) -> list[Document]:
        """What the engine says against it; if nothing, it runs."""
        try:
            with kept_from_threads():
                self.engine.apply(plan)
        except PlanRefused as error:
            return [{"path": path, "message": message} for path, message in error.problems]
        return []

    def refused(self, text: str, problems: list[Document], what: str = "the configuration") -> Document:
        said = f"{text}\n{what} was refused; plan {self.version} stays"
        self.speaker.event("refused", said, version=self.version, problems=problems)
        return {"result": "refused", "version": self.version, "problems": problems, "text": text}

    def outcome(self, result: str, compiled: Compiled) -> Document:
        return {
            "result": result,
            "version": self.version,
            "changes": compiled.changes,
            "warnings": compiled.warnings,
            "text": "\n".join(text for text in (compiled.changes_text, compiled.warnings_text) if text),
        }


def noted(compiled: Compiled, cause: str) -> Applied:
    """How a Plan is remembered."""
    packed = pack(compiled.plan or "")
    secrets = tuple(compiled.secrets)
    return Applied(
        compiled.version,
        cause,
        compiled.summary,
        packed,
        secrets=secrets,
        launch=compiled.launch,
        orders=compiled.orders,
    )


def lines(problems: list[Document]) -> str:
    return "\n".join(f"{each['path']}: {each['message']}" for each in problems)
