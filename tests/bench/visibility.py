"""O5: how long until an acknowledged completion shows in the report's figures, and the bare log beside it."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from shared.contracts.topics import Topic
from shared.messaging.transports import create_transport
from shared.messaging.transports.port import Received, Record
from shared.settings import SharedSettings
from tests.support.province import PROVINCE, progress, tasks_of
from tests.support.stream import plan_file
from tests.support.system import System

CUTOFF = "2023-10-31"


@dataclass(frozen=True)
class Visibility:
    """Milliseconds of every sample."""

    ours: list[float]
    ceiling: list[float]


def plan_counting_when_reported(system: System, folder: Path, samples: int) -> str:
    """Import and issue a plan whose completions count as soon as they are reported."""
    file = plan_file(folder / "visible.tsv", samples)
    with system.client("plans", "secretariat", PROVINCE) as plans:
        answer = plans.post(
            "/v1/plans/import",
            files={"file": (file.name, file.read_bytes())},
            data={"unit": PROVINCE, "year": "2023", "title": "Đo độ trễ", "counts_when": "reported"},
        )
        plan_id: str = answer.json()["plan_id"]
        document = {"number": "1/QĐ-UBND", "issued_on": "2022-12-28", "signed_by": "Chủ tịch"}
        plans.post(f"/v1/plans/{plan_id}/issue", json={"document": document}).raise_for_status()
    return plan_id


def completions_until_visible(system: System, folder: Path, samples: int) -> list[float]:
    """Report one task after another and ask for the figures until each shows."""
    plan_id = plan_counting_when_reported(system, folder, samples)
    tasks = tasks_of(system, plan_id, samples)
    progress(system, plan_id, cutoff=CUTOFF)
    taken = []
    clients = {code: system.client("tasks", "department", code) for code in {lead(task) for task in tasks.values()}}
    with system.client("reporting", "leader", PROVINCE) as reporting:
        for done, task in enumerate(tasks.values(), start=1):
            answer = clients[lead(task)].post(
                f"/v1/tasks/{task['id']}/completions",
                json={
                    "completed_on": "2023-10-20",
                    "evidence": [{"number": f"{done}/BC", "issued_on": "2023-10-20"}],
                },
            )
            began = time.perf_counter()
            answer.raise_for_status()
            while reporting.get(f"/v1/plans/{plan_id}/progress", params={"cutoff": CUTOFF}).json()["done"] < done:
                if time.perf_counter() - began > 30:
                    raise TimeoutError(f"completion {done} not visible after 30 s")
            taken.append(1000 * (time.perf_counter() - began))
    for client in clients.values():
        client.close()
    return taken


def lead(task: dict[str, list[dict[str, str]]]) -> str:
    return task["lead_units"][0]["code"]


async def bare_log(system: System, samples: int) -> list[float]:
    """Produce one record, consume it, commit one row; again and again."""
    transport = create_transport(
        SharedSettings(
            transport=system.environment["CCHC_TRANSPORT"],
            kafka_bootstrap=f"127.0.0.1:{system.base + 92}",
            log_database_url=system.log_dsn(),
        )
    )
    topic = Topic("bench.visibility.v1", "bench", 1, "bench")
    connection = await asyncpg.connect(system.admin_dsn())
    await connection.execute("CREATE TABLE IF NOT EXISTS bench_seen (id int PRIMARY KEY, value bytea)")
    await transport.start()
    await transport.ensure_topics([topic])
    reader = transport.reader("bench", [topic])
    await reader.start()
    taken = []
    try:
        for number in range(samples):
            began = time.perf_counter()
            await transport.publish([Record(topic.name, "k", {"ce_id": str(number)}, b"x" * 600)])
            received: list[Received] = []
            while not received:
                received = [one for batch in await reader.fetch(5.0, 100) for one in batch]
            await connection.execute("INSERT INTO bench_seen VALUES ($1, $2)", number, received[0].value)
            taken.append(1000 * (time.perf_counter() - began))
    finally:
        await reader.stop()
        await transport.stop()
        await connection.close()
    return taken


def measure_visibility(system: System, folder: Path, samples: int) -> Visibility:
    """Return both series on the running system."""
    return Visibility(
        ours=completions_until_visible(system, folder, samples), ceiling=asyncio.run(bare_log(system, samples))
    )
