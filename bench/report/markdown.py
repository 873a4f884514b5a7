"""The page of results: tables of costs and ratios, the goals, and everything a reader should distrust."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import figures
from bench.delay import CONNECTIONS, DIRECT
from bench.figures import Against, Comparison, Spread
from bench.goals import Verdict, missed, verdicts
from bench.rows import IDLE_CONNECTIONS, Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench.samples import Results

TITLES = {
    Table.EQUAL: (
        "Equal duties",
        "Every contender writes an access log line per request to a file, sends X-Forwarded-For and a request id. "
        "glorieta also keeps its metrics and checks its endpoint's health.",
    ),
    Table.BARE: ("Bare", "No log, no header added, no checks, in any contender. No goals: for comparison."),
    Table.HANDLERS: (
        "Handlers",
        "Answers that somebody's own code makes, in one process of each contender, which shares its core with whatever "
        "else belongs to the contender. As bare: no log, no header added. All contenders of a row answer the same, "
        "byte for byte; fastify is warmed up for 5 s. Proxying beside handlers: the CPU time of the process that "
        "proxies, while another client asks for a handler that answers at once, sleeps for a second, or computes for "
        "a second without a break.",
    ),
    Table.PROTOCOLS: (
        "Protocols",
        "As bare: no log, no header added. TLS shows a P-256 certificate. New connections are made one after the other "
        "by openssl s_time, HTTP/2 and gRPC are asked for by h2load, HTTP/3 by aioquic, datagrams by a small program. "
        "gzip is compared where the compressed sizes are within a twentieth of each other.",
    ),
}


@dataclass(frozen=True)
class Page:
    """What the report needs beside the figures."""

    machine: str
    titles: Mapping[str, str]
    """Names of contenders, as their makers write them."""
    versions: Mapping[str, str]
    rows: Sequence[Row]
    tables: Sequence[Table]
    rounds: int
    seconds: int
    left_out: Sequence[str]
    tried: Mapping[str, str]
    """What was tried for a missed goal, by its id."""
    chart: str | None = None

    def write(self, results: Results) -> str:
        found = verdicts(results, self.rows)
        blocks = [
            self.introduction(),
            *(self.table(results, table) for table in self.tables),
            self.delays(results),
            self.memory(results),
            goals_block(found),
            self.missed_block(missed(found)),
            self.distrust(results),
        ]
        return "\n\n".join(block for block in blocks if block) + "\n"

    def introduction(self) -> str:
        versions = ", ".join(f"{self.titles[name]} {version}" for name, version in self.versions.items())
        chart = f"\n\n![CPU time per request, relative to the best peer]({self.chart})" if self.chart else ""
        return (
            f"# Measured\n\n{self.machine} {versions}.\n\n"
            "Each proxy is pinned to one core; load (wrk, one thread) and backend (NGINX) share another. "
            f"{self.rounds} interleaved rounds in random order, {self.seconds} s each after 1 s of warm-up. Costs are "
            "CPU time of all of a proxy's processes, user and system, per completed request: the median of the "
            "rounds. Ratios are taken within each round, against the row's best peer: their median, with the least "
            "and the most. Compare ratios, not absolute figures: those move with the machine and the hour. "
            f"`make bench` repeats it.{chart}"
        )

    def table(self, results: Results, table: Table) -> str:
        comparisons = [figures.compare(results.samples, row, table) for row in self.rows if table in row.tables]
        return self.by_goal(comparisons) if table is Table.HANDLERS else self.by_contender(comparisons, table)

    def by_goal(self, comparisons: Sequence[Comparison]) -> str:
        """A line for each goal: every row has other contenders."""
        lines = [
            [
                comparison.row.title,
                one.goal.figure,
                figure_cell(one, comparison.row.ours),
                f"{figure_cell(one, one.peer)}, {self.titles[one.peer]}" if one.peer else "–",
                ratio_text(one),
                *goal_cells(one),
            ]
            for comparison in comparisons
            if comparison.costs or comparison.voids
            for one in comparison.against
        ]
        title, meaning = TITLES[Table.HANDLERS]
        head = ["µs", "figure", "glorieta", "peer", "ratio", "goal", ""]
        return f"## {title}\n\n{meaning}\n\n{grid(head, lines)}" if lines else ""

    def by_contender(self, comparisons: Sequence[Comparison], table: Table) -> str:
        names = [name for name in self.titles if any(name in one.costs or name in one.voids for one in comparisons)]
        if not names:
            return ""
        title, meaning = TITLES[table]
        head = ["CPU µs per request (requests/s)", *(self.titles[name] for name in names), "ratio to the best peer"]
        goals = ["goal", ""] if table is not Table.BARE else []
        lines = [
            [
                one.row.title,
                *(cost_cell(one, name) for name in names),
                self.ratio_cell(one),
                *(goal_cells(one.best) if goals else []),
            ]
            for one in comparisons
        ]
        return f"## {title}\n\n{meaning}\n\n{grid([*head, *goals], lines)}"

    def ratio_cell(self, one: Comparison) -> str:
        return f"{ratio_text(one.best)}, {self.titles[one.best.peer]}" if one.best.peer else "–"

    def delays(self, results: Results) -> str:
        if not results.delays:
            return ""
        added = figures.added_delays(results.delays, DIRECT)
        base = Spread.of(delay.p99_seconds for delay in results.delays if delay.contender == DIRECT)
        alone = f", of which the backend alone takes {base.middle * 1e3:.2f} ms" if base else ""
        lines = [[self.titles[name], milliseconds(spread)] for name, spread in added.items()]
        lines += [
            [self.titles[name], "cannot keep up, or failed"]
            for name in self.titles
            if name not in added and any(delay.contender == name for delay in results.delays)
        ]
        order = list(self.titles.values())
        lines.sort(key=lambda line: order.index(line[0]))
        return (
            f"## Added latency\n\nOpen loop, {results.delays[0].rate:.0f} requests/s (half of what NGINX can do with "
            f"{CONNECTIONS} connections), due at random moments, equal duties; latency counts from the moment a "
            f"request was due. The 99th percentile beyond that of the backend alone{alone}.\n\n"
            + grid(["", "added p99 (ms)"], lines)
        )

    def memory(self, results: Results) -> str:
        starts = figures.footprints(results.footprints, lambda footprint: footprint.start_bytes)
        idle = figures.footprints(results.footprints, lambda footprint: footprint.idle_bytes)
        if not starts:
            return ""
        names = [name for name in [*self.titles, *starts] if name in starts]
        lines = [
            [
                self.titles.get(name, name),
                f"{starts[name].middle / 1e6:.1f}",
                f"{idle[name].middle / 1024:.2f} ({idle[name].least / 1024:.2f}–{idle[name].most / 1024:.2f})"
                if name in idle
                else "–",
            ]
            for name in dict.fromkeys(names)
        ]
        return (
            f"## Memory\n\nResident after start, and process memory per idle keep-alive connection, with "
            f"{IDLE_CONNECTIONS} that each made one request.\n\n"
            + grid(["", "at start (MB)", "per idle connection (KiB)"], lines)
        )

    def missed_block(self, found: Sequence[Verdict]) -> str:
        if not found:
            return ""
        lines = [
            f"- **{one.title}**: {one.reached}, goal {one.goal}. {self.tried.get(one.id, 'Nothing was tried yet.')}"
            for one in found
        ]
        return "## Missed, and what was tried\n\n" + "\n".join(lines)

    def distrust(self, results: Results) -> str:
        lines = [f"- Left out: {why}." for why in self.left_out]
        for sample in results.samples:
            if sample.void:
                title = self.titles[sample.contender]
                lines.append(f"- Void: {title}, {sample.row}, {sample.table}, round {sample.round}: {sample.void}.")
        for delay in results.delays:
            if delay.void:
                title = self.titles.get(delay.contender, delay.contender)
                lines.append(f"- Void: {title}, added latency, round {delay.round}: {delay.void}.")
        for footprint in results.footprints:
            if footprint.void:
                title = self.titles.get(footprint.contender, footprint.contender)
                lines.append(f"- Void: {title}, memory, round {footprint.round}: {footprint.void}.")
        lines += log_lines(results, self.titles)
        if foreign := figures.foreign_share(results.samples):
            lines.append(
                f"- Other work on the proxy's core, interrupts and the host's theft included: median "
                f"{foreign.middle:.1%} of the time, at most {foreign.most:.1%}."
            )
        return "## What to distrust\n\n" + "\n".join(lines) if lines else ""


def log_lines(results: Results, titles: Mapping[str, str]) -> Iterable[str]:
    for name, (lines, expected) in results.logs.items():
        if lines < expected:
            share = 1 - lines / expected
            yield f"- {titles[name]} wrote {lines} access log lines for {expected} requests: {share:.1%} are missing."


def cost_cell(one: Comparison, name: str) -> str:
    cost = one.costs.get(name)
    if cost is None:
        return "void" if one.voids.get(name) else "–"
    return f"{cost.middle:.1f} ({one.rates[name].middle:.0f})"


def figure_cell(one: Against, name: str) -> str:
    """Microseconds."""
    found = one.figures.get(name)
    return f"{found.middle:.1f}" if found else "–"


def ratio_text(one: Against) -> str:
    return f"**{one.ratio.middle:.2f}** ({one.ratio.least:.2f}–{one.ratio.most:.2f})" if one.ratio else "–"


def goal_cells(one: Against) -> list[str]:
    return [f"≤ {one.goal.most:.2f}", {True: "met", False: "**MISSED**", None: "–"}[one.met]]


def goals_block(found: Sequence[Verdict]) -> str:
    if not found:
        return ""
    lines = [[one.title, one.goal, one.reached, f"**{one.word}**" if one.met is False else one.word] for one in found]
    return "## Goals\n\n" + grid(["", "goal", "reached", ""], lines)


def milliseconds(spread: Spread) -> str:
    return f"{spread.middle * 1e3:.2f} ({spread.least * 1e3:.2f}–{spread.most * 1e3:.2f})"


def grid(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table; figures stand to the right."""
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *lines))
