"""Whether two texts say the same: node by node, with anchors, and comment by comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yaml import MappingNode, ScalarNode, SequenceNode
from yaml import tokens as kinds

from .tokens import BLOCKS, tokens

if TYPE_CHECKING:
    from yaml import Node


def same_nodes(one: Node | None, other: Node | None) -> bool:
    """Whether two trees are alike, what aliases mean included."""
    waiting = [(one, other)]
    pairs: dict[int, int] = {}
    known: set[int] = set()
    while waiting:
        left, right = waiting.pop()
        if left is None or right is None or type(left) is not type(right) or left.tag != right.tag:
            return False
        if pairs.setdefault(id(left), id(right)) != id(right):
            return False
        if id(left) in known:
            continue
        known.add(id(left))
        if isinstance(left, ScalarNode):
            if left.value != right.value:
                return False
            continue
        if len(left.value) != len(right.value):
            return False
        for mine, theirs in zip(left.value, right.value, strict=True):
            if isinstance(left, MappingNode):
                waiting += zip(mine, theirs, strict=True)
            elif isinstance(left, SequenceNode):
                waiting.append((mine, theirs))
    return True


def comments(text: str) -> list[str]:
    """All comments in their order."""
    found: list[str] = []
    for token in tokens(text):
        found += [line.strip() for line in token.before.split("\n") if line.strip()]
        if token.kind is kinds.ScalarToken and token.style in BLOCKS:
            header = token.text.partition("\n")[0]
            found += [f"#{header.partition('#')[2]}"] if "#" in header else []
    return found
