"""R10: two relays, two reporting workers, two who remind, several report issuers at once."""

import asyncio
from typing import Any

import httpx2

from shared.messaging.fault_points import Fault
from tests.drills.flow import Flow, open_flow
from tests.drills.ground import Run
from tests.drills.hands import Hands, kill
from tests.drills.r10_reminders import race_reminders
from tests.drills.recount import CUTOFF, consistent_after
from tests.drills.tally import Tally
from tests.support.event_logs import fetch
from tests.support.province import PROVINCE
from tests.support.system import System

TASKS_A_RACE = 12
ISSUERS = 6
STALLS = {"postgres": 1.5, "kafka": 8.0}
"""Seconds for which one of two workers stands still: longer than a Kafka group waits for a member."""
STALLS_AT = {"tasks-worker": "relay.read", "reporting-worker": "consumer.opened"}


async def drill(run: Run) -> Tally:
    """Let two `tasks-worker` and then two `reporting-worker` race `workers` times, the rest as `run.size` says."""
    tally = Tally()
    system = (await run.site()).system
    async with open_flow(system) as flow:
        await flow.prepare(run.ground.folder, 2 * TASKS_A_RACE * run.size["workers"])
        for name in ("tasks-worker", "reporting-worker"):
            await _race_workers(run, system, flow, name)
            tally.faults += run.size["workers"]
            tally.add(await consistent_after(flow, quiet=run.quiet + STALLS[run.transport]))
        tally.sent = flow.sent
        if run.size["reminders"]:
            tally.add(await race_reminders(run, system))
            tally.faults += run.size["reminders"]
        for number in range(run.size["issuers"]):
            tally.add(await _race_issuers(system, flow.streams[0].plan_id, f"{number}-{run.dice.randrange(10**6)}"))
            tally.faults += 1
            run.line.step(flow.sent, "issuers")
    return tally


async def _race_workers(run: Run, system: System, flow: Flow, name: str) -> None:
    """Keep two at work, and each time kill one of them at a moment of chance, or let it stand still and come back."""
    stalls = Fault(STALLS_AT[name], 2, "sleep", STALLS[run.transport])
    async with Hands(system, name) as hands:
        pair = [await hands.start(name), await hands.start(name, stalls)]
        for _ in range(run.size["workers"]):
            sending = asyncio.create_task(flow.send(TASKS_A_RACE))
            await asyncio.sleep(run.dice.uniform(0, 0.4))
            loser = run.dice.randrange(2)
            kill(pair[loser])
            await pair[loser].wait()
            pair[loser] = await hands.start(name, *([stalls] if run.dice.random() < 0.2 else []))
            await sending
            run.line.step(flow.sent, f"two of {name}")


async def _race_issuers(system: System, plan_id: str, mark: str) -> Tally:
    """Let several issue the same draft at once under different numbers; one of them may."""
    period = {"name": f"Kỳ {mark}", "from": "2023-01-01", "to": CUTOFF}
    headers = {"Authorization": f"Bearer {system.token('secretariat', PROVINCE)}"}
    url = system.url("reporting")
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=30, verify=False) as office:
        draft = await office.post("/v1/reports", json={"plan_id": plan_id, "period": period})
        assert draft.status_code == 201, draft.text
        report_id = draft.json()["id"]
        answers = await asyncio.gather(*(_issue(office, report_id, f"{mark}/{n}") for n in range(ISSUERS)))
    told = await fetch(
        system,
        "reporting",
        "SELECT count(*) FROM outbox WHERE type = 'cchc.report.issued.v1'"
        " AND convert_from(value, 'UTF8')::jsonb->>'report_id' = $1",
        report_id,
    )
    issued = [answer for answer in answers if answer.status_code == 200]
    tally = Tally(lost=int(not issued), twice=max(0, len(issued) - 1) + max(0, told[0][0] - 1))
    if sorted(answer.status_code for answer in answers) != [200] + [409] * (ISSUERS - 1) or told[0][0] != 1:
        tally.complaints.append(f"issuers got {[answer.status_code for answer in answers]}, {told[0][0]} events")
    return tally


async def _issue(office: httpx2.AsyncClient, report_id: str, number: str) -> Any:  # noqa: ANN401 -- an answer
    document = {"number": number, "issued_on": "2023-11-03", "signed_by": "Chủ tịch"}
    return await office.post(f"/v1/reports/{report_id}/issue", json={"document": document})
