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

from services.reporting.adapters.webhook_queue import Limits
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
LIMITS = Limits()


@dataclass(frozen=True)
class Course:
    """Endpoints that answer at once, and others that never do."""

    name: str
    answering: int
    hung: int = 0

    @property
    def paths(self) -> list[str]:
        """Where each endpoint is at the receiver; those that hang come first."""
        return [f"hang/{number}" for number in range(self.hung)] + [str(number) for number in range(self.answering)]

    @property
    def at_once(self) -> int:
        """What the sender has under way at most for those that answer, and what the bare client has."""
        return min(LIMITS.per_endpoint * self.answering, LIMITS.cautious * self.answering + LIMITS.more)


COURSES = (Course("1", 1), Course("10", 10), Course("10, of which 9 hang", 1, hung=9))


@dataclass
class Sending:
    """Deliveries a second of the sender, and posts a second of the bare clients, by course."""

    ours: dict[str, list[float]] = field(default_factory=dict)
    bare: dict[str, list[float]] = field(default_factory=dict)
    """A general HTTP client, as who writes a sender takes one."""
    sockets: dict[str, list[float]] = field(default_factory=dict)
    """Prepared bytes written to sockets: what the receiver and the machine take."""


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
    """Return the rates to endpoints that answer; the sender and the bare clients take turns."""
    found, port = Sending(), free_port()
    async with durable_postgres(folder) as admin:
        with process("tests.bench.receiver_server", str(port)):
            await listening(port)
            for number in range(rounds):
                for place, course in enumerate(COURSES):
                    dsn = await make_database(admin, f"bench_hooks_{place}_{number}", HISTORIES)
                    bodies = await _due(dsn, port, course, deliveries // course.answering)
                    requests = _bare(course, bodies)
                    played = await play(port, requests, clients=course.at_once, expected=200)
                    await asyncio.to_thread(came, port)
                    found.sockets.setdefault(course.name, []).append(played.per_second)
                    found.bare.setdefault(course.name, []).append(await _post(port, requests, course.at_once))
                    await asyncio.to_thread(came, port)
                    sent = await _send(dsn, port, len(bodies) * course.answering)
                    found.ours.setdefault(course.name, []).append(sent)
                    progress(f"{course.name} endpoints, round {number + 1} of {rounds}")
    return found


def _bare(course: Course, bodies: Sequence[bytes]) -> list[Request]:
    paths = course.paths[course.hung :]
    return [Request(f"/{path}", body) for body in bodies for path in paths]


async def _post(port: int, requests: Sequence[Request], at_once: int) -> float:
    """Return posts a second of httpx2."""
    limits = httpx2.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    left = iter(requests)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, trust_env=False) as client:

        async def work() -> None:
            for request in left:
                (await client.post(request.path, content=request.body)).raise_for_status()

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(at_once)))
        return len(requests) / (time.perf_counter() - began)


async def _due(dsn: str, port: int, course: Course, events: int) -> list[bytes]:
    """Fill a database with deliveries that are due; return the bodies of one endpoint."""
    hooks = await Webhooks.on(dsn)
    try:
        for path in course.paths:
            await hooks.an_endpoint(f"http://127.0.0.1:{port}/{path}")
        plans: Sequence[UUID] = [await hooks.a_plan() for _ in range(10)]
        for plan_id in plans:
            await hooks.hear(completions(plan_id, events // len(plans)))
        return [
            row.body.encode() for row in await hooks.rows("SELECT body FROM webhook_events WHERE type = :t", t=TYPE)
        ]
    finally:
        await hooks.engine.dispose()


async def _send(dsn: str, port: int, deliveries: int) -> float:
    """Let the sender send what is due; return deliveries a second, from the first to the last at the receiver.

    Those to endpoints that hang do not count.
    """
    arrived: list[float] = []
    with process("tests.support.webhook_sender_process", SecretStr(dsn).get_secret_value(), LEASE):
        async with asyncio.timeout(120):
            while len(arrived) < deliveries:
                await asyncio.sleep(0.2)
                told = await asyncio.to_thread(came, port)
                arrived += [moment for moment, path, _ in told if not path.startswith("/hang")]
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
        "before and after. The ceiling is a bare HTTP client (httpx2) that posts the same bodies to the same receiver",
        "over as many connections, and writes nothing down; beside it prepared bytes on bare sockets, which is what",
        "the receiver and the machine take. Deliveries to endpoints that hang are not counted.",
        "Goals: 1,000/s and 15 % of the bare client.",
        "",
        "| endpoints | sockets, posts/s | client, posts/s | ours, per second (spread) | of client | of sockets |",
        "|---|---|---|---|---|---|",
    ]
    for course, found in sending.ours.items():
        bare, sockets = median(sending.bare[course]), median(sending.sockets[course])
        rate, spread = median(found), f"{min(found):,.0f}-{max(found):,.0f}"
        shares = f"{rate / bare:.0%} | {rate / sockets:.0%}"
        told.append(f"| {course} | {sockets:,.0f} | {bare:,.0f} | {rate:,.0f} ({spread}) | {shares} |")
    return [*told, ""]
