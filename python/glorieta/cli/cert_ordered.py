"""`glorieta cert status` and `glorieta cert renew`: certificates that are ordered by themselves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import AsJson, Files, Reference, references_of
from .output import fail, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..plan.model import Orders


def status(reference: Reference = None, files: Files = None, as_json: AsJson = False) -> None:
    """Show the certificates that a configuration orders (ACME): what is there, when it is renewed, and what has failed.

    What is shown lies in the folder that `acme: {storage: …}` names, so it needs no running glorieta, but a user who
    may look there.

    \b
    Examples:
      glorieta cert status
      glorieta cert status /etc/glorieta/glorieta.yaml --json

    Exit codes: 0 all are there · 1 one is missing or has expired, or may not be looked at · 2 refused
    """
    orders = orders_of(reference, files, as_json)
    try:
        found = [one(each["names"], each["file"]) for each in orders["certificates"]]
    except OSError as error:
        fail(f"cannot look into {error.filename}: {error.strerror}", as_json)
    if as_json:
        print_json({"directory": orders["acme"]["directory"], "certificates": found})
    else:
        print("\n\n".join("\n".join(lines(each, time.time())) for each in found))
    if any(each["ends"] is None or each["days_left"] < 0 for each in found):
        raise typer.Exit(1)


def renew(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME…", help="Certificates, by any of their names; none: all.")
    ] = None,
    files: Files = None,
    as_json: AsJson = False,
) -> None:
    """Have the running glorieta order certificates now, whatever is due and whatever has failed before.

    For a try after something was mended: renewal needs nobody. Issuers bound how often that may be done. How it goes is
    said in the running one's log, and by `glorieta cert status`.

    \b
    Examples:
      glorieta cert renew shop.example
      glorieta cert renew -f base.yaml -f prod.yaml

    Exit codes: 0 asked · 1 nothing runs, or orders no such certificate
    """
    from .running import ASK_SECONDS, answer_of

    question = {"do": "renew", "names": names or []}
    answer = answer_of(references_of(None, files), question, ASK_SECONDS, as_json, refused="nothing was ordered")
    if as_json:
        print_json(answer)
    else:
        print("\n".join(f"ordering {each}" for each in answer["certificates"]))


def orders_of(reference: str | None, files: list[str] | None, as_json: bool) -> Orders:
    from ..config import ConfigError
    from ..plan import build
    from .output import refuse_error
    from .streams import code_to_standard_error

    try:
        with code_to_standard_error():
            orders = build(references_of(reference, files), secrets=False).orders
    except ConfigError as error:
        refuse_error(error, as_json)
    if orders is None:
        fail("this configuration orders no certificates; write tls: {acme: on} at a listener", as_json)
    return orders


def one(names: list[str], file: str) -> dict[str, Any]:
    """One certificate as a document. `OSError`: nobody may look."""
    from pathlib import Path

    from ..control.acme.held import found_in
    from ..control.acme.storage import record_of
    from ..plan.certificates.facts import now

    path = Path(file)
    if path.exists():
        path.open("rb").close()
    found, record = found_in(path), record_of(path)
    facts = found.facts if found is not None else None
    is_known = facts is not None and record.fingerprint == facts.fingerprint
    return {
        "names": names,
        "file": file,
        "ends": facts.ends.isoformat() if facts is not None else None,
        "days_left": facts.days_left(now()) if facts is not None else None,
        "covers": list(facts.names) if facts is not None else [],
        "renews": when(record.renew_at) if is_known else None,
        "renewal_by_issuer": is_known and record.window is not None,
        "explanation": record.explanation or None,
        "error": record.error or None,
        "failures": record.failures,
        "failed": when(record.failed_at),
        "again": when(record.not_before) if record.error else None,
    }


def when(moment: float | None) -> str | None:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds") if moment else None


def lines(document: dict[str, Any], now: float) -> Iterator[str]:
    """One certificate for a person."""
    yield ", ".join(document["names"])
    yield f"  certificate  {certificate_text(document)}"
    if missing := [name for name in document["names"] if document["ends"] and name not in document["covers"]]:
        yield f"  not yet      {', '.join(missing)}"
    if document["renews"]:
        by = " (the issuer says so)" if document["renewal_by_issuer"] else ""
        why = f": {document['explanation']}" if document["explanation"] else ""
        yield f"  renewal      {moment_text(document['renews'], now)}{by}{why}"
    if document["error"]:
        yield f"  failed       {moment_text(document['failed'], now)}: {document['error']}"
        yield f"  again        {moment_text(document['again'], now)}"


def certificate_text(document: dict[str, Any]) -> str:
    if document["ends"] is None:
        return "not there yet"
    if document["days_left"] < 0:
        return f"EXPIRED on {document['ends'][:10]}"
    days = {0: "less than a day", 1: "1 day"}.get(document["days_left"], f"{document['days_left']} days")
    return f"{days} left, until {document['ends'][:10]}"


def moment_text(text: str | None, now: float) -> str:
    """How far away a moment is."""
    from datetime import datetime

    if text is None:
        return "now"
    seconds = datetime.fromisoformat(text).timestamp() - now
    minutes = max(1, round(abs(seconds) / 60))
    if minutes < 120:
        far = f"{minutes} min"
    else:
        far = f"{round(minutes / 60)} h" if minutes < 48 * 60 else f"{round(minutes / 1440)} days"
    if seconds < 0:
        return f"{far} ago"
    return f"in {far}"
