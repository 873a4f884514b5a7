"""What glorieta itself says about the load: its metrics and its access log.

The demo's own books tell what a client saw; these tell why. They are read as any operator would.
"""

from __future__ import annotations

import contextlib
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Sample:
    """One line of the Prometheus text format."""

    name: str
    labels: dict[str, str]
    value: float


def parse_metrics(text: str) -> list[Sample]:
    samples = []
    for line in text.splitlines():
        found = None if line.startswith("#") else SAMPLE.match(line)
        if found:
            labels = dict(LABEL.findall(found["labels"] or ""))
            samples.append(Sample(found["name"], labels, float(found["value"])))
    return samples


def total(samples: Iterable[Sample], name: str, by: str, **labels: str) -> dict[str, int]:
    """The sum of a metric for each value of the label `by`, among samples with these labels."""
    sums: dict[str, int] = {}
    for sample in samples:
        if sample.name == name and all(sample.labels.get(key) == value for key, value in labels.items()):
            key = sample.labels.get(by, "")
            sums[key] = sums.get(key, 0) + int(sample.value)
    return {key: value for key, value in sums.items() if value}


def fetch(address: str, path: str, seconds: float = 2.0) -> str | None:
    """The body of a 200 answer; None for anything else."""
    with (
        contextlib.suppress(urllib.error.URLError, OSError, ValueError),
        urllib.request.urlopen(f"http://{address}{path}", timeout=seconds) as response,
    ):
        return str(response.read().decode()) if response.status == 200 else None
    return None


def log_records(lines: Iterable[str]) -> Iterator[dict[str, object]]:
    """The access log's records among other lines that the same stream may carry."""
    for line in lines:
        with contextlib.suppress(ValueError):
            record = json.loads(line) if line.startswith("{") else None
            if isinstance(record, dict) and "status" in record:
                yield record


def reasons(lines: Iterable[str], paths: Iterable[str]) -> dict[str, str]:
    """For each of these paths: glorieta's word for why it answered by itself, and the endpoint."""
    wanted = set(paths)
    found = {}
    for record in log_records(lines):
        if record.get("path") in wanted and record.get("reason"):
            endpoint = record.get("endpoint")
            found[str(record["path"])] = f"{record['reason']}{f' at {endpoint}' if endpoint else ''}"
    return found
