"""Compression in the Plan: types of `engine/plan/src/filter.rs`."""

from __future__ import annotations

from typing import TypedDict


class CompressLevels(TypedDict):
    zstd: int
    br: int
    gzip: int


class CompressFilter(TypedDict):
    algorithms: list[str]
    types: list[str]
    min_bytes: int
    levels: CompressLevels
    credentials: bool


class DecompressFilter(TypedDict):
    algorithms: list[str]
    max_bytes: int
    ratio: int
