"""W7: completing a task takes no longer while receivers hang.

A person completes tasks of a running system at an even pace; its webhook endpoints, all of which hang, are switched on
and off from block to block.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from services.reporting.adapters.webhook_queue import Limits
from tests.drills.ground import Run
from tests.drills.tally import Tally
from tests.support.counting_receivers import CountingReceiver, Manner, counting_receiver
from tests.support.event_logs import fetch
from tests.support.province import PROVINCE, import_and_issue, tasks_of
from tests.support.stream import plan_file
from tests.support.system import System
from tests.support.waiting import eventually

HANGS = 30.0
COMPLETED = "cchc.task.completed.v1"
ENDPOINTS = "/v1/webhook-endpoints"
WARMING = 10
"""Completions before the first block, which nobody measures."""

_HEARD = "SELECT count(*) AS n FROM ledger WHERE plan_id = $1 AND type = $2"
_TOLD = """
SELECT count(*) AS n FROM webhook_deliveries d JOIN webhook_events e ON e.id = d.event_id
WHERE e.plan_id = $1 AND e.type = $2
"""


@dataclass
class Person:
    """One who completes tasks of a plan in their order."""

    system: System
    plan_id: str
    tasks: Iterator[dict[str, Any]]
    client: httpx2.AsyncClient
    done: int = 0
    refused: list[str] = field(default_factory=list)
    _tokens: dict[str, str] = field(default_factory=dict)

    async def complete(self) -> float:
        """Complete the next task; return the seconds until the answer."""
        task = next(self.tasks)
        unit = task["lead_units"][0]["code"]
        if unit not in self._tokens:
            self._tokens[unit] = self.system.token("department", unit)
        evidence = [{"number": f"{task['number']}/BC", "issued_on": "2023-10-20"}]
        began = time.perf_counter()
        answer = await self.client.post(
            f"/v1/tasks/{task['id']}/completions",
            json={"completed_on": "2023-10-20", "evidence": evidence},
            headers={
                "Authorization": f"Bearer {self._tokens[unit]}",
                "Idempotency-Key": f"{self.plan_id}-{task['number']}",
            },
        )
        took = time.perf_counter() - began
        if answer.status_code == 201:
            self.done += 1
        else:
            self.refused.append(f"{task['number']}: {answer.status_code} {answer.text[:200]}")
        return took

    async def is_heard(self) -> bool:
        """Tell whether reporting has heard of everything done so far."""
        [row] = await fetch(self.system, "reporting", _HEARD, self.plan_id, COMPLETED)
        return bool(row["n"] >= self.done)


async def drill(run: Run) -> Tally:
    """Complete `each` tasks in each of `blocks` blocks; in every second one `hung` receivers hang."""
    size = run.size
    count = size["blocks"] * size["each"] + WARMING
    tally = Tally()
    system = (await run.site()).system
    file = await asyncio.to_thread(plan_file, run.ground.folder / "hung.tsv", count)
    plan_id = await asyncio.to_thread(import_and_issue, system, title="Máy nhận treo", file=file)
    tasks = await asyncio.to_thread(tasks_of, system, plan_id, count, within=60)
    took: dict[bool, list[float]] = {False: [], True: []}
    async with (
        httpx2.AsyncClient(base_url=system.url("tasks"), timeout=15, verify=False) as client,
        counting_receiver(ports=size["hung"]) as receiver,
        _hung_endpoints(system, receiver, size["hung"]) as switch,
    ):
        person = Person(system, plan_id, iter(tasks.values()), client)
        for _ in range(WARMING):
            await person.complete()
        for number in range(size["blocks"]):
            await eventually(person.is_heard, within=60)
            hung = number % 2 == 1
            await switch(hung)
            took[hung] += await _block(run, person)
        await eventually(person.is_heard, within=60)
        await eventually(lambda: _all_hang(receiver, size["hung"]), within=30)
        tally.faults = (await receiver.count("hung"))["came"]
        [told] = await fetch(system, "reporting", _TOLD, plan_id, COMPLETED)
    tally.sent, tally.complaints = person.done, person.refused
    [heard] = await fetch(system, "reporting", _HEARD, plan_id, COMPLETED)
    tally.lost, tally.twice = max(0, person.done - heard["n"]), max(0, heard["n"] - person.done)
    if told["n"] != size["hung"] * len(took[True]):
        tally.complaints.append(f"{told['n']} deliveries were made for {len(took[True])} completions")
    _judge(run, took, tally)
    return tally


async def _block(run: Run, person: Person) -> list[float]:
    took = []
    began = time.monotonic()
    for number in range(run.size["each"]):
        await asyncio.sleep(began + number / run.size["rate"] - time.monotonic())
        took.append(await person.complete())
        run.line.tell(person.done)
    return took


async def _all_hang(receiver: CountingReceiver, hung: int) -> bool:
    """Tell whether as many posts have come as may be under way."""
    return (await receiver.count("hung"))["came"] >= Limits().cautious * hung


def _judge(run: Run, took: dict[bool, list[float]], tally: Tally) -> None:
    without, beside = (1000 * statistics.median(took[hung]) for hung in (False, True))
    tally.figures = f"median of POST {without:.1f} ms without, {beside:.1f} ms beside them"
    if beside > without * run.size["percent"] / 100 + run.size["slack_ms"]:
        tally.complaints.append(f"completing takes {beside / without:.2f} times as long")


@asynccontextmanager
async def _hung_endpoints(system: System, receiver: CountingReceiver, count: int) -> AsyncIterator[Any]:
    """Make endpoints that hang; yield what switches them all on or off, and delete them at the end."""
    await receiver.behave("hung", Manner(pause=HANGS))
    reads = {"Authorization": f"Bearer {system.token('leader', PROVINCE)}"}
    async with httpx2.AsyncClient(base_url=system.url("reporting"), headers=reads, timeout=30, verify=False) as leader:
        paths = []
        for number in range(count):
            wanted = {"url": receiver.url("hung", number), "event_types": [COMPLETED]}
            made = (await leader.post(ENDPOINTS, json=wanted)).raise_for_status()
            paths.append(f"{ENDPOINTS}/{made.json()['id']}")

        async def switch(on: bool) -> None:
            for path in paths:
                (await leader.patch(path, json={"state": "enabled" if on else "disabled"})).raise_for_status()

        try:
            await switch(False)
            yield switch
        finally:
            for path in paths:
                await leader.delete(path)
