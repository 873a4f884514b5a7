"""A request's way for a person: what `Trial.ask` tells, one step a line."""

from __future__ import annotations

from typing import Any

Report = dict[str, Any]
NAMES = {"addresses": "allow, deny", "hop_by_hop": "hop by hop"}
"""Filters as configurations call them; all others have the engine's word."""
MARKS = {"added": "+", "set": "~"}
INDENT = "  "
MOST_BEATEN = 4
"""Routes that are named one by one; of more, their number is told."""


def lines(report: Report) -> list[str]:
    if report["listener"] is None:
        return [report["why"]]
    told = [f"listener {report['listener']['id']} ({report['listener']['why']})"]
    if report["client"]:
        told.append(f"→ client {report['client']}")
    told += route(report)
    told += filters(report)
    if report["split"]:
        told += split(report["split"])
    if report["forward"]:
        told += forward(report["forward"])
    if report["handler"]:
        told += handler(report["handler"])
    if report["gather"]:
        told += gather(report["gather"])
    if report["mirror"]:
        told.append(mirror(report["mirror"]))
    if report["answer"]:
        told += answer(report["answer"])
    if report["why"]:
        told.append(f"→ nothing: {report['why']}")
    told += changed(report)
    return told


def route(report: Report) -> list[str]:
    taken = report["route"]
    told = []
    if taken:
        beat = "; beat " + several(taken["beat"]) if taken["beat"] else ""
        told.append(f"→ route {taken['name']} ({taken['why']}{beat})")
    elif report["path"] is not None:
        told.append("→ no route")
    if report["passed"]:
        told.append(f"{INDENT}not {several(report['passed'])}")
    return told


def several(routes: list[Report]) -> str:
    """`/* (shorter prefix), /a (asks for POST)`."""
    named = [f"{each['name']} ({each['why']})" for each in routes[:MOST_BEATEN]]
    more = [f"and {len(routes) - MOST_BEATEN} more"] if len(routes) > MOST_BEATEN else []
    return ", ".join([*named, *more])


def filters(report: Report) -> list[str]:
    if not report["filters"]:
        return []
    width = max(len(name_of(each)) for each in report["filters"])
    return ["→ filters", *(f"{INDENT}{name_of(each):{width}}  {outcome(each)}" for each in report["filters"])]


def name_of(ran: Report) -> str:
    word = str(ran["filter"])
    return NAMES.get(word, word)


def outcome(ran: Report) -> str:
    """`changed` says itself what it changed; the others say that they let it pass, or why not."""
    if ran["outcome"] == "changed":
        return str(ran["detail"])
    return f"{ran['outcome']}: {ran['detail']}" if ran["detail"] else str(ran["outcome"])


def split(chosen: Report) -> list[str]:
    """Which variant, what decides it, and their shares."""
    shown = ", shown: the likeliest" if chosen["by_chance"] else ""
    told = [f"→ variant {chosen['upstream']} ({chosen['why']}{shown})"]
    whole = sum(each["weight"] for each in chosen["variants"])
    width = max(len(each["upstream"]) for each in chosen["variants"])
    for each in chosen["variants"]:
        told.append(f"{INDENT}{each['upstream']:{width}}  {each['weight'] * 100 / whole:.3g}%")
    return told


def mirror(copied: Report) -> str:
    """Who gets a copy, or why nobody does."""
    if copied["why"]:
        return f"→ no copy to {copied['upstream']}: {copied['why']}"
    share = "" if copied["share_percent"] == 100 else f" of {copied['share_percent']}% of such requests"
    return f"→ a copy{share} to {copied['upstream']}: {copied['method']} {copied['target']}"


def forward(way: Report) -> list[str]:
    told = [f"→ upstream {way['upstream']}"]
    if way["endpoint"]:
        told.append(f"→ endpoint {way['endpoint']} ({way['why']})")
    else:
        told.append(f"→ one of {len(way['endpoints'])} endpoints ({way['why']})")
    if len(way["endpoints"]) > 1:
        width = max(len(each["address"]) for each in way["endpoints"])
        told += [f"{INDENT}{each['address']:{width}}  {each['why']}" for each in way["endpoints"]]
    if way["method"]:
        told.append(f"→ {way['method']} {way['target']}{limits(way)}")
        told += headers(way)
    return told


def handler(way: Report) -> list[str]:
    """The function that is asked, and what it gets."""
    told = [f"→ {way['name']} in {way['handler']}{limits({'retries': 0, **way})}"]
    told += [f"{INDENT}may call {', '.join(way['calls'])}"] if way["calls"] else []
    told += [f"{INDENT}{name} = {value}" for name, value in way["parameters"]]
    return told + headers(way)


def gather(way: Report) -> list[str]:
    """Each part, and what would be sent for it as far as the request alone decides that."""
    told = [f"→ one answer of {len(way['parts'])} parts"]
    for part in way["parts"]:
        needs = f", after {' and '.join(part['needs'])}" if part["needs"] else ""
        told.append(f"→ part {part['name']} ({part['need']}{needs})")
        told.append(f"{INDENT}upstream {part['upstream']}: {part['method']} {part['target'] or part['path']}")
        told += [f"{INDENT}{name}: {value}" for name, value in part["headers"]]
        told += [f"{INDENT}{part['body']}"] if part["body"] is not None else []
    return told


def limits(way: Report) -> str:
    parts = []
    if way["deadline_ms"] is not None:
        parts.append(f"deadline {way['deadline_ms'] / 1000:g}s")
    if way["retries"]:
        parts.append(f"{way['retries']} more {'try' if way['retries'] == 1 else 'tries'} where that is safe")
    return f"   ({', '.join(parts)})" if parts else ""


def headers(way: Report) -> list[str]:
    """As the endpoint gets them: `+` is new, `~` is another than the client sent, `-` is gone."""
    changes = {each["name"].lower(): each for each in way["changes"]}
    told = []
    for name, value in way["headers"]:
        change = changes.get(name.lower())
        was = f"   (was {change['was']})" if change and change["change"] == "set" else ""
        told.append(f"{MARKS[change['change']] if change else ' '} {name}: {value}{was}")
    gone = [f"- {each['name']}: {each['was']}" for each in way["changes"] if each["change"] == "removed"]
    return [*told, *gone]


def answer(given: Report) -> list[str]:
    if given["status"] is None:
        return [f"→ closed: {given['reason']} ({given['detail']})"]
    words = [f"→ answers {given['status']}"]
    if given["reason"]:
        words.append(f" {given['reason']}")
    if given["detail"]:
        words.append(f": {given['detail']}")
    return ["".join(words), *(f"  {name}: {value}" for name, value in given["headers"])]


def changed(report: Report) -> list[str]:
    changes = report["response_headers_changed"]
    if not changes:
        return []
    told = ["← in the upstream's answer" if report["forward"] else "← in the answer"]
    for each in changes:
        match each["change"]:
            case "removed":
                told.append(f"- {each['name']}")
            case "set" if each["was"] is not None:
                told.append(f"~ {each['name']}: {each['value']}   (was {each['was']})")
            case _:
                told.append(f"+ {each['name']}: {each['value']}")
    return told
