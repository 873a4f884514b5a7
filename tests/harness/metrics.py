"""Reads the Prometheus text format (version 0.0.4 and OpenMetrics) far enough to count."""

import re

SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([^ ]+)(?: [0-9.]+)?(?: # .*)?\Z")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?')


class Samples:
    """One scrape."""

    def __init__(self, text: str):
        self.text = text
        self.samples: list[tuple[str, dict[str, str], float]] = []
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            match = SAMPLE.match(line)
            assert match, f"not a metrics line: {line!r}"
            labels = {name: value.replace("\\\\", "\\") for name, value in LABEL.findall(match[2] or "")}
            self.samples.append((match[1], labels, float(match[3])))

    def names(self) -> set[str]:
        return {name for name, _, _ in self.samples}

    def labels(self, name: str) -> list[dict[str, str]]:
        """The label sets of a metric."""
        return [labels for sample, labels, _ in self.samples if sample == name]

    def total(self, name: str, **wanted: str) -> float:
        """The sum of a metric's samples whose labels contain `wanted`; 0 where there are none."""
        return sum(
            value
            for sample, labels, value in self.samples
            if sample == name and all(labels.get(label) == text for label, text in wanted.items())
        )
