"""What runs, as the supervisor writes it down for `cchc ps`, for the other commands, and for its own successor."""

import json
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.embedded.process import is_alive, started_at

FILE = "processes.json"


@dataclass
class ProcessRow:
    """One process of the system."""

    name: str
    pid: int | None
    port: int | None
    restarts: int
    state: str
    """`starting`, `running`, `restarting` (died, waits for its next start) or `stopped`."""
    mark: str | None = None
    """When the process began, as the system counts: tells it from a later one under the same id."""


@dataclass
class RunningSystem:
    """What `run/processes.json` holds."""

    pid: int
    mark: str | None
    port: int
    transport: str
    kafka_bootstrap: str | None
    processes: list[ProcessRow]

    @property
    def is_running(self) -> bool:
        return is_same_process(self.pid, self.mark)


def write_state(run: Path, system: RunningSystem) -> None:
    """Replace the file, whole or not at all."""
    unfinished = run / f".{FILE}"
    unfinished.write_text(json.dumps(asdict(system), ensure_ascii=False, indent=1), encoding="utf-8")
    unfinished.replace(run / FILE)


def read_state(run: Path) -> RunningSystem | None:
    """Return what the last supervisor wrote, which may be long gone; None when there is nothing readable."""
    try:
        found = json.loads((run / FILE).read_text(encoding="utf-8"))
        rows = [ProcessRow(**row) for row in found.pop("processes")]
        return RunningSystem(**found, processes=rows)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def is_same_process(pid: int, mark: str | None) -> bool:
    """Whether the process that was seen under this id still runs."""
    return mark is not None and is_alive(pid) and started_at(pid) == mark


def sweep(run: Path, within: float = 9) -> None:
    """See to it that nothing of a killed supervisor's system still runs: it was told to stop, now it is waited for.

    Services that do not stop are killed; PostgreSQL, which may be writing, is left to its own successor's patience.
    """
    before = read_state(run)
    left = [row for row in (before.processes if before else []) if row.pid is not None and row.name != "postgres"]
    deadline = time.monotonic() + within
    asked = False
    while left := [row for row in left if row.pid is not None and is_same_process(row.pid, row.mark)]:
        late = time.monotonic() > deadline
        for row in left:
            if row.pid is not None and (late or not asked):
                os.kill(row.pid, signal.SIGKILL if late else signal.SIGTERM)
        asked = True
        time.sleep(0.05)
