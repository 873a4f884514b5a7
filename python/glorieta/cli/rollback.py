"""`glorieta rollback`: has a running glorieta go back to a Plan that it ran before."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import AsJson, Files, references_of
from .output import fail, print_json, refuse_with

if TYPE_CHECKING:
    from collections.abc import Sequence


def rollback(
    plan: Annotated[
        str | None,
        typer.Argument(metavar="VERSION|NUMBER", help="Which one, as --list shows. Left out: the one before."),
    ] = None,
    files: Files = None,
    listed: Annotated[bool, typer.Option("--list", help="Show the plans that are remembered, and stop there.")] = False,
    as_json: AsJson = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the result.", min=1.0)] = 30.0,
) -> None:
    """Have the running glorieta apply a plan that it ran before: at once, whole or not at all.

    The files stay as they are, and are not applied again before they are changed, or `glorieta reload` is asked
    for. Asked again, it goes back one more. A running glorieta remembers its last 10 plans.

    \b
    Examples:
      glorieta rollback
      glorieta rollback --list
      glorieta rollback 3
      glorieta rollback 8c0f27a9d1e4 -f base.yaml -f prod.yaml

    Exit codes: 0 applied, or it runs already · 1 nothing runs, no such plan, or no answer in time · 2 refused
    """
    references = references_of(None, files)
    if plan and not plan.isalnum():
        fail(f'"{plan}" is no version; a configuration is named by -f {plan}', as_json)
    if listed:
        print_list(references, timeout, as_json)
        return
    question = {"do": "rollback"} if plan is None else {"do": "rollback", "plan": plan}
    answer = asked(references, question, timeout, as_json)
    text = str(answer.pop("text", ""))
    if answer["result"] == "refused":
        refuse_with(answer, f"{text}\nrefused; plan {answer['version']} stays", as_json)
    if answer["result"] == "rolled back":
        answer["changes"], text = difference(references, answer, timeout)
    if as_json:
        print_json(answer)
        return
    if answer["result"] == "unchanged":
        print(f"plan {answer['version']} is running already")
        return
    print(text or "applied")
    print(f"plan {answer['version']} is running")
    if answer["files_differ"]:
        print("rolled back: files differ; `glorieta reload`, or the next change of them, applies them")


def asked(references: Sequence[str], question: dict[str, Any], timeout: float, as_json: bool) -> dict[str, Any]:
    """The answer of the one that runs; otherwise that is the end."""
    from .running import answer_of

    return answer_of(references, question, timeout, as_json, refused="not rolled back")


def difference(references: Sequence[str], answer: dict[str, Any], timeout: float) -> tuple[list[dict[str, Any]], str]:
    """What the rollback has changed: compared here, because the serving process has no words for it."""
    from ..plan import diff, diff_text, read_plan
    from .running import ask_running

    before, after = (
        ask_running(references, {"do": "plan", "plan": answer[which]}, timeout) for which in ("from", "version")
    )
    if not before or not after or "error" in before or "error" in after:
        return [], ""
    changes = diff(read_plan(before["plan"]), read_plan(after["plan"]))
    return [change.as_json() for change in changes], diff_text(changes)


def print_list(references: Sequence[str], timeout: float, as_json: bool) -> None:
    answer = asked(references, {"do": "history"}, timeout, as_json)
    if as_json:
        print_json({"rolled_back": answer["rolled_back"], "plans": answer["plans"]})
        return
    for each in answer["plans"]:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(each["time"]))
        mark = "→" if each["running"] else " "
        print(f"{mark} {each['number']:>3}  {each['version']}  {when}  {each['cause']:<12}  {each['summary']}")
    if answer["rolled_back"]:
        print("rolled back: files differ")
