"""O3: from the commit of a completion to its signed webhook at the receiver, and deliveries a second."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from uuid import UUID

import httpx2
from pydantic import SecretStr

from shared.clock import SystemClock
from tests.bench.load import Request, play
from tests.bench.room import durable_postgres, listening, make_database, process
from tests.bench.series import progress
from tests.bench.visibility import lead, plan_counting_when_reported
from tests.support.ports import free_port
from tests.support.province import PROVINCE, tasks_of
from tests.support.system import System
from tests.support.webhooks import Webhooks, completions

HISTORIES = ("shared.messaging", "services.reporting")
TYPE = "cchc.task.completed.v1"
CLOCK = SystemClock()
LEASE = "20"
AT_ONCE = 4
"""What the sender has under way for one endpoint, and what the bare client has."""


@dataclass
class Sending:
    """Deliveries a second of the sender, and posts a second of the bare client, by number of endpoints."""

    ours: dict[int, list[float]] = field(default_factory=dict)
    bare: dict[int, list[float]] = field(default_factory=dict)


def came(port: int) -> list[tuple[float, str, str]]:
    """Return moment, path and task of all that the receiver was sent since it was asked the last time."""
    lines = httpx2.get(f"http://127.0.0.1:{port}/came", timeout=30).text.splitlines()
    return [(float(moment), path, task) for moment, path, task in (line.split(" ") for line in lines)]


def measure_delay(system: System, folder: Path, samples: int) -> list[float]:
    """Return milliseconds from the answer 201 to the webhook's arrival, of one completion after another.

    The whole system works: outbox, event log, ledger, fan-out, sender.
    """
    plan_id = plan_counting_when_reported(system, folder, samples)
    tasks = tasks_of(system, plan_id, samples)
    port = free_port()
    answered: dict[str, float] = {}
    with process("tests.bench.receiver_server", str(port)), system.client("reporting", "leader", PROVINCE) as leader:
        asyncio.run(listening(port))
        wanted = {"url": f"http://127.0.0.1:{port}/leader", "event_types": [TYPE]}
        leader.post("/v1/webhook-endpoints", json=wanted).raise_for_status()
        clients = {code: system.client("tasks", "department", code) for code in {lead(task) for task in tasks.values()}}
        arrived: dict[str, float] = {}
        for number, task in enumerate(tasks.values()):
            body = {"completed_on": "2023-10-20", "evidence": [{"number": f"{number}/BC", "issued_on": "2023-10-20"}]}
            clients[lead(task)].post(f"/v1/tasks/{task['id']}/completions", json=body).raise_for_status()
            answered[task["id"]] = CLOCK.now().timestamp()
            _wait_for(port, 1, arrived)
        for client in clients.values():
            client.close()
    return [1000 * max(0.0, arrived[task] - moment) for task, moment in answered.items()]


async def measure_sending(folder: Path, *, deliveries: int, rounds: int) -> Sending:
    """Return the rates to one and to ten endpoints; the sender and the bare client take turns."""
    found, port = Sending(), free_port()
    async with durable_postgres(folder) as admin:
        with process("tests.bench.receiver_server", str(port)):
            await listening(port)
            for endpoints in (1, 10):
                for number in range(rounds):
                    dsn = await make_database(admin, f"bench_hooks_{endpoints}_{number}", HISTORIES)
                    bodies = await _due(dsn, port, endpoints, deliveries // endpoints)
                    bare = [Request(f"/{one % endpoints}", body) for one, body in enumerate(bodies * endpoints)]
                    played = await play(port, bare, clients=AT_ONCE * endpoints, expected=200)
                    await asyncio.to_thread(came, port)
                    found.bare.setdefault(endpoints, []).append(played.per_second)
                    found.ours.setdefault(endpoints, []).append(await _send(dsn, port, len(bare)))
                    progress(f"{endpoints} endpoints, round {number + 1} of {rounds}")
    return found


async def _due(dsn: str, port: int, endpoints: int, events: int) -> list[bytes]:
    """Fill a database with deliveries that are due; return the bodies of one endpoint."""
    hooks = await Webhooks.on(dsn)
    try:
        for number in range(endpoints):
            await hooks.an_endpoint(f"http://127.0.0.1:{port}/{number}")
        plans: Sequence[UUID] = [await hooks.a_plan() for _ in range(10)]
        for plan_id in plans:
            await hooks.hear(completions(plan_id, events // len(plans)))
        return [
            row.body.encode() for row in await hooks.rows("SELECT body FROM webhook_events WHERE type = :t", t=TYPE)
        ]
    finally:
        await hooks.engine.dispose()


async def _send(dsn: str, port: int, deliveries: int) -> float:
    """Let the sender send what is due; return deliveries a second, from the first to the last at the receiver."""
    arrived: list[float] = []
    with process("tests.support.webhook_sender_process", SecretStr(dsn).get_secret_value(), LEASE):
        async with asyncio.timeout(120):
            while len(arrived) < deliveries:
                await asyncio.sleep(0.2)
                arrived += [moment for moment, _, _ in await asyncio.to_thread(came, port)]
    return len(arrived) / (max(arrived) - min(arrived))


def _wait_for(port: int, count: int, arrived: dict[str, float]) -> None:
    deadline = time.monotonic() + 30
    wanted = len(arrived) + count
    while len(arrived) < wanted:
        if time.monotonic() > deadline:
            raise TimeoutError("no webhook within 30 s")
        time.sleep(0.02)
        arrived.update({task: moment for moment, _, task in came(port)})


def lines(delays: dict[str, list[float]], sending: Sending) -> list[str]:
    """Return the chapter of the document."""
    told = [
        "## O3: from the commit of a completion to its signed webhook at the receiver",
        "",
        "The whole way: answer 201, outbox, event log, ledger, fan-out, signature, post.",
        "Goals: p50 < 50 ms, p99 < 250 ms.",
        "",
        "| transport | p50 ms | p99 ms | largest ms | samples |",
        "|---|---|---|---|---|",
    ]
    for transport, found in delays.items():
        ordered = sorted(found)
        at = [ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.99, 1)]
        told.append(f"| {transport} | {at[0]:.1f} | {at[1]:.1f} | {at[2]:.1f} | {len(ordered)} |")
    told += [
        "",
        "Deliveries that are due, sent by one sender: claimed under a lease, signed, posted, each attempt written",
        "before and after. The ceiling is a bare client that posts the same bodies to the same receiver over as",
        "many connections.",
        "Goals: 1,000/s and 15 % of the bare client.",
        "",
        "| endpoints | bare client, posts/s | ours, deliveries/s (spread) | of the ceiling |",
        "|---|---|---|---|",
    ]
    for endpoints, found in sending.ours.items():
        bare = median(sending.bare[endpoints])
        rate, spread = median(found), f"{min(found):,.0f}-{max(found):,.0f}"
        told.append(f"| {endpoints} | {bare:,.0f} | {rate:,.0f} ({spread}) | {rate / bare:.0%} |")
    return [*told, ""]
