"""`docs/reference/configuration.md`, generated: nobody keeps a table of sixty keys right by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .balancing import ALGORITHMS
from .editor import schema_of_values
from .later import KEYS
from .nouns import nouns, sentence
from .role import BEYOND_BALANCING, EVIDENCE
from .words import FAMILIES, LOG_WORDS, REQUEST_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .base import Noun

HEAD = """\
# Configuration reference

<!-- Generated from the models in python/glorieta/config; a test fails when it is out of date.
     Write it anew with: python docs/generate.py -->

YAML 1.2. Only `true` and `false` are booleans; `off` and `on` mean the same quoted or not. A key that is
not in these tables is an error, except `x-…` keys, which are yours (for anchors). A key stands once. Texts that begin
with `*`, `@`, `{`, `[` or `&`, and texts with `{ } [ ] ,` inside `{ }` or `[ ]`, need quotes.

- **Durations** carry a unit: `250ms`, `5s`, `10m`, `2h`, `1h30m`. **Sizes** too: `512B`, `32KiB`, `10MiB`, `1.5GB`.
  **Rates**: `500B/s`. **Frequencies**: `10/s`. **Shares**: `50%`.
- **Values from outside**: `${env:NAME}`, `${env:NAME:-default}` and `${file:path}` (a file of at most 1 MiB). What says
  where traffic goes is shown; what is sent or compared is not. Addresses, names, numbers and durations are read when
  the file is loaded and stand in the Plan. Of templates (a header's value, a body, a redirect's location), conditions
  on headers and query, `host:`, the path and host of a check, and what a test sends and expects, the Plan and all that
  shows it keep the reference, which the engine reads when the Plan is applied: two conditions that refer to different
  places are different, and in `regex` the value is a part of the expression. An error quotes what is written, never a
  value. `$$` is a dollar sign.
- `${client.ip}` (a dot, no colon) in a template is read for each request.
- **Several files**: `include` names further ones, and whose they are: `teams/{team}.yaml` makes `teams/orders.yaml` the
  orders team's, and all that this file includes; `{files: teams/billing.py:edge, team: billing}` says it of one. In a
  team's file every name becomes `orders/…`, and a name means the team's own first, then the platform's; another team's
  is written in full. The listener's `admit` says what a team may take. A file of nobody's is its includer's; where no
  listener has `admit`, it may say `team:` by itself. A name that two files say is an error. Python can do anything, so
  only the platform's files include it; `admit` holds for the edge that it makes.
- **Layers**: `-f base.yaml -f prod.yaml` lays files over each other. Mappings merge, lists and scalars replace, `null`
  removes; one of several alternatives (`respond:` where the base has `to:`) takes back the others. A listener, group,
  upstream or route that the base lacks is an error; a file that the layer includes may add it. So is a name to remove
  that is not there.
- Relative paths start at the folder of the file in which they stand.
"""


def reference_markdown() -> str:
    """The whole page."""
    made = schema_of_values()
    parts = [HEAD]
    for noun in nouns():
        definition = made if noun.__name__ == "Edge" else made["$defs"][noun.__name__]
        parts.append(section(noun, definition))
    parts += [filters_order(), words(), roles(), algorithms(), later()]
    return "\n".join(parts)


def section(noun: type[Noun], definition: dict[str, Any]) -> str:
    lines = [f"## {noun.__name__}", "", definition["description"], ""]
    rows = [
        (f"`{name}`", kind(value), default(value), cell(value.get("description", "")))
        for name, value in definition["properties"].items()
    ]
    return "\n".join([*lines, *table(("key", "value", "default", "meaning"), rows), ""])


def kind(value: dict[str, Any]) -> str:
    """What may be written, in words."""
    if "$ref" in value:
        name = value["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "$comment" in value:
        return str(value["$comment"])
    if "enum" in value:
        return " or ".join(f"`{each}`" for each in value["enum"] if isinstance(each, str))
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(kind(each) for each in value["anyOf"]))
    match value.get("type"):
        case "array":
            return f"list of {kind(value['items'])}"
        case "object":
            return f"mapping of names to {kind(value['additionalProperties'])}"
        case "integer":
            return "number"
        case "boolean":
            return "`true` or `false`"
    return "text"


def default(value: dict[str, Any]) -> str:
    if "default" not in value:
        return ""
    written = value["default"]
    if isinstance(written, bool):
        return "`on`" if written else "`off`"
    return f"`{written}`" if isinstance(written, str | int) else f"`{json.dumps(written)}`"


def cell(text: str) -> str:
    return sentence(text).replace("|", "\\|")


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)]


def filters_order() -> str:
    return """\
## The order of filters

Filters are inherited listener → group → route and merged by key; `off` removes what was inherited. However they are
written, they run in this order, and on the way back in the reverse: `compress`, addresses (`allow`, `deny`),
`max_body`, `decompress`, `grpc_web`, `headers`. So `compress` sees what the client takes and an answer as it will be
otherwise.
"""


def words() -> str:
    rows = [(f"`{word}`", meaning, "everywhere") for word, meaning in REQUEST_WORDS.items()]
    rows += [(f"`{family}.NAME`", meaning, "everywhere") for family, meaning in FAMILIES.items()]
    rows += [(f"`{word}`", meaning, "`log.format`") for word, meaning in LOG_WORDS.items()]
    text = (
        "The same words in `hash` and `match.words` (bare) and in templates (`${word}`). What a request does not have "
        "is empty; a header that would be empty is left out. `match.words` takes those that are known before the route "
        "is and have no key of their own in `match`."
    )
    return "\n".join(["## Request words", "", text, "", *table(("word", "value", "where"), rows), ""])


def roles() -> str:
    rows = [(f"`{role}`", evidence) for role, evidence in EVIDENCE]
    text = "Where a group declares no `role:`, its roles are inferred; every row that fits counts."
    contract = (
        "Declared, a role is a contract. `reverse-proxy` contains all that there is for `http`; `load-balancer` on "
        f"`http` does not contain {'; '.join(BEYOND_BALANCING)}. Roles never change behaviour."
    )
    return "\n".join(["## Roles", "", text, "", *table(("role", "evidence"), rows), "", contract, ""])


def algorithms() -> str:
    rows = [(f"`{word}`", meaning) for word, meaning in ALGORITHMS.items()]
    rows.append(("`{hash: WORD}`", "the same endpoint for the same value of a request word"))
    return "\n".join(["## Balancing", "", *table(("balance", "chooses"), rows), ""])


def later() -> str:
    by_issue: dict[str, list[str]] = {}
    for key, issue in KEYS.items():
        by_issue.setdefault(issue, []).append(f"`{key}`")
    rows = [(issue, ", ".join(keys)) for issue, keys in by_issue.items()]
    text = "These keys are known and refused with an error that says so, until what they belong to is built."
    return "\n".join(["## Not built yet", "", text, "", *table(("comes with", "keys"), rows), ""])
