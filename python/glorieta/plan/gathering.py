"""One answer of several calls: its parts are resolved, and what cannot work is said before anything is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..config.errors import Path, Wrong, did_you_mean
from ..config.gather import MOST_PARTS, Gather, Part, Shape
from ..config.match import parameters_of
from ..config.units import format_duration, milliseconds
from ..config.words import check_word, template_words
from .parts import body_of, is_within, members_of, need_of, needed_by, texts_of
from .targets import known_upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..config.route import RouteDefaults
    from .compiling import Compiling
    from .model import GatherPart, GatherShape, GatherTarget, UpstreamTimeouts

BODILESS = ("GET", "HEAD")
SHAPING = ("pick", "select", "drop", "rename", "flatten")


def compile_gather(
    compiling: Compiling,
    gather: Gather,
    path: Path,
    pattern: str,
    used: RouteDefaults,
    timeouts: UpstreamTimeouts,
) -> GatherTarget:
    """`path` is the place of `gather`, `pattern` the path of its route, `used` what holds for that."""
    gathering = Gathering(compiling, gather, path, frozenset(parameters_of(pattern)))
    gathering.check()
    host = used.host if used.host in ("preserve", "upstream") else {"name": used.host}
    return {
        "parts": [gathering.part(name, host, timeouts, used.retries) for name in gather.parts],
        "deadline_ms": None if gather.deadline is None else milliseconds(gather.deadline),
        "conflict": gather.conflict,
        "shape": compile_shape(gather),
        "report": gather.report,
        "head": gather.head,
        "max_bytes": int(gather.max_size),
    }


def compile_shape(shape: Shape) -> GatherShape:
    return {
        "pick": shape.pick,
        "select": list(shape.select),
        "drop": list(shape.drop),
        "rename": [[path, name] for path, name in shape.rename.items()],
        "flatten": list(shape.flatten),
    }


class Gathering:
    """The parts of one route while they are compiled."""

    def __init__(self, compiling: Compiling, gather: Gather, path: Path, parameters: frozenset[str]) -> None:
        self.compiling = compiling
        self.gather = gather
        self.path = path
        self.parameters = parameters
        self.needs: dict[str, dict[str, Path]] = {}
        """For each part those that it needs, and where it says so."""

    def error(self, path: Path, message: str, fix: str | None = None, *, also: Path | None = None) -> None:
        self.compiling.error((*self.path, *path), message, fix, also=None if also is None else (*self.path, *also))

    def has_lost_parts(self) -> bool:
        """Whether parts were taken out, so that a name that is not here may be one of theirs."""
        place = (*self.path, "parts")
        return self.compiling.is_missing(place) or any(each[:-1] == place for each in self.compiling.missing)

    def part(self, name: str, host: Any, timeouts: UpstreamTimeouts, retries: int) -> GatherPart:
        part, path = self.gather.parts[name], (*self.path, "parts", name)
        upstream = known_upstream(self.compiling, part.to, (*path, "to")) if part.to else ""
        forward = [each.lower() for each in (*self.gather.forward, *part.forward)]
        return {
            "name": name,
            "upstream": upstream,
            "host": host,
            "timeouts": timeouts,
            "retries": retries,
            "method": part.method,
            "path": part.path or "/",
            "query": [[each, text] for each, text in part.query.items()],
            "headers": [[each, text] for each, text in part.headers.items()],
            "forward": list(dict.fromkeys(forward)),
            "body": body_of(part),
            "timeout_ms": None if part.timeout is None else milliseconds(part.timeout),
            "after": list(dict.fromkeys(part.after)),
            "need": need_of(part),
            "reads": part.reads,
            "shape": compile_shape(part),
            "nest": part.nest,
        }

    def check(self) -> None:
        parts = self.gather.parts
        if not parts and not self.compiling.is_touched((*self.path, "parts")):
            self.error((), "has no parts", "write parts: {NAME: {to: UPSTREAM, path: /…}}")
        if len(parts) > MOST_PARTS:
            self.error(("parts",), f"has {len(parts)} parts, and {MOST_PARTS} are the most", "answer by a handler")
        if parts and all(part.shadow for part in parts.values()):
            self.error(("parts",), "every part is a shadow, so nothing is answered", "let one be none")
        for name, part in parts.items():
            self.check_part(name, part)
        self.check_order()
        self.check_nests()
        self.check_whole()

    def check_part(self, name: str, part: Part) -> None:
        place: Path = ("parts", name)
        for field, example in (("to", "to: UPSTREAM"), ("path", "path: /…")):
            if not getattr(part, field) and not self.compiling.is_touched((*self.path, *place, field)):
                what = (
                    "does not say which upstream is asked" if field == "to" else "does not say which path is asked for"
                )
                self.error(place, what, f"write {example}")
        self.check_need(part, place)
        self.check_shape(part, place)
        if part.body is not None and part.method in BODILESS:
            self.error((*place, "body"), f"a {part.method} has no body", "write method: POST, or leave it out")
        if part.reads == "text":
            self.check_text(part, place)
        deadline = self.gather.deadline
        if part.timeout is not None and deadline is not None and part.timeout > deadline and not part.shadow:
            message = f"is longer than what all parts have, {format_duration(deadline)}, so it is never reached"
            self.compiling.warn((*self.path, *place, "timeout"), message, "leave it out")
        self.needs[name] = {}
        for needed, where in needed_by(part, place):
            self.note_need(name, needed, where)
        for text, where in texts_of(part, place):
            self.check_words(text, where)

    def check_need(self, part: Part, place: Path) -> None:
        if part.shadow and part.optional is not None:
            self.error((*place, "optional"), "nobody waits for a shadow, so it is optional anyway", "leave it out")
        if part.shadow and (said := [each for each in (*SHAPING, "nest") if part.written(each)]):
            self.error((*place, said[0]), "a shadow's answer is thrown away", "leave it out")
        if part.shadow or part.nest is not None or part.optional is None or not part.optional.written("default"):
            return
        if not isinstance(part.optional.default, dict):
            where = (*place, "optional", "default")
            self.error(where, "has no members that could be the answer's own", "write nest: NAME, or a mapping")

    def check_text(self, part: Part, place: Path) -> None:
        if part.nest is None and not part.shadow:
            self.error((*place, "reads"), "a text has no members that could be the answer's own", "write nest: NAME")
        for each in SHAPING:
            if part.written(each):
                self.error((*place, each), "a text has no members", "leave it out")

    def check_shape(self, shape: Shape, place: Path) -> None:
        for path in shape.rename:
            if path in shape.flatten:
                self.error((*place, "rename", path), f"{path} is flattened, so its name is gone", "keep one")
            elif shape.select and not any(is_within(path, each) or is_within(each, path) for each in shape.select):
                self.error((*place, "rename", path), f"{path} is not selected", "select it, too")

    def note_need(self, name: str, needed: str, where: Path) -> None:
        parts = self.gather.parts
        if needed not in parts:
            if not self.has_lost_parts():
                self.error(where, f'there is no part "{needed}"', did_you_mean(needed, parts))
        elif parts[needed].shadow:
            message = f'part "{needed}" is a shadow, whose answer nobody waits for'
            self.error(where, message, "leave shadow out there", also=("parts", needed, "shadow"))
        else:
            self.needs[name].setdefault(needed, where)

    def check_words(self, text: str, where: Path) -> None:
        for word in template_words(text):
            if word.startswith("path."):
                try:
                    check_word(word, parameters=self.parameters)
                except Wrong as wrong:
                    self.error(where, wrong.message, wrong.fix)

    def check_order(self) -> None:
        """Each part begins at some time."""
        begun: set[str] = set()
        while ready := [name for name, needs in self.needs.items() if name not in begun and needs.keys() <= begun]:
            begun.update(ready)
        stuck = {
            name: {each: where for each, where in needs.items() if each not in begun}
            for name, needs in self.needs.items()
            if name not in begun
        }
        if not stuck:
            return
        # Whoever follows needs comes back to where they were.
        way = [next(iter(stuck))]
        while (following := next(iter(stuck[way[-1]]))) not in way:
            way.append(following)
        circle = [*way[way.index(following) :], following]
        where = stuck[circle[0]][circle[1]]
        self.error(where, f"parts wait for each other: {' → '.join(circle)}", "take one of these needs out")

    def check_nests(self) -> None:
        """Members that two parts give in any case."""
        found: dict[str, Path] = {}
        for name, part in self.gather.parts.items():
            if part.nest is None or part.shadow:
                continue
            where: Path = ("parts", name, "nest")
            first = found.setdefault(part.nest, where)
            if first != where and self.gather.conflict == "error":
                message = f'two parts give the member "{part.nest}"'
                self.error(where, message, "choose another name, or write conflict: deep", also=first)

    def check_report(self) -> None:
        """The report is in the answer, and takes no other member's place."""
        gather, report = self.gather, self.gather.report
        if report is None:
            return
        if gather.pick is not None:
            self.error(("report",), "is lost: pick passes on what stands at one path only", "leave one of them out")
        elif gather.select and not any(path.partition(".")[0] == report for path in gather.select):
            message = "is lost: select does not pass it on"
            self.error(("report",), message, f"write {report} into select, too", also=("select",))
        elif "." not in report and report in gather.drop:
            place: Path = ("drop", gather.drop.index(report))
            self.error(("report",), "is lost: drop takes it out", "leave one of them out", also=place)
        also = next((where for name, where in self.members() if name == report), None)
        if also is not None:
            message = f'the member "{report}" is a part\'s'
            self.error(("report",), message, "choose another name, such as _missing", also=also)

    def members(self) -> Iterator[tuple[str, Path]]:
        """Members that the answer may have for all that is written, and where it is."""
        for name, part in self.gather.parts.items():
            if not part.shadow:
                yield from members_of(part, ("parts", name))
        for path, new in self.gather.rename.items():
            if "." not in path and path != self.gather.report:
                yield new, ("rename", path)

    def check_whole(self) -> None:
        gather = self.gather
        self.check_shape(gather, ())
        self.check_report()
        if gather.head is None:
            return
        part = gather.parts.get(gather.head)
        if part is None:
            if not self.has_lost_parts():
                self.error(("head",), f'there is no part "{gather.head}"', did_you_mean(gather.head, gather.parts))
        elif part.shadow or part.optional is not None:
            self.error(("head",), f'part "{gather.head}" may be missing', "name a required part")
