"""What may stand in a part of a `gather`: names, paths, methods, headers and members."""

from __future__ import annotations

import re

from .errors import Wrong
from .match import check_method
from .text import check_request_header
from .words import CONTROL, MARK, OUTSIDE, check_reference, check_word, template_words

PART_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
PARTS = "parts"
"""The family of words that read what other parts were answered."""
CLIENTS_BODY = "${body}"
QUERY_WORDS = ("search", "target")
"""Words that bring the client's query along, with its question mark."""


def check_part_name(text: str) -> str:
    if not PART_NAME.fullmatch(text):
        fix = "names of parts have letters, digits, _ and - only, begin with a letter, and stand in ${parts.NAME.…}"
        raise Wrong(f'"{text}" is no name of a part', fix)
    return text


def is_part_word(word: str) -> bool:
    return word == PARTS or word.startswith(f"{PARTS}.")


def part_of(word: str) -> str:
    """The part whose answer a word reads."""
    return word.split(".")[1]


def check_part_text(text: str) -> str:
    """A template that may also have words of other parts."""
    for word in template_words(text):
        if word.startswith(OUTSIDE):
            check_reference(word)
        elif is_part_word(word):
            steps = word.split(".")
            if len(steps) < 2 or not all(steps):
                raise Wrong(f'"${{{word}}}" names no value of a part', "write ${parts.NAME.member}")
        else:
            check_word(word)
    return text


def check_part_path(text: str) -> str:
    if not text.startswith(("/", "${path}", "${target}", "${env:", "${file:")):
        raise Wrong(f'"{text}" does not begin with a slash', f'write "/{text}"')
    if "#" in text or any(ord(character) <= 32 or ord(character) >= 127 for character in text):
        raise Wrong(f'"{text}" has a character that no path has', "write it percent-encoded, such as %20")
    check_part_text(text)
    check_dot_segments(text)
    check_clients_query(text)
    return text


def check_dot_segments(text: str) -> None:
    """A path is sent as it is written, so nothing would resolve them but the upstream."""
    # Slashes within words, such as those of ${file:/run/path}, are none of the path.
    path, mark, query = MARK.sub(lambda found: found[0].replace("/", "\0"), text).partition("?")
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        match re.sub("%2e", ".", segment, flags=re.IGNORECASE):
            case ".":
                continue
            case "..":
                del kept[-1:]
            case _:
                kept.append(segment)
    if len(kept) < len(segments):
        resolved = f"/{'/'.join(kept)}{mark}{query}".replace("\0", "/")
        raise Wrong(f'"{text}" has a dot segment, which is refused in requests', f'write "{resolved}"')


def check_clients_query(text: str) -> None:
    """What brings a question mark of its own stands behind the path, and last."""
    for found in MARK.finditer(text):
        if found[1] not in QUERY_WORDS:
            continue
        if found.end() < len(text):
            fix = f"put ${{{found[1]}}} at the end, or write further parameters into query:"
            raise Wrong(f'"{text}": what stands behind ${{{found[1]}}} would be a part of the query', fix)
        if "?" in text[: found.start()]:
            fix = "leave the ? out, and write its parameters into query:"
            raise Wrong(f'"{text}": ${{{found[1]}}} brings a question mark of its own', fix)


def check_part_method(text: str) -> str:
    if text.upper() == "CONNECT":
        raise Wrong("CONNECT asks for a tunnel, and a part for an answer", "write another method, such as GET")
    return check_method(text)


def check_part_header(text: str) -> str:
    if text.lower() == "accept-encoding":
        raise Wrong('"accept-encoding" is not sent to parts: what is packed could not be merged', "leave it out")
    return check_request_header(text)


def check_header_text(text: str) -> str:
    if CONTROL.search(text):
        raise Wrong("a header's value has no line breaks or control characters")
    return check_part_text(text)


def check_member_path(text: str) -> str:
    """`items.title`: names with dots between."""
    if not all(text.split(".")):
        raise Wrong(f'"{text}" is no path of members', "write names with dots between, such as items.title")
    if "*" in text.split("."):
        raise Wrong(f'"{text}": paths lead through arrays by themselves', f'write "{text.replace(".*", "")}"')
    return text


def check_member(text: str) -> str:
    if not text:
        raise Wrong("a member has a name", "write one")
    return text
