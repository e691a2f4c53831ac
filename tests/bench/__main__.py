"""`make bench`: O1 and O5 of the speed goals beside their ceilings, interleaved; writes docs/benchmarks.md.

Ratios are what counts: absolute times move with the machine.
"""

import asyncio
import contextlib
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from shared.clock import SystemClock
from tests.bench.ceiling_server import SCHEMA
from tests.bench.load import Request, Round, play
from tests.bench.visibility import Visibility, measure_visibility
from tests.support.province import import_and_issue, tasks_of
from tests.support.stream import plan_file
from tests.support.system import ROOT, System, free_base_port, until

ROUNDS = 5
REQUESTS = 400
CLIENTS = (1, 4, 16)
DOCUMENT = ROOT / "docs" / "benchmarks.md"


@dataclass
class Series:
    """The rounds of one contestant at one number of clients."""

    rounds: list[Round] = field(default_factory=list)

    def rate(self) -> float:
        return statistics.median(one.per_second for one in self.rounds)

    def spread(self) -> str:
        rates = [one.per_second for one in self.rounds]
        return f"{min(rates):,.0f}-{max(rates):,.0f}"

    def milliseconds(self, share: float) -> float:
        return statistics.median(one.percentile(share) for one in self.rounds)


@contextlib.contextmanager
def ceiling(dsn: str, port: int) -> Iterator[None]:
    """Run the bare server."""
    command = [sys.executable, "-m", "tests.bench.ceiling_server", dsn, str(port)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


@contextlib.contextmanager
def frozen(system: System, names: tuple[str, ...]) -> Iterator[None]:
    """Hold processes still, so that the API alone is compared with the bare API; they go on afterwards."""
    processes = system.processes()
    pids = [processes[name]["pid"] for name in names]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def ours(system: System, plan_ids: list[str]) -> list[Request]:
    """Return one completion for every task of the plans, from its own department."""
    tokens: dict[str, str] = {}
    requests = []
    for plan_id in plan_ids:
        for number, task in tasks_of(system, plan_id, 1000, within=120).items():
            lead = task["lead_units"][0]["code"]
            token = tokens.setdefault(lead, system.token("department", lead))
            requests.append(
                Request(
                    f"/v1/tasks/{task['id']}/completions",
                    body(number),
                    (("Authorization", f"Bearer {token}"), ("Idempotency-Key", f"{plan_id}-{number}")),
                )
            )
    return requests


def bare(count: int) -> list[Request]:
    return [
        Request(f"/v1/tasks/{number}/completions", body(str(number)), (("Idempotency-Key", f"bench-{number}"),))
        for number in range(1, count + 1)
    ]


def body(number: str) -> bytes:
    evidence = [{"number": f"{number}/BC", "issued_on": "2023-10-20", "title": "Báo cáo kết quả"}]
    return json.dumps({"completed_on": "2023-10-20", "evidence": evidence}, ensure_ascii=False).encode()


async def prepare_ceiling(admin_dsn: str, tasks: int) -> str:
    """Make the bare server's database on the same PostgreSQL; return its address."""
    connection = await asyncpg.connect(admin_dsn)
    await connection.execute("CREATE DATABASE bench_ceiling")
    await connection.close()
    dsn = admin_dsn.rsplit("/", 1)[0] + "/bench_ceiling"
    connection = await asyncpg.connect(dsn)
    await connection.execute(SCHEMA)
    await connection.execute("INSERT INTO task (id) SELECT generate_series(1, $1::int)", tasks)
    await connection.close()
    return dsn


def completions(system: System, admin_dsn: str, folder: Path) -> dict[tuple[str, int], Series]:
    """O1: completions over HTTP beside the bare server, interleaved."""
    needed = 2 * ROUNDS * REQUESTS * len(CLIENTS)
    file = plan_file(folder / "plan.tsv", 1000)
    plans = [import_and_issue(system, title=f"Đo {n}", file=file) for n in range(-(-needed // 1000))]
    mine = ours(system, plans)
    theirs = bare(needed)
    port = free_base_port()
    found: dict[tuple[str, int], Series] = {}

    async def one(name: str, clients: int, target: int, stock: list[Request]) -> None:
        requests = [stock.pop() for _ in range(REQUESTS)]
        result = await play(target, requests, clients=clients)
        if result.failures:
            raise RuntimeError(f"{name}: {result.failures} requests were not answered 201")
        found.setdefault((name, clients), Series()).rounds.append(result)

    with ceiling(asyncio.run(prepare_ceiling(admin_dsn, needed)), port):
        until(lambda: asyncio.run(answers(port)), within=20, what="bare server listening")
        for _ in range(ROUNDS):
            for clients in CLIENTS:
                asyncio.run(one("ceiling", clients, port, theirs))
                with frozen(system, ("plans-worker", "tasks-worker", "reporting-worker")):
                    asyncio.run(one("API alone", clients, system.base + 2, mine))
                asyncio.run(one("whole system", clients, system.base + 2, mine))
    return found


async def answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False


def completion_table(found: dict[tuple[str, int], Series]) -> list[str]:
    lines = [
        "| clients | | per second (spread) | p50 ms | p99 ms | of the ceiling |",
        "|---|---|---|---|---|---|",
    ]
    for clients in CLIENTS:
        top = found["ceiling", clients].rate()
        for name in ("ceiling", "API alone", "whole system"):
            series = found[name, clients]
            lines.append(
                f"| {clients} | {name} | {series.rate():,.0f} ({series.spread()}) | {series.milliseconds(0.5):.1f} "
                f"| {series.milliseconds(0.99):.1f} | {series.rate() / top:.0%} |"
            )
    return lines


def visibility_table(found: dict[str, Visibility]) -> list[str]:
    lines = ["| transport | | p50 ms | p99 ms | largest ms | samples |", "|---|---|---|---|---|---|"]
    for transport, visibility in found.items():
        for name, values in (("ceiling", visibility.ceiling), ("completion to figure", visibility.ours)):
            ordered = sorted(values)
            lines.append(
                f"| {transport} | {name} | {statistics.median(ordered):.1f} | {ordered[int(0.99 * len(ordered))]:.1f} "
                f"| {ordered[-1]:.1f} | {len(ordered)} |"
            )
    return lines


def document(table: list[str], visible: dict[str, Visibility]) -> list[str]:
    """Return docs/benchmarks.md, line by line."""
    machine = f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"
    return [
        "# Speed",
        "",
        f"Written by `make bench` on {SystemClock().now():%d/%m/%Y}; do not edit. {machine},",
        "PostgreSQL 18 with fsync and synchronous_commit on; client, servers and database share the cores.",
        f"Medians of {ROUNDS} interleaved rounds of {REQUESTS} requests.",
        "",
        "## O1: a completion over HTTP, answered when it is on disk",
        "",
        "The ceiling is bare FastAPI with asyncpg that writes the same five rows in one statement and checks nothing.",
        "*API alone* holds the workers still; *whole system* has relay, consumers and reporting at work beside it.",
        "Goals: 60 % of the ceiling; 1,200/s at 4 clients with p99 < 20 ms.",
        "",
        *table,
        "",
        "## O5: from the answer 201 to the figure of the report",
        "",
        "The ceiling produces and consumes one record of the same size on the same log and commits one row.",
        "Goals: p50 < 50 ms, p99 < 250 ms.",
        "",
        *visibility_table(visible),
        "",
    ]


def main() -> None:
    """Measure and write the document."""
    visible: dict[str, Visibility] = {}
    table: list[str] = []
    for transport in ("postgres", "kafka"):
        with tempfile.TemporaryDirectory(prefix="cchc-bench-") as folder:
            environment = {"CCHC_TRANSPORT": transport, "CCHC_SAMPLE": "0"}
            system = System(Path(folder) / "home", free_base_port(), environment)
            system.start(within=120)
            try:
                if transport == "postgres":
                    table = completion_table(completions(system, system.admin_dsn(), Path(folder)))
                visible[transport] = measure_visibility(system, Path(folder))
            finally:
                system.stop()
    text = "\n".join(document(table, visible))
    DOCUMENT.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
