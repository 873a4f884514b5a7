"""Random YAML as people write it: comments everywhere, odd indentation, quotes, braces over several lines, anchors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

KEYS = [
    *("version", "listeners", "web", "/service1/*", "GET /a", "/users/{id}", '"/b/{x}"', "'/c/*'", '"*"', '"off"'),
    *('"[::1]:80"', "x-a", "ünï", '"1"', '"two words"', '"http://a/b"', "&key k", '"<<"', '"a,b"', '"#c"', "a.b"),
]
PLAIN = [
    *("8080", "5s", "off", "true", "null", "~", "a:b", "http://x.example/y", "two words", "10.0.0.1:80", "-1", "1.50"),
    *("/a/*", "ñandú", "a#b", "x-y_z", "${env:HOME}" + "x", "12:30:45", ".5", "a - b", "=", "?x"),
]
QUOTED = [
    *('":8080"', '"5s"', "'off'", '"1.50"', '"a: b"', '"a #b"', "'it''s'", r'"\t\"q\" \u00e9"', '"${client.ip}"', '""'),
    *('"12:30"', '"/a/*"', "'two words'", '"yes"', '"-"', '"{a}"', '"  "', '"a "', '"x\ty"', "'*'", '"!t"', '"..."'),
]


class Written:
    """Writes one text; every comment has a number of its own."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.lines: list[str] = []
        self.comments = 0
        self.keys = 0
        self.values = 0
        self.anchors: list[str] = []

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def comment(self) -> str:
        self.comments += 1
        return f"#{self.random.choice(['', ' ', '   ', '# '])}c{self.comments}{self.random.choice(['', ' ', ': [', ' {x', ' - a'])}"

    def text(self) -> str:
        self.between(0)
        self.mapping(0, 0)
        if self.chance(30):
            self.between(0)
        text = "\n".join(self.lines)
        return text + self.random.choice(["\n", "\n", "", "\n\n\n", "\n   \n"])

    def between(self, indent: int) -> None:
        """Blank lines, and comments anywhere."""
        for _ in range(self.random.choice([0, 0, 0, 1, 1, 2, 4])):
            if self.chance(50):
                self.lines.append(self.random.choice(["", "", "  "]))
            else:
                self.lines.append(
                    " " * self.random.choice([indent, indent, 0, indent + 1, indent + 3]) + self.comment()
                )

    def behind(self) -> None:
        """A comment at the end of the line, or blanks."""
        if self.chance(25):
            self.lines[-1] += " " * self.random.choice([1, 2, 2, 3, 12]) + self.comment()
        elif self.chance(10):
            self.lines[-1] += "   "

    def key(self, *, flow: bool = False) -> str:
        self.keys += 1
        key = self.random.choice([key for key in KEYS if key[0] in "\"'" or "{" not in key] if flow else KEYS)
        if key.startswith("&"):
            return f"&k{self.keys} k{self.keys}"
        quote = key[0] if key[0] in "\"'" else ""
        return f"{quote}{key.strip(quote) if quote else key}{self.keys}{quote}"

    def mapping(self, indent: int, depth: int, *, first: str | None = None) -> None:
        """Keys in one column; `first`: what the first one's line has already."""
        for number in range(self.random.randint(1, 4)):
            if first is not None and number == 0:
                self.lines[-1] += first
            else:
                self.between(indent)
                self.lines.append(" " * indent)
            self.lines[-1] += self.key() + self.random.choice(["", "", "", " "]) + ":"
            self.value(indent, depth, in_mapping=True)

    def sequence(self, indent: int, depth: int) -> None:
        for _ in range(self.random.randint(1, 3)):
            self.between(indent)
            self.lines.append(" " * indent + "-")
            if depth < 4 and self.chance(30):
                blanks = " " * self.random.choice([1, 1, 1, 3])
                self.mapping(indent + 1 + len(blanks), depth + 1, first=blanks)
            else:
                self.value(indent, depth, in_mapping=False)

    def value(self, indent: int, depth: int, *, in_mapping: bool) -> None:
        """What follows a colon or a dash, to the end of its last line."""
        kind = self.random.randrange(100)
        if depth < 4 and kind < 30:
            self.values += 1
            name = f"m{self.values}" if self.chance(15) else None
            self.lines[-1] += f" &{name}" if name else ""
            self.behind()
            self.mapping(indent + self.random.choice([1, 2, 2, 2, 4]), depth + 1)
            # Known only now, so that nothing contains itself.
            self.anchors += [name] if name else []
            return
        if depth < 4 and kind < 45:
            self.behind()
            deeper = self.random.choice([0, 2, 2, 3] if in_mapping else [1, 2])
            self.sequence(indent + deeper, depth + 1)
            return
        if kind < 50:
            self.block_text(indent)
            return
        if kind < 54:
            self.behind()
            return
        if kind < 58 and self.anchors:
            self.lines[-1] += f" *{self.random.choice(self.anchors)}"
        elif kind < 62:
            self.long_text(indent)
        elif kind < 80:
            self.lines[-1] += self.random.choice([" ", " ", "   "])
            self.flow(indent, 0)
        else:
            if self.chance(10):
                self.behind()
                self.lines.append(" " * (indent + 1))
            self.lines[-1] += self.random.choice([" ", " ", "    "]) + self.scalar()
        self.behind()

    def scalar(self) -> str:
        scalar = self.random.choice([*PLAIN, *QUOTED])
        if self.chance(8):
            self.values += 1
            name = f"s{self.values}"
            self.anchors.append(name)
            return f"&{name} {scalar}"
        return scalar

    def block_text(self, indent: int) -> None:
        """A text of several lines in a block."""
        mark = self.random.choice("|>") + self.random.choice(["", "-", "+"])
        deeper = self.random.choice([1, 2, 4])
        if self.chance(25):
            mark += str(deeper)
        # The number counts from the block around, which a list in its key's column is not.
        self.lines[-1] += f" {mark}"
        if self.chance(25):
            self.lines[-1] += f"  {self.comment()}"
        for number in range(self.random.randint(1, 4)):
            extra = self.random.choice([0, 0, 0, 2]) if number else 0
            words = self.random.choice(["word", "a: b", "# none", "- x", "x  "])
            if number and self.chance(20):
                self.lines.append("")
            self.lines.append(" " * (indent + deeper + extra) + words)

    def long_text(self, indent: int) -> None:
        """A text that goes on in further lines."""
        quote = self.random.choice(["", '"', "'"])
        self.lines[-1] += f" {quote}begins"
        for _ in range(self.random.randint(1, 2)):
            if self.chance(20):
                self.lines.append("")
            self.lines.append(" " * (indent + self.random.choice([1, 2, 6])) + "goes on")
        self.lines[-1] += quote

    def flow(self, indent: int, depth: int) -> None:
        """Braces or brackets, perhaps over several lines."""
        mapping = self.chance(60)
        self.lines[-1] += "{" if mapping else "["
        for number in range(self.random.randint(0, 3)):
            if number:
                self.lines[-1] += self.random.choice([",", ", ", ",  ", " , "])
            if self.chance(25):
                self.behind()
                self.between(indent + 2)
                self.lines.append(" " * (indent + self.random.choice([1, 2, 5])))
            if mapping:
                self.lines[-1] += self.key(flow=True) + ": "
            if depth < 2 and self.chance(25):
                self.flow(indent, depth + 1)
            elif not mapping or self.chance(90):
                self.lines[-1] += self.random.choice(["5s", "off", "a b", "10.0.0.1:80", *QUOTED])
        if self.chance(15):
            self.behind()
            self.lines.append(" " * (indent + 1))
        self.lines[-1] += self.random.choice(["", "", " "]) + ("}" if mapping else "]")
