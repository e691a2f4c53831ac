"""O1 on a whole running system, beside the bare server on the same PostgreSQL."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import asyncpg

from tests.bench.ceiling_server import SCHEMA
from tests.bench.growth import completion_body
from tests.bench.load import Request
from tests.bench.room import listening, make_database, process
from tests.bench.series import CLIENTS, Contestant, Found, Size, play_round, progress
from tests.support.ports import free_port
from tests.support.province import import_and_issue, tasks_of
from tests.support.stream import plan_file
from tests.support.system import System

WORKERS = ("plans-worker", "tasks-worker", "reporting-worker")
PLAN_TASKS = 1000


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


def measure_completions(system: System, folder: Path, size: Size) -> Found:
    """Return the rates of the bare server, of the API alone and of the whole system at 1, 4 and 16 clients."""
    needed = 2 * size.rounds * size.requests * len(CLIENTS)
    file = plan_file(folder / "plan.tsv", PLAN_TASKS)
    plans = []
    for number in range(-(-needed // PLAN_TASKS)):
        progress(f"plan {number + 1} of {-(-needed // PLAN_TASKS)}")
        plans.append(import_and_issue(system, title=f"Đo {number}", file=file))
    mine = ours(system, plans)
    port = free_port()
    dsn = asyncio.run(prepare_ceiling(system.admin_dsn(), needed))
    bare = Contestant("ceiling", port, bare_requests(needed))
    alone = Contestant("API alone", system.base + 2, mine)
    whole = Contestant("whole system", system.base + 2, mine)
    found: Found = {}
    with process("tests.bench.ceiling_server", dsn, str(port)):
        asyncio.run(listening(port))
        for number in range(size.rounds):
            for clients in CLIENTS:
                asyncio.run(play_round(bare, clients, size=size, found=found))
                with frozen(system, WORKERS):
                    asyncio.run(play_round(alone, clients, size=size, found=found))
                asyncio.run(play_round(whole, clients, size=size, found=found))
            progress(f"round {number + 1} of {size.rounds}")
    return found


def ours(system: System, plan_ids: list[str]) -> list[Request]:
    """Return one completion for every task of the plans, from its own department."""
    tokens: dict[str, str] = {}
    requests = []
    for plan_id in plan_ids:
        for number, task in tasks_of(system, plan_id, PLAN_TASKS, within=120).items():
            lead = task["lead_units"][0]["code"]
            token = tokens.setdefault(lead, system.token("department", lead))
            headers = (("Authorization", f"Bearer {token}"), ("Idempotency-Key", f"{plan_id}-{number}"))
            requests.append(Request(f"/v1/tasks/{task['id']}/completions", completion_body(number), headers))
    return requests


def bare_requests(count: int) -> list[Request]:
    """Return one completion for every task of the bare server."""
    return [
        Request(
            f"/v1/tasks/{number}/completions", completion_body(str(number)), (("Idempotency-Key", f"bench-{number}"),)
        )
        for number in range(1, count + 1)
    ]


async def prepare_ceiling(admin_dsn: str, tasks: int) -> str:
    """Make the bare server's database on the same PostgreSQL; return its address."""
    dsn = await make_database(admin_dsn, "bench_ceiling")
    connection = await asyncpg.connect(dsn, ssl=False)
    await connection.execute(SCHEMA)
    await connection.execute("INSERT INTO task (id) SELECT generate_series(1, $1::int)", tasks)
    await connection.close()
    return dsn
