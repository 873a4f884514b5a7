"""Why YAML does not understand a line, in words for somebody who thinks of paths and addresses.

Braces, stars, brackets and at-signs mean something in YAML; people who write routes stumble over each of
them once. libyaml says what its grammar expected; here it is said which character needs quotes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .errors import Place, Problem, nearest

if TYPE_CHECKING:
    import yaml

QUOTE = "put it in quotes"
STARTS = {
    "\t": ("a tab stands where YAML expects blanks", "indent by blanks"),
    "@": ('a text cannot begin with "@" in YAML', None),
    "`": ('a text cannot begin with "`" in YAML', None),
    "%": ('a text cannot begin with "%" in YAML', None),
}
ANCHOR = re.compile(r"(?:^|[\s,\[{])&([\w-]+)")
VERSION_6 = re.compile(r"\[:[:\]]")
"""An IPv6 address that begins with colons, in its brackets."""
COLON_WITHOUT_BLANK = re.compile(r"^\s*(?:- )?([A-Za-z_][\w-]*):(?=[^\s/])(?!\d+$)")


def explain_misread(error: yaml.YAMLError, text: str, file: str) -> Problem:
    """The problem that stopped the parser."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return unreadable(error, file)
    return Misread(error, text.splitlines() or [""], file).explain()


def unreadable(error: yaml.YAMLError, file: str) -> Problem:
    """What the reader of characters refuses: nothing in it has a line."""
    found = re.search(r"#x([0-9a-fA-F]+)", str(error))
    character = f" (U+{int(found[1], 16):04X})" if found else ""
    return Problem((), f"has a control character{character}, which YAML does not allow", file=file)


class Misread:
    """One error of the parser and the lines around it."""

    def __init__(self, error: yaml.YAMLError, lines: list[str], file: str) -> None:
        self.lines = lines
        self.file = file
        self.context = str(getattr(error, "context", None) or "")
        self.problem = str(getattr(error, "problem", None) or error)
        mark = getattr(error, "problem_mark", None)
        self.at_end = mark is not None and mark.line >= len(lines)
        self.line, self.column = self.position(mark)
        self.begin, self.begin_column = self.position(getattr(error, "context_mark", None))

    def position(self, mark: yaml.Mark | None) -> tuple[int, int]:
        if mark is None:
            return -1, -1
        return min(mark.line, len(self.lines) - 1), mark.column

    def explain(self) -> Problem:
        for about, explain in (
            ("scanning an alias", self.alias),
            ("undefined alias", self.unknown_alias),
            ("scanning an anchor", self.anchor),
            ("cannot start any token", self.start),
            ("mapping values are not allowed", self.second_colon),
            ("could not find expected ':'", self.no_colon),
            ("parsing a flow", self.flow),
            ("parsing a block node", self.start_of_flow),
            ("parsing a block", self.indentation),
            ("unknown escape", self.escape),
            ("scanning a quoted scalar", self.open_quote),
            ("scanning a block scalar", self.block_text),
            ("entries are not allowed", self.mark_in_value),
            ("mapping keys are not allowed", self.mark_in_value),
            ("single document", self.second_document),
        ):
            if about in self.context or about in self.problem:
                return explain()
        return self.say(self.line, self.column, f"{self.problem}{f' {self.context}' if self.context else ''}")

    def say(self, line: int, column: int, message: str, fix: str | None = None) -> Problem:
        return Problem((), message, fix, Place(self.file, line + 1, column + 1))

    def quote(self, line: int, column: int, message: str) -> Problem:
        """A message about a text, with the text in quotes as the fix."""
        begin, word = self.word(line, column)
        return self.say(line, begin, message, f"{QUOTE}: {quoted(word)}")

    def word(self, line: int, column: int) -> tuple[int, str]:
        """The text around a position, as its writer meant it, and where it begins."""
        text = self.lines[line]
        begin = column
        while begin > 0 and text[begin - 1] not in " ,\t" and text[begin - 2 : begin] not in (": ", "- "):
            if text[begin - 1] in "[{" and self.opens(line, begin - 1):
                break
            begin -= 1
        word = re.split(r"\s|,|:(?=\s|$)", text[begin:], maxsplit=1)[0]
        return begin, without_closing(word)

    def opens(self, line: int, column: int) -> bool:
        """Whether the bracket here is the one that the parser was in."""
        return (line, column) == (self.begin, self.begin_column) or column == 0 or self.lines[line][column - 1] in " [{"

    def alias(self) -> Problem:
        line, column = (self.begin, self.begin_column) if self.begin >= 0 else (self.line, self.column)
        return self.quote(line, column, '"*" at the beginning of a text means an alias in YAML')

    def unknown_alias(self) -> Problem:
        """A name that no anchor above has: misspelt, or meant as a text."""
        word = self.word(self.line, self.column)[1].removeprefix("*")
        meant = nearest(word, [name for line in self.lines for name in ANCHOR.findall(line)])
        if meant is None:
            return self.alias()
        message = f'"*{word}" is an alias, and nothing above it is marked "&{word}"'
        return self.say(self.line, self.column, message, f'did you mean "*{meant}"?')

    def anchor(self) -> Problem:
        return self.quote(self.begin, self.begin_column, '"&" at the beginning of a text means an anchor in YAML')

    def start(self) -> Problem:
        character = self.lines[self.line][self.column : self.column + 1]
        message, fix = STARTS.get(character, (f'a text cannot begin with "{character}" in YAML', None))
        return self.say(self.line, self.column, message, fix) if fix else self.quote(self.line, self.column, message)

    def second_colon(self) -> Problem:
        before = self.lines[self.line][: self.column]
        above = self.line_above()
        if above is not None and ": " not in before:
            missing = self.blank_missing(above)
            if missing:
                return missing
            return self.say(
                self.line,
                self.column,
                "is indented deeper than the value above, which is complete",
                "indent it like the key above, or leave the value above out",
            )
        value = re.sub(r"^\s*(- )?[^:]*:\s+", "", self.lines[self.line].split(" #")[0]).strip()
        return self.say(self.line, self.column, 'a second ": " stands in one value', f"{QUOTE}: {quoted(value)}")

    def line_above(self) -> int | None:
        """The nearest line above that says something."""
        for line in range(self.line - 1, -1, -1):
            if self.lines[line].strip() and not self.lines[line].lstrip().startswith("#"):
                return line
        return None

    def blank_missing(self, line: int) -> Problem | None:
        found = COLON_WITHOUT_BLANK.match(self.lines[line])
        if not found:
            return None
        rest = self.lines[line][found.end() :].strip()
        return self.say(line, found.end() - 1, "a blank is missing after the colon", f"write {found[1]}: {rest}")

    def no_colon(self) -> Problem:
        line = self.begin if self.begin >= 0 else self.line
        missing = self.blank_missing(line)
        if missing:
            return missing
        text = self.lines[line].strip()
        if re.match(r"-\S", text):
            return self.say(line, self.begin_column, "a blank is missing after the dash", f"write - {text[1:]}")
        return self.say(line, max(self.begin_column, 0), f'"{text}" is no key with a value', "write key: value")

    def flow(self) -> Problem:
        """Something within `{ }` or `[ ]` that ends a text there, or a bracket that never closes."""
        text = self.lines[self.line]
        if "node content" in self.problem and VERSION_6.match(text, self.column - 1):
            return self.quote(self.line, self.column - 1, 'YAML reads "[" as the beginning of a list')
        if "node content" in self.problem and text[self.column : self.column + 1] == ":":
            word = re.split(r"[\s,\]}]", text[self.column :], maxsplit=1)[0]
            message = 'within { } and [ ] a text cannot begin with ":"'
            return self.say(self.line, self.column, message, f"{QUOTE}: {quoted(word)}")
        if self.at_end or self.column >= len(text.rstrip()) or (self.line != self.begin and self.column == 0):
            # Where nothing follows the bracket, the parser names the mapping in which it stands.
            found = re.search(r"[{\[]", self.lines[self.begin][self.begin_column :])
            column = self.begin_column + (found.start() if found else 0)
            bracket = self.lines[self.begin][column : column + 1]
            close = "}" if bracket == "{" else "]"
            message = f'this "{bracket}" is never closed'
            return self.say(self.begin, column, message, f'close it with "{close}"')
        return self.quote(self.line, self.column, "within { } and [ ] the characters { } [ ] and , end a text")

    def start_of_flow(self) -> Problem:
        character = self.lines[self.line][self.column : self.column + 1]
        return self.say(self.line, self.column, f'a text cannot begin with "{character}" in YAML', QUOTE)

    def indentation(self) -> Problem:
        text = self.lines[self.line]
        before = text[: self.column].rstrip()
        if before.endswith(("'", '"')):
            return self.say(
                self.line, self.column, "something stands behind the closing quote", "put the whole text in quotes"
            )
        if before.endswith(("]", "}")):
            begin = self.line, len(text) - len(text.lstrip())
            value = re.sub(r"^\s*(- )?[^:]*:\s+", "", text.split(" #")[0]).strip()
            return self.say(*begin, "something stands behind the closing bracket", f"{QUOTE}: {quoted(value)}")
        missing = self.blank_missing(self.line)
        return missing or self.say(
            self.line, self.column, "is indented like no line above it", "indent it like the keys that it stands beside"
        )

    def escape(self) -> Problem:
        escape = self.lines[self.line][self.column : self.column + 2]
        return self.say(
            self.line, self.column, f'"{escape}" is no escape of a text in double quotes', "use single quotes: '…'"
        )

    def open_quote(self) -> Problem:
        return self.say(self.begin, self.begin_column, "this quote is never closed", "close it on the same line")

    def block_text(self) -> Problem:
        character = self.lines[self.begin][self.begin_column : self.begin_column + 1]
        message = f'"{character}" at the beginning of a text means lines of text below in YAML'
        return self.quote(self.begin, self.begin_column, message)

    def mark_in_value(self) -> Problem:
        character = self.lines[self.line][self.column : self.column + 1]
        value = self.lines[self.line][self.column :].split(" #")[0].strip()
        message = f'"{character} " cannot stand at the beginning of a value on the same line'
        return self.say(self.line, self.column, message, f"put it on a line of its own, or in quotes: {quoted(value)}")

    def second_document(self) -> Problem:
        return self.say(self.line, self.column, 'a second document begins with "---"', "put it into a file of its own")


def without_closing(word: str) -> str:
    """A word without brackets at its end that it did not open: they close what it stands in."""
    while word and word[-1] in "]}" and word.count(word[-1]) > word.count("[" if word[-1] == "]" else "{"):
        word = word[:-1]
    return word


def quoted(text: str) -> str:
    """In double quotes, or in single ones where a backslash would mean something."""
    return f"'{text}'" if "\\" in text or '"' in text else f'"{text}"'
