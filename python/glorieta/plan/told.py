"""A request's way in one line, from what the engine says would become of it."""

from __future__ import annotations

from typing import Any


def told(report: dict[str, Any]) -> str:
    """`listener web → route /a/* (…) → upstream a → GET /b`."""
    return " → ".join(steps(report))


def steps(report: dict[str, Any]) -> list[str]:
    if report["listener"] is None:
        return [report["why"] or "nothing"]
    parts = [f"listener {report['listener']['id']}"]
    if route := report["route"]:
        beat = "".join(f"; beat {each['name']}" for each in route["beat"][:1])
        parts.append(f"route {route['id']} ({route['why']}{beat})")
    parts += [f"{each['filter']}: {each['detail']}" for each in report["filters"] if each["outcome"] == "refused"]
    if split := report["split"]:
        parts.append(f"split: {split['upstream']} ({split['why']})")
    if forward := report["forward"]:
        parts.append(f"upstream {forward['upstream']}")
        if forward["endpoint"]:
            parts.append(f"endpoint {forward['endpoint']}")
        if forward["method"]:
            parts.append(f"{forward['method']} {forward['target']}")
    if handler := report["handler"]:
        parts.append(f"{handler['name']} in {handler['handler']}")
    if gather := report["gather"]:
        parts += [
            f"part {each['name']} of {each['upstream']}: {each['method']} {each['target'] or each['path']}"
            for each in gather["parts"]
        ]
    if (mirror := report["mirror"]) and mirror["share_percent"]:
        parts.append(f"copy to {mirror['upstream']}")
    if answer := report["answer"]:
        words = [str(answer["status"]), answer["reason"] or ""]
        parts.append(" ".join(words).rstrip() + (f": {answer['detail']}" if answer["detail"] else ""))
    elif report["why"]:
        parts.append(report["why"])
    return parts
