"""The independent reader: counts from what the clients know, and asks every place that tells of a completion.

It imports nothing of the product. It compares the tasks service's list and table, the ledger, the figures of the
report at the cut-off, and "n of m" of the plan. Lost is what the clients know and one of them does not; twice is what
one of them knows more often, or knows and the clients do not.
"""

import asyncio
import time
from collections import Counter
from typing import Any

import asyncpg
import httpx2

from tests.drills.flow import Flow
from tests.drills.tally import Tally
from tests.support.event_logs import fetch, out_of_order
from tests.support.stream import Stream
from tests.support.system import System

CUTOFF = "2023-10-31"
KINDS = ("cchc.task.completed.v1", "cchc.completion.confirmed.v1")
SERVICES = ("plans", "tasks", "reporting")
PARTS = {"tasks": "relay", "plans": "consumer:plans", "reporting": "consumer:reporting"}
STUCK = 120.0


async def recount(flow: Flow) -> Tally:
    """Count every plan of `flow`; everything must have arrived."""
    tally = Tally(sent=flow.sent, complaints=flow.surprises)
    for stream in flow.streams:
        lost, twice = _differences(stream, await _read(flow, stream))
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


async def consistent_after(flow: Flow, *, quiet: float) -> Tally:
    """Wait until every reader agrees with the clients, and recount.

    `longest` of the answer is the time that it took. When relay and consumers have been at work for `quiet` seconds
    and nothing has moved, what is missing is lost; so it is when nothing has moved for two minutes.
    """
    began = moved = at_work = time.monotonic()
    waiting = {stream.plan_id: len(stream.confirmed) for stream in flow.streams}
    before: object = None
    while waiting and time.monotonic() - moved < STUCK:
        now = {plan_id: await _asked(flow, plan_id, done) for plan_id, done in waiting.items()}
        waiting = {plan_id: done for plan_id, done in waiting.items() if now[plan_id] != (done, done)}
        if now != before:
            moved, before = time.monotonic(), now
        if not await _are_at_work(flow.system):
            at_work = time.monotonic()
        if time.monotonic() - max(moved, at_work) > quiet:
            break
        await asyncio.sleep(0.05)
    seconds = time.monotonic() - began
    tally = await recount(flow)
    tally.longest = seconds
    return tally


async def _are_at_work(system: System) -> bool:
    """Tell whether the parts through which a completion travels have given a sign of life just now."""
    try:
        for service, part in PARTS.items():
            signs = await fetch(
                system,
                service,
                "SELECT state = 'running' AND beat_at > clock_timestamp() - interval '2.5 s' FROM worker_status"
                " WHERE part = $1",
                part,
            )
            if not signs or not signs[0][0]:
                return False
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    return True


async def _asked(flow: Flow, plan_id: str, enough: int) -> tuple[int, int]:
    """Return how many are done as reporting counts, and as the plan tells; -1 where there is no answer now.

    The plan, a long answer, is asked when reporting counts `enough`.
    """
    progress = await _get(flow, "reporting", f"/v1/plans/{plan_id}/progress", cutoff=CUTOFF)
    plan = await _get(flow, "plans", f"/v1/plans/{plan_id}") if progress.get("done") == enough else {}
    return progress.get("done", -1), plan.get("progress", {}).get("done", -1)


async def _get(flow: Flow, service: str, path: str, **query: str) -> dict[str, Any]:
    try:
        answer = await flow.readers[service].get(path, params=query)
    except httpx2.TransportError:
        return {}
    body: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
    return body


async def _states(flow: Flow, plan_id: str) -> dict[str, str]:
    """Return the state of every task as the tasks service lists it."""
    found: dict[str, str] = {}
    cursor: str | None = None
    while True:
        query = {"plan_id": plan_id, "limit": "200", **({"cursor": cursor} if cursor else {})}
        page = await _get(flow, "tasks", "/v1/tasks", **query)
        found.update({task["id"]: task["state"] for task in page.get("items", [])})
        cursor = page.get("next")
        if not cursor:
            return found


async def _read(flow: Flow, stream: Stream) -> dict[str, Counter[Any]]:
    """Return for each reader how often it knows each completion; reporting and plans tell numbers only."""
    system = flow.system
    states = await _states(flow, stream.plan_id)
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
    progress = await _get(flow, "reporting", f"/v1/plans/{stream.plan_id}/progress", cutoff=CUTOFF)
    plan = await _get(flow, "plans", f"/v1/plans/{stream.plan_id}")
    return {
        "list": Counter(task for task, state in states.items() if state == "done"),
        "table": Counter(str(row["id"]) for row in rows),
        **{kind: Counter(row["id"] for row in heard if row["type"] == kind) for kind in KINDS},
        "report": Counter(done=progress.get("done", 0)),
        "plan": Counter(done=plan.get("progress", {}).get("done", 0)),
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
