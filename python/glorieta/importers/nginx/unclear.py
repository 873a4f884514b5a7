"""What glorieta cannot say: raised where it is found, entered in the book where the directive is known."""

from __future__ import annotations


class Unclear(Exception):
    """Something without a twin, and the nearest way."""

    def __init__(self, what: str, nearest: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.nearest = nearest
