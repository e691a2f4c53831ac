"""W11: "recover what failed since" sends each of them once, whatever is killed in the middle.

The request's own connection is killed first, then the sender, again and again; a tenth of what is sent is refused once
more. What was delivered, failed earlier or belongs to another endpoint stays as it is.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from shared.messaging.fault_points import Fault
from tests.drills.ground import Run
from tests.drills.senders import died, sending, start_sender
from tests.drills.tally import Tally
from tests.support.counting_receivers import CountingReceiver, Manner, Seen, counting_receiver
from tests.support.postgres import fresh_name
from tests.support.waiting import eventually
from tests.support.webhook_house import House, open_house, recover_cut_off
from tests.support.webhook_office import ENDPOINTS, deliveries
from tests.support.webhooks import Webhooks

NAME = "tenth"
ONE_OF = 10
"""Every tenth is refused when it first comes."""
RATE_AT_LEAST = 50
"""Deliveries a second below which the drill gives up."""

_LEASED = "SELECT event_id, attempts FROM webhook_deliveries WHERE lease IS NOT NULL"
_STATE = "SELECT state, attempts FROM webhook_deliveries WHERE event_id = :event"


@dataclass
class Case:
    """One endpoint with what it was not told, and what nobody may touch."""

    endpoint: str
    failed: Sequence[UUID]
    others: dict[UUID, tuple[str, int]]
    """State and attempts by event."""
    asked: dict[str, Any]

    @property
    def path(self) -> str:
        return f"{ENDPOINTS}/{self.endpoint}/recover"


async def drill(run: Run) -> Tally:
    """Recover `few` and `many` failed deliveries, each time with one cut-off request and `kills` dead senders."""
    tally = Tally()
    for number, count in enumerate(filter(None, (run.size["few"], run.size["many"]))):
        hooks = await Webhooks.on(await run.ground.database("shared.messaging", "services.reporting"))
        folder = run.ground.folder / fresh_name("recovery")
        folder.mkdir()
        async with counting_receiver(seed=number) as receiver, open_house(hooks, folder) as house:
            await receiver.behave(NAME, Manner(refuses_first=ONE_OF))
            case = await _a_case(house, receiver, count)
            await _ask(case, house, tally)
            under_way = await _send(run, case, house, tally)
            _count(case, await receiver.seen(), under_way, tally)
            await _check_the_others(case, hooks, tally)
        await hooks.engine.dispose()
    return tally


async def _a_case(house: House, receiver: CountingReceiver, count: int) -> Case:
    endpoint, other = [(await house.an_endpoint(receiver.url(NAME, number)))["id"] for number in range(2)]
    now = house.service.clock.now()
    failed = await deliveries(house.service, endpoint, count, state="failed")
    earlier = now - timedelta(hours=2)
    left = [
        *await deliveries(house.service, endpoint, 3, state="failed", settled_at=earlier),
        *await deliveries(house.service, endpoint, 5, state="delivered"),
        *await deliveries(house.service, other, 7, state="failed"),
    ]
    states = {event: await _state_of(house.hooks, event) for event in left}
    return Case(endpoint, failed, states, {"since": (now - timedelta(hours=1)).isoformat()})


async def _state_of(hooks: Webhooks, event: UUID) -> tuple[str, int]:
    [row] = await hooks.rows(_STATE, event=event)
    return row.state, row.attempts


async def _ask(case: Case, house: House, tally: Tally) -> None:
    """Ask for the recovery; the first request is cut off in the middle, and repeated until it is answered."""
    key = {"Idempotency-Key": "khoi-phuc"}
    count = len(case.failed)
    await recover_cut_off(house.service, case.path, case.asked, case.failed[-1], **key)
    tally.faults += 1
    if (states := await house.hooks.states(UUID(case.endpoint))) != {"failed": count + 3, "delivered": 5}:
        tally.complaints.append(f"after a request that was cut off: {states}")
    answers = [(await house.leader.post(case.path, case.asked, **key)).json() for _ in range(2)]
    if [answer.get("recovered") for answer in answers] != [count, count]:
        tally.complaints.append(f"asked to recover {count}, and again with the same key: {answers}")
    tally.sent += count


async def _send(run: Run, case: Case, house: House, tally: Tally) -> Counter[UUID]:
    """Send what was recovered with senders that die on their way; return what was under way at their deaths."""
    hooks, count, kills = house.hooks, len(case.failed), run.size["kills"]
    leased: set[tuple[UUID, int]] = set()
    for _ in range(kills):
        share = count // (kills + 1)
        fault = Fault("hooks.posted", run.dice.randint(max(1, share // 2), share), "kill")
        sender = await start_sender(run, hooks, lease=run.size["lease"], fault=fault)
        await died(sender, within=30 + share / RATE_AT_LEAST)
        leased |= {(row.event_id, row.attempts) for row in await hooks.rows(_LEASED)}
        tally.faults += 1
        run.line.step(tally.sent, "kill -9 of the sender")
    began = time.monotonic()

    async def all_sent() -> bool:
        return await hooks.states(UUID(case.endpoint)) == {"delivered": count + 5, "failed": 3}

    async with sending(run, hooks, lease=run.size["lease"]):
        try:
            await eventually(all_sent, within=30 + count / RATE_AT_LEAST)
        except AssertionError:
            tally.complaints.append(f"not all of {count} sent: {await hooks.states(UUID(case.endpoint))}")
    tally.longest = max(tally.longest, time.monotonic() - began)
    return Counter(event for event, _ in leased)


def _count(case: Case, seen: Seen, under_way: Counter[UUID], tally: Tally) -> None:
    path = f"/{NAME}/0"
    for event in case.failed:
        refused = seen.count(path, "refused", event)
        tally.lost += seen.is_lost(path, event)
        tally.twice += seen.repeats(path, event, under_way=under_way[event])
        if refused != (event.int % ONE_OF == 0):
            tally.complaints.append(f"{event} was refused {refused} times")


async def _check_the_others(case: Case, hooks: Webhooks, tally: Tally) -> None:
    for event, before in case.others.items():
        if (now := await _state_of(hooks, event)) != before:
            tally.complaints.append(f"{event}, which nobody asked for, was {before} and is {now}")
