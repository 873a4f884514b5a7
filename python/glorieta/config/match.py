"""What a request must look like: host, path, method, headers, query, words.

Paths are the hard part: what a person writes here is brought to the form in which the engine matches
(RFC 3986 §6.2.2: unreserved characters decoded, other escapes in capitals), so that equal means equal.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from .base import TEXT, Noun, Shorthand, as_list, checked_text
from .errors import Wrong
from .values import Expanded, Kept
from .words import check_matched_word, referring

METHOD = re.compile(r"[A-Z][A-Z-]*")
TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
PLAIN_SEGMENT = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]*")
"""Nearly all segments: nothing in them needs a look."""
PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)+(?:/\{[A-Za-z_][A-Za-z0-9_-]*\})?(?:/\*?)?")
"""Nearly all paths: at most one parameter, behind all else."""
PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")
MOST_SEGMENTS = 128
"""As deep as the engine's table goes."""
VERIFIED = "client.certificate.verified"
GROUP_NAME = re.compile(r"\(\?P?<([A-Za-z_][A-Za-z0-9_]*)>")
UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def check_host(text: str) -> str:
    """`shop.example`, `*.shop.example` or `*`, in lower case; names beyond ASCII become punycode (RFC 5891)."""
    host = text.strip().lower().rstrip(".")
    if host == "*" or re.fullmatch(r"\[[0-9a-f:.]+\]", host):
        return host
    if re.search(r":\d*$", host):
        raise Wrong(f'"{text}" has a port; hosts are matched without it', f'write "{host.rsplit(":", 1)[0]}"')
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            raise Wrong(f'"{text}" is not a host name') from None
    if not all(LABEL.fullmatch(label) for label in host.removeprefix("*.").split(".")):
        fix = "a * stands only for the first labels, as in *.shop.example" if "*" in host else None
        raise Wrong(f'"{text}" is not a host name', fix)
    return host


def check_path(text: str) -> str:
    """`/a`, `/a/*`, `/users/{id}` or `~regex`, in the form in which the engine matches."""
    if PLAIN_PATH.fullmatch(text) and text.count("/") <= MOST_SEGMENTS:
        return text
    if text.startswith("~"):
        check_regex(text[1:])
        return text
    if not text.startswith("/"):
        raise Wrong(f'"{text}" does not begin with a slash', f'write "/{text}", or "~…" for a regular expression')
    for bad, why in (("?", "a query; use match.query"), ("#", "a fragment; servers never see it"), (" ", "a blank")):
        if bad in text:
            raise Wrong(f'"{text}" has {why}', "write %20 for the blank" if bad == " " else None)
    segments = [normal_segment(segment, text) for segment in text.split("/")[1:]]
    if "*" in segments[:-1] or any("*" in segment and segment != "*" for segment in segments):
        raise Wrong(f'"{text}": * stands only for the whole last segment', 'use {name} for one segment, "~…" for more')
    if len(segments) > MOST_SEGMENTS:
        raise Wrong(f"the path has more than {MOST_SEGMENTS} segments")
    path = "/" + "/".join(segments)
    names = parameters_of(path)
    if len(set(names)) != len(names):
        raise Wrong(f'"{text}" names a parameter twice')
    return path


def normal_segment(segment: str, path: str) -> str:
    if PLAIN_SEGMENT.fullmatch(segment):
        return segment
    if "{" in segment or "}" in segment:
        if not PARAMETER.fullmatch(segment):
            raise Wrong(f'"{path}": a parameter is a whole segment', "write /{name}/, or use a regular expression: ~…")
        return segment
    if re.search(r"%(?![0-9A-Fa-f]{2})", segment):
        raise Wrong(f'"{path}" has a % that begins no escape', "write %25 for the percent sign")
    if re.search(r"[\x00-\x1f\x7f\\]", segment) or re.search(r"%(00|5[Cc])", segment):
        raise Wrong(f'"{path}" has a character that is refused in requests')
    text = re.sub(r"%[0-9A-Fa-f]{2}", normal_escape, segment)
    if text in (".", ".."):
        raise Wrong(
            f'"{path}" has a dot segment; requests are resolved before they are matched', "write the path itself"
        )
    return "".join(character if character.isascii() else percent(character) for character in text)


def normal_escape(found: re.Match[str]) -> str:
    byte = int(found[0][1:], 16)
    return chr(byte) if byte in UNRESERVED else found[0].upper()


def percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())


def check_regex(text: str) -> str:
    """Refuses what the engine's linear-time expressions cannot do, and what no expression could be."""
    if re.search(r"\(\?(=|!|<=|<!)", text):
        raise Wrong(f'"{text}": look-around is not available', "the engine's expressions run in linear time")
    if re.search(r"(?<!\\)(\\\\)*\\[1-9]", text):
        raise Wrong(f'"{text}": back-references are not available', "the engine's expressions run in linear time")
    if re.search(r"\\[pPzxu]|\[\[:|\[[^\]]*(&&|--|~~)|\(\?[a-zA-Z-]*[RUux]", text):
        return text
    try:
        re.compile(re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", text))
    except re.error as error:
        raise Wrong(f'"{text}" is no regular expression: {error.msg} at position {error.pos}') from None
    return text


def parameters_of(path: str) -> list[str]:
    """The names that `path.NAME` may use for this path; `*` is what `/*` stood for."""
    if path.startswith("~"):
        return GROUP_NAME.findall(path[1:])
    return PARAMETER.findall(path) + (["*"] if path.endswith("/*") else [])


def without_names(path: str) -> str:
    """A path in which parameters have no names: equal for two exactly if they match the same."""
    return "/".join("{}" if segment.startswith("{") else segment for segment in path.split("/"))


def check_method(text: str) -> str:
    if METHOD.fullmatch(text):
        return text
    upper = text.upper()
    several = upper.split(",")
    if len(several) > 1 and all(METHOD.fullmatch(each) for each in several):
        raise Wrong(f'"{text}" is several methods', f"write a name, and match: {{method: [{', '.join(several)}], …}}")
    raise Wrong(f'"{text}" is no method', f"write {upper}" if METHOD.fullmatch(upper) else None)


def check_header_name(text: str) -> str:
    if not TOKEN.fullmatch(text):
        raise Wrong(f'"{text}" is no header name (RFC 9110 §5.1)')
    return text


def expand_condition(value: Any) -> Any:
    # What comes from outside is text, whatever it says.
    if isinstance(value, Expanded):
        return {"exact": value}
    if value is True or value == "present":
        return {"present": True}
    if value is False or value == "absent":
        return {"present": False}
    return {"exact": str(value)} if isinstance(value, str | int | float) else value


def expand_words(value: Any) -> Any:
    """`client.certificate.verified` says `true` or `false` of everybody: there these are what it says."""
    if isinstance(value, dict) and isinstance(value.get(VERIFIED), bool):
        return {**value, VERIFIED: {"exact": "true" if value[VERIFIED] else "false"}}
    return value


VERIFIED_SCHEMA = {"properties": {VERIFIED: {"type": ["boolean", "string", "object"]}}}
KeptText = Annotated[str, checked_text(referring()), Kept]


class Condition(Noun):
    """What a header, a query parameter or a request word must be: exactly one of these. Plain text means `exact`."""

    alternatives: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"exact", "prefix", "regex", "present"}),)

    exact: KeptText | None = None
    """The whole value."""
    prefix: KeptText | None = None
    """What the value begins with."""
    regex: Annotated[str, checked_text(referring(check_regex)), Kept] | None = None
    """A regular expression for the whole value. What comes from outside is a part of it, syntax included."""
    present: bool | None = None
    """Whether it must be there at all (`present`) or must not (`absent`)."""

    @model_validator(mode="after")
    def one_of_them(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise Wrong("exactly one of exact, prefix, regex, present is expected")
        return self


ConditionValue = Annotated[
    Condition, Shorthand(expand_condition, ({"enum": ["present", "absent"]}, {"type": ["string", "number"]}))
]
HeaderName = Annotated[str, checked_text(check_header_name)]
MatchedWord = Annotated[str, checked_text(check_matched_word)]
HostText = Annotated[str, checked_text(check_host)]
MethodText = Annotated[str, checked_text(check_method)]
PathText = Annotated[str, checked_text(check_path)]


def expand_match(value: Any) -> Any:
    """`shop.example/api/*`, `shop.example` or `/api/*`."""
    if not isinstance(value, str):
        return value
    if value.startswith(("http://", "https://")):
        raise Wrong(f'"{value}" is a URL', f'write "{value.split("//", 1)[1]}"')
    host, slash, rest = value.partition("/")
    return {**({"host": host} if host else {}), **({"path": slash + rest} if slash else {})}


class Match(Noun):
    """Which requests are meant. All that is written must hold; text means `HOST/PATH`."""

    host: Annotated[list[HostText], Shorthand(as_list, (TEXT,))] = Field(default_factory=list)
    """Host names, without port; `*.shop.example` stands for all names below. Left out: every host."""
    path: PathText | None = None
    """`/a` exactly, `/a/*` with all below it, `/users/{id}` with parameters, `~regex`. Left out: every path, as `/*`
    says it; where only hosts are written, what no other route of these hosts takes."""
    method: Annotated[list[MethodText], Shorthand(as_list, (TEXT,))] = Field(default_factory=list)
    """Methods, any of them. Left out: every method."""
    headers: dict[HeaderName, ConditionValue] = Field(default_factory=dict)
    """Conditions on headers, all of them."""
    query: dict[str, ConditionValue] = Field(default_factory=dict)
    """Conditions on query parameters, all of them."""
    words: Annotated[dict[MatchedWord, ConditionValue], Shorthand(expand_words, narrows=VERIFIED_SCHEMA)] = Field(
        default_factory=dict
    )
    """Conditions on [request words](#request-words), all of them: `sni`, `client.certificate.names`, `cookie.NAME` and
    others that are known before the route is and have no key here. A word without a value is `absent`. Of
    `client.certificate.names` one must be as asked; of two cookies of one name the first counts."""


MatchValue = Annotated[Match, Shorthand(expand_match, (TEXT,))]
