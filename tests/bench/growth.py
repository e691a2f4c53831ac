"""O1 with ever more tasks in the tables, and on one plan of a thousand tasks: the tasks API alone."""

import contextlib
import json
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from shared.clock import SystemClock
from shared.security import issue_token, make_issuer
from tests.bench.load import Request
from tests.bench.room import durable_postgres, fill_tasks, listening, make_database, process
from tests.bench.series import Contestant, Found, Size, progress, take_turns
from tests.support.ports import free_port

HISTORIES = ("shared.messaging", "services.tasks")
SMALL_PLAN, LARGE_PLAN = 38, 1000


async def measure_growth(folder: Path, size: Size) -> Found:
    """Return the rates at each of `size.growth` tasks at 4 clients."""
    names = {f"{tasks:,} tasks": (tasks, SMALL_PLAN) for tasks in size.growth}
    return await _measured(folder, size, names, clients=(4,))


async def measure_plan_sizes(folder: Path, size: Size) -> Found:
    """Return the rates on plans of 38 and of 1,000 tasks, at 1, 4 and 16 clients."""
    tasks = 3 * size.rounds * size.requests
    names = {f"plans of {plan:,} tasks": (tasks, plan) for plan in (SMALL_PLAN, LARGE_PLAN)}
    return await _measured(folder, size, names, clients=(1, 4, 16))


async def _measured(folder: Path, size: Size, names: dict[str, tuple[int, int]], *, clients: tuple[int, ...]) -> Found:
    make_issuer(folder / "keys")
    token = lead_token(folder / "keys")
    needed = len(clients) * size.rounds * size.requests
    async with durable_postgres(folder) as admin:
        with contextlib.ExitStack() as running:
            contestants = []
            for name, (tasks, plan) in names.items():
                progress(f"filling: {name}")
                dsn = await make_database(admin, f"tasks_{tasks}_{plan}", HISTORIES)
                ids = await fill_tasks(dsn, max(tasks, needed), a_plan=plan)
                port = free_port()
                running.enter_context(process("services.tasks.main", environment=tasks_environment(dsn, port, folder)))
                contestants.append(Contestant(name, port, reports(ids[:needed], token)))
            for one in contestants:
                await listening(one.port)
            return await take_turns(contestants, size=size, clients=clients)


def tasks_environment(dsn: str, port: int, folder: Path) -> dict[str, str]:
    """Return what the tasks API is told."""
    return {
        "CCHC_TASKS_DATABASE_URL": dsn,
        "CCHC_TASKS_PORT": str(port),
        "CCHC_JWKS_URL": f"file://{folder}/keys/jwks.json",
    }


def lead_token(keys: Path, *, role: str = "department", unit: str = "TV-SYT") -> str:
    """Return a token of the unit that leads the tasks of `fill_tasks`."""
    return issue_token(
        keys,
        issuer="cchc-embedded",
        audience="cchc",
        role=role,
        unit=unit,
        name="Đo",
        expires=timedelta(hours=2),
        now=SystemClock().now(),
    )


def reports(ids: list[UUID], token: str) -> list[Request]:
    """Return one completion of each task."""
    return [
        Request(
            f"/v1/tasks/{task_id}/completions",
            completion_body(str(number)),
            (("Authorization", f"Bearer {token}"), ("Idempotency-Key", f"bench-{number}")),
        )
        for number, task_id in enumerate(ids)
    ]


def completion_body(number: str) -> bytes:
    """Return a completion as a department sends it."""
    evidence = [{"number": f"{number}/BC", "issued_on": "2023-10-20", "title": "Báo cáo kết quả"}]
    return json.dumps({"completed_on": "2023-10-20", "evidence": evidence}, ensure_ascii=False).encode()
