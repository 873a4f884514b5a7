"""Results of tests as JUnit XML, which every CI reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .testing import Result

FORBIDDEN = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
"""What XML 1.0 has no way to say (§2.2)."""


def junit_xml(results: Sequence[Result]) -> str:
    """One suite for each file; the file's name is what CI shows as the class."""
    counts = counts_of(results)
    root = ElementTree.Element("testsuites", counts)
    for file in dict.fromkeys(file_of(each) for each in results):
        own = [each for each in results if file_of(each) == file]
        suite = ElementTree.SubElement(root, "testsuite", {"name": file, **counts_of(own)})
        for result in own:
            suite.append(case_of(result, file))
    ElementTree.indent(root)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{ElementTree.tostring(root, encoding='unicode')}\n"


def counts_of(results: Sequence[Result]) -> dict[str, str]:
    return {
        "tests": str(len(results)),
        "failures": str(sum(not each.passed for each in results)),
        "errors": "0",
        "skipped": "0",
        "time": seconds(sum(each.seconds for each in results)),
    }


def case_of(result: Result, file: str) -> ElementTree.Element:
    place = {"file": result.place.file, "line": str(result.place.line)} if result.place else {}
    attributes = {"classname": file, "name": result.name, "time": seconds(result.seconds), **place}
    case = ElementTree.Element("testcase", {key: sayable(value) for key, value in attributes.items()})
    if not result.passed:
        texts = [each.text() for each in result.failures]
        failure = ElementTree.SubElement(case, "failure", {"message": sayable("; ".join(texts)), "type": "expectation"})
        failure.text = sayable("\n".join([*texts, result.story]))
    return case


def file_of(result: Result) -> str:
    return sayable(result.place.file) if result.place else "glorieta"


def seconds(value: float) -> str:
    return f"{value:.6f}"


def sayable(text: str) -> str:
    return FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
