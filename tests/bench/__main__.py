"""`make bench`: O1 to O5 of the speed goals beside their ceilings, interleaved; writes docs/benchmarks.md.

`--only O1` (or O2, O3, O4, O5, growth) measures a part and prints it; `--quick` takes small counts; neither writes the
document, which is of one full run.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import report, webhooks
from tests.bench.growth import measure_growth, measure_plan_sizes
from tests.bench.hearing import Hearing, Log, kafka_log, measure_hearing, postgres_log
from tests.bench.reading import measure_reading
from tests.bench.room import durable_postgres
from tests.bench.series import FULL, QUICK, Size, progress
from tests.bench.visibility import measure_visibility
from tests.bench.whole import measure_completions
from tests.support.ports import free_base_port
from tests.support.system import ROOT, System

TRANSPORTS = ("postgres", "kafka")
DOCUMENT = ROOT / "docs" / "benchmarks.md"

Part = Callable[[Size], list[str]]


@contextmanager
def folder() -> Iterator[Path]:
    """A directory that PostgreSQL's own user may enter."""
    with tempfile.TemporaryDirectory(prefix="cchc-bench-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@contextmanager
def running(transport: str, **more: str) -> Iterator[tuple[System, Path]]:
    """A whole system, with more settings by name."""
    with folder() as made:
        environment = {"CCHC_TRANSPORT": transport, "CCHC_SAMPLE": "0", **more}
        system = System(made / "home", free_base_port(), environment)
        system.start(within=120)
        try:
            yield system, made
        finally:
            system.stop(within=30)


def o1(size: Size) -> list[str]:
    with running("postgres") as (system, made):
        return report.completions(measure_completions(system, made, size))


def o2(size: Size) -> list[str]:
    with folder() as made:
        return report.reading(asyncio.run(measure_reading(made, size)))


def o3(size: Size) -> list[str]:
    delays = {}
    for transport in TRANSPORTS:
        progress(transport)
        with running(transport, CCHC_WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8") as (system, made):
            delays[transport] = webhooks.measure_delay(system, made, size.samples)
    with folder() as made:
        sending = asyncio.run(webhooks.measure_sending(made, deliveries=size.deliveries, rounds=size.rounds))
    return webhooks.lines(delays, sending)


def o4(size: Size) -> list[str]:
    found: dict[str, Hearing] = {}
    for name, log in (("postgres", postgres_log), ("kafka", kafka_log)):
        progress(name)
        with folder() as made:
            found[name] = asyncio.run(_hear(log, made, size))
    return report.hearing(found)


async def _hear(log: Log, made: Path, size: Size) -> Hearing:
    async with durable_postgres(made) as admin, log(made, admin) as transport:
        return await measure_hearing(transport, admin, made, size)


def o5(size: Size) -> list[str]:
    found = {}
    for transport in TRANSPORTS:
        progress(transport)
        with running(transport) as (system, made):
            found[transport] = measure_visibility(system, made, size.samples)
    return report.visibility(found)


def growth(size: Size) -> list[str]:
    with folder() as made:
        plans = asyncio.run(measure_plan_sizes(made, size))
    with folder() as made:
        return report.growth(asyncio.run(measure_growth(made, size)), plans)


PARTS: dict[str, Part] = {"O1": o1, "O2": o2, "O3": o3, "O4": o4, "O5": o5, "growth": growth}


def main() -> None:
    """Measure what is asked for."""
    reading = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    reading.add_argument("--only", choices=PARTS)
    reading.add_argument("--quick", action="store_true")
    asked = reading.parse_args()
    size = QUICK if asked.quick else FULL
    lines = report.head(size)
    for name in [asked.only] if asked.only else list(PARTS):
        sys.stderr.write(f"{name}\n")
        lines += PARTS[name](size)
    text = "\n".join(lines)
    if not asked.only and not asked.quick:
        DOCUMENT.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
