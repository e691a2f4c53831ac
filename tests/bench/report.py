"""docs/benchmarks.md: the machine, the settings, medians and spread."""

import os
import platform
import statistics
from collections.abc import Mapping, Sequence

from shared.clock import SystemClock
from tests.bench.growth import LARGE_PLAN, SMALL_PLAN
from tests.bench.hearing import Hearing
from tests.bench.series import Found, Size, table
from tests.bench.visibility import Visibility


def head(size: Size) -> list[str]:
    machine = f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"
    return [
        "# Speed",
        "",
        f"Written by `make bench` on {SystemClock().now():%d/%m/%Y}; do not edit. {machine},",
        "PostgreSQL 18 with fsync, full_page_writes and synchronous_commit on everywhere, the ceilings' databases too;",
        "client, servers and database share the cores. Ratios are what counts: absolute times move with the machine.",
        f"Medians of {size.rounds} interleaved rounds of {size.requests} requests; smallest and largest in brackets.",
        "",
    ]


def completions(found: Found) -> list[str]:
    return [
        "## O1: a completion over HTTP, answered when it is on disk",
        "",
        "The ceiling is bare FastAPI with asyncpg that writes the same five rows in one statement and checks nothing.",
        "*API alone* holds the workers still; *whole system* has relay, consumers and reporting at work beside it.",
        "Goals: 60 % of the ceiling; 1,200/s at 4 clients with p99 < 20 ms.",
        "",
        *table(found, top="ceiling"),
        "",
    ]


def reading(found: Found) -> list[str]:
    return [
        "## O2: a plan of 38 tasks with progress",
        "",
        "The ceiling is bare FastAPI with asyncpg that answers the same document, made by the same SQL, to anybody.",
        "Goals: 50 % of the ceiling; 1,000/s.",
        "",
        *table(found, top="ceiling"),
        "",
    ]


def hearing(found: Mapping[str, Hearing]) -> list[str]:
    lines = [
        "## O4: events from the log into the read model, while the ledger grows",
        "",
        "Ours checks every event against its contract and writes ledger and position in one transaction a batch; the",
        "ceiling reads the same log and copies the same rows, with the same indexes, unchecked. Figures are those of",
        "one plan of 38 tasks, asked over HTTP. Goals: 50 % of the ceiling; 20,000 events/s; figures that do not grow.",
        "Where a size leaves room for rounds of 9,000 events and more, medians of up to five that take turns.",
        "",
        "| transport | events in the ledger | ceiling/s (spread) | ours/s (spread) | of the ceiling | figures p50 ms |",
        "|---|---|---|---|---|---|",
    ]
    for transport, one in found.items():
        lines += [
            f"| {transport} | {stage:,} | {_spread(one.ceiling[stage])} | {_spread(ours)} "
            f"| {statistics.median(ours) / statistics.median(one.ceiling[stage]):.0%} | {one.figures[stage]:.1f} |"
            for stage, ours in one.ours.items()
        ]
    return [*lines, ""]


def _spread(rates: Sequence[float]) -> str:
    return f"{statistics.median(rates):,.0f} ({min(rates):,.0f}-{max(rates):,.0f})"


def visibility(found: Mapping[str, Visibility]) -> list[str]:
    lines = [
        "## O5: from the answer 201 to the figure of the report",
        "",
        "The ceiling produces and consumes one record of the same size on the same log and commits one row.",
        "Goals: p50 < 50 ms, p99 < 250 ms.",
        "",
        "| transport | | p50 ms | p99 ms | largest ms | samples |",
        "|---|---|---|---|---|---|",
    ]
    for transport, one in found.items():
        for name, values in (("ceiling", one.ceiling), ("completion to figure", one.ours)):
            ordered = sorted(values)
            lines.append(
                f"| {transport} | {name} | {statistics.median(ordered):.1f} | {ordered[int(0.99 * len(ordered))]:.1f} "
                f"| {ordered[-1]:.1f} | {len(ordered)} |"
            )
    return [*lines, ""]


def growth(tasks: Found, plans: Found) -> list[str]:
    smallest = next(iter(tasks))[0]
    return [
        "## Growth: O1 with more tasks in the tables, and on large plans",
        "",
        "The tasks API alone, each contestant with a database of its own on one server. No row that two tasks share is",
        "written, so neither the number of tasks nor the size of a plan should show.",
        "",
        *table(tasks, top=smallest, share="of the smallest"),
        "",
        *table(plans, top=f"plans of {SMALL_PLAN:,} tasks", share=f"of plans of {SMALL_PLAN}"),
        "",
        f"A plan of {LARGE_PLAN:,} tasks at 16 clients is the case in which others fell to 8/s.",
        "",
    ]
