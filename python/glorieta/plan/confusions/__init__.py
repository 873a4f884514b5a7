"""Confusions of roles: what somebody built that is another role than they think, or two at once.

A closed list, one file per code. Only what is certain is told; `accept: {CODE: reason}` says that it is meant.
"""

from __future__ import annotations

from .accepting import settle
from .found import Found
from .table import TABLE, Row
from .walk import look_for_all

__all__ = ["TABLE", "Found", "Row", "look_for_all", "settle"]
