"""docs/drills.md: one line a drill and log, replaced when that drill has run again."""

import os
import platform
import re
from pathlib import Path

from shared.clock import SystemClock, vietnam_date
from tests.drills.catalogue import Drill
from tests.drills.tally import Tally

HEAD = """# What was drilled, and what it cost

Written by `make drill`: real processes, real PostgreSQL, real Kafka (`python -m tests.drills --help`). Each line can be
repeated: `python -m tests.drills --only R2 --transport kafka --seed <its seed>`. The seed decides which faults come, in
which order and when; how processes interleave is the machine's.

* *sent*: what clients know to be acknowledged, having repeated with the same Idempotency-Key until answered
  (R4, W1, W6, W10, W11: webhooks, one for each event and endpoint that is to hear of it; R14: events; B1: requests that
  did what they asked for).
* *lost*, *counted twice*: found by a reader that shares no code with the product, in the tasks service's list and
  table, in the ledger, in the figures at the cut-off and in the plan's "n of m"; the worst of them counts. In R4 and W
  it is the receivers' own count: *lost* was accepted by none and is not listed as failed, *counted twice* came once
  more than its receiver had refused it and than it was under way when a sender was killed.
* *how often*: faults that happened; in W1 answers that refused, in W6 and W7 posts that hung. W2, W4, W5 and W12 are
  the tests of these promises at full counts; a promise that is broken fails the line.
* *consistent after*: the longest time from the end of the faults of a round until all of these agreed.

| drill | log | fault | how often | sent | lost | counted twice | consistent after | took | seed | date |
|---|---|---|--:|--:|--:|--:|--:|--:|--:|---|
"""


class Document:
    """The file; lines of drills that did not run this time stay."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[tuple[str, str], str] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                cells = [cell.strip() for cell in line.split("|")]
                if re.match(r"\| [BRW]\d", line):
                    self._lines[cells[1], cells[2]] = line

    def add(self, drill: Drill, transport: str, tally: Tally, *, seed: int, seconds: float) -> None:
        """Put one result in and write the file."""
        name = "PostgreSQL" if transport == "postgres" else "Kafka"
        told = " ".join("; ".join(tally.complaints[:3]).split()).replace("|", "/")
        figures = f"; {tally.figures}" if tally.figures else ""
        complaint = "" if tally.is_clean else f" **FAILED**: {told}"
        after = f"{tally.longest:.1f} s" if tally.longest else "-"
        cells = (
            drill.name,
            name,
            drill.fault + figures + complaint,
            f"{tally.faults:,}",
            f"{tally.sent:,}",
            tally.lost,
            tally.twice,
        )
        more = (after, f"{seconds:.0f} s", seed, vietnam_date(SystemClock().now()).isoformat())
        self._lines[drill.name, name] = "| " + " | ".join(str(cell) for cell in (*cells, *more)) + " |"
        ordered = sorted(self._lines.items(), key=lambda item: _place(*item[0]))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(HEAD + "".join(f"{line}\n" for _, line in ordered) + _machine(), encoding="utf-8")


def _place(drill: str, log: str) -> tuple[int, int, bool]:
    return "RWB".index(drill[0]), int(drill[1:]), log != "PostgreSQL"


def _machine() -> str:
    where = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return f"\nLast run on {where}.\n"
