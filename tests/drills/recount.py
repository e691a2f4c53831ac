"""The independent reader: counts from what the clients know, and asks every place that tells of a completion.

It imports nothing of the product. It compares the tasks service's list and table, the ledger, the figures of the
report at the cut-off, and "n of m" of the plan. Lost is what the clients know and one of them does not; twice is what
one of them knows more often, or knows and the clients do not.
"""

import asyncio
import time
from collections import Counter
from typing import Any

import httpx2

from tests.drills.flow import Flow
from tests.drills.tally import Tally
from tests.support.event_logs import fetch, out_of_order
from tests.support.province import PROVINCE, pages
from tests.support.stream import Stream
from tests.support.system import System

CUTOFF = "2023-10-31"
KINDS = ("cchc.task.completed.v1", "cchc.completion.confirmed.v1")
SERVICES = ("plans", "tasks", "reporting")


async def recount(flow: Flow) -> Tally:
    """Count every plan of `flow`; everything must have arrived."""
    tally = Tally(sent=flow.sent, complaints=flow.surprises)
    for stream in flow.streams:
        lost, twice = _differences(stream, await _read(flow.system, stream))
        tally.lost += lost
        tally.twice += twice
        tally.complaints += [f"heard out of order: {each}" for each in await out_of_order(flow.system, stream.plan_id)]
    for service in SERVICES:
        put_aside = await fetch(
            flow.system,
            service,
            "SELECT (SELECT count(*) FROM dead_letters), (SELECT count(*) FROM parked_messages)",
        )
        if any(put_aside[0]):
            tally.complaints.append(f"{service} has put {sum(put_aside[0])} messages aside")
    return tally


async def consistent_after(flow: Flow, *, patience: float) -> Tally:
    """Wait until every reader agrees with the clients, and recount.

    `longest` of the answer is the time that it took. When nothing has moved for `patience` seconds, what is missing
    then is lost.
    """
    began = moved = time.monotonic()
    waiting = {stream.plan_id: len(stream.confirmed) for stream in flow.streams}
    before: object = None
    while waiting and time.monotonic() - moved < patience:
        now = {plan_id: await asyncio.to_thread(_asked, flow.system, plan_id) for plan_id in waiting}
        waiting = {plan_id: done for plan_id, done in waiting.items() if now[plan_id] != (done, done)}
        moved = time.monotonic() if now != before else moved
        before = now
        await asyncio.sleep(0.02)
    seconds = time.monotonic() - began
    tally = await recount(flow)
    tally.longest = seconds
    return tally


def _asked(system: System, plan_id: str) -> tuple[int, int]:
    """Return how many are done as reporting counts, and as the plan tells; -1 where there is no answer now."""
    progress = _get(system, "reporting", f"/v1/plans/{plan_id}/progress", cutoff=CUTOFF)
    plan = _get(system, "plans", f"/v1/plans/{plan_id}")
    return progress.get("done", -1), plan.get("progress", {}).get("done", -1)


def _get(system: System, service: str, path: str, **query: str) -> dict[str, Any]:
    with system.client(service, "secretariat", PROVINCE) as client:
        try:
            answer = client.get(path, params=query)
        except httpx2.TransportError:
            return {}
        body: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        return body


def _states(system: System, plan_id: str) -> dict[str, str]:
    with system.client("tasks", "secretariat", PROVINCE) as client:
        return {task["id"]: task["state"] for task in pages(client, "/v1/tasks", plan_id=plan_id, limit=200)}


async def _read(system: System, stream: Stream) -> dict[str, Counter[Any]]:
    """Return for each reader how often it knows each completion; reporting and plans tell numbers only."""
    states = await asyncio.to_thread(_states, system, stream.plan_id)
    rows = await fetch(
        system,
        "tasks",
        "SELECT completions.id FROM completions JOIN tasks ON tasks.id = task_id WHERE plan_id = $1",
        stream.plan_id,
    )
    heard = await fetch(
        system,
        "reporting",
        "SELECT type, data->>'completion_id' AS id FROM ledger WHERE plan_id = $1 AND task_id IS NOT NULL",
        stream.plan_id,
    )
    reported, told = await asyncio.to_thread(_asked, system, stream.plan_id)
    return {
        "list": Counter(task for task, state in states.items() if state == "done"),
        "table": Counter(str(row["id"]) for row in rows),
        **{kind: Counter(row["id"] for row in heard if row["type"] == kind) for kind in KINDS},
        "report": Counter(done=reported),
        "plan": Counter(done=told),
    }


def _differences(stream: Stream, read: dict[str, Counter[Any]]) -> tuple[int, int]:
    """Return lost and counted twice: of all readers the worst of each."""
    confirmed = {completion for task, completion in stream.acknowledged.items() if task in stream.confirmed}
    known: dict[str, Counter[Any]] = {
        "list": Counter(stream.confirmed),
        "table": Counter(stream.acknowledged.values()),
        KINDS[0]: Counter(stream.acknowledged.values()),
        KINDS[1]: Counter(confirmed),
        "report": Counter(done=len(stream.confirmed)),
        "plan": Counter(done=len(stream.confirmed)),
    }
    lost = max((known[reader] - read[reader]).total() for reader in known)
    twice = max((read[reader] - known[reader]).total() for reader in known)
    return lost, twice
