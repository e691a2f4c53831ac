"""W10: kill -9 of the sender while thousands wait: none is lost, and only what was under way is sent again.

Half of the kills come while slow receivers answer, half while every delivery waits for its retry.
"""

import asyncio
import time
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tests.drills.ground import Run
from tests.drills.senders import at_work, kill, start_sender
from tests.drills.tally import Tally
from tests.support.counting_receivers import CountingReceiver, Manner, Seen, counting_receiver
from tests.support.reporting_service import IDS, Told, the_sample_plan
from tests.support.waiting import eventually
from tests.support.webhooks import Webhooks, completions

EVENTS_AN_ENDPOINT = 4
"""As many as may be under way to one: all of them can be refused before a circuit opens."""
AT_ONCE = 200
"""What the sender has under way at most."""
HEARD_TOGETHER = 500
RETRY_AFTER = 600
"""Seconds that refusals ask for; they go by when the drill says so."""
REFUSED_WITHIN = 60.0
NAME = "hook"

_WAITING = "SELECT count(*) AS n FROM webhook_deliveries WHERE state = 'waiting'"
_UNDER_WAY = "SELECT endpoint_id, event_id, attempts FROM webhook_deliveries WHERE lease IS NOT NULL"
_RETRYING = """
SELECT count(*) AS n FROM webhook_deliveries
WHERE state = 'waiting' AND tries = 1 AND lease IS NULL AND due_at > clock_timestamp()
"""
_TIME_GOES_BY = """
UPDATE webhook_deliveries SET due_at = due_at - make_interval(secs => :seconds) WHERE state = 'waiting'
"""


@dataclass
class Course:
    """What has happened, for whom, and what was under way when a sender died."""

    run: Run
    hooks: Webhooks
    receiver: CountingReceiver
    tally: Tally
    plans: list[UUID] = field(default_factory=list)
    """One for each endpoint."""
    events: dict[UUID, str] = field(default_factory=dict)
    """The path at the receiver to which each goes."""
    under_way: set[tuple[UUID, UUID, int]] = field(default_factory=set)
    """Attempts by endpoint, event and number."""
    _started: list[Process] = field(default_factory=list)

    async def start(self) -> Process:
        sender = await start_sender(self.run, self.hooks, lease=self.run.size["lease"])
        self._started.append(sender)
        return sender

    async def end(self) -> None:
        """Kill whoever is still there."""
        for sender in self._started:
            if sender.returncode is None:
                await kill(sender)

    async def kill(self, sender: Process) -> None:
        """Kill -9, and remember what was under way."""
        await kill(sender)
        await eventually(self._is_gone)
        rows = await self.hooks.rows(_UNDER_WAY)
        self.under_way |= {(row.endpoint_id, row.event_id, row.attempts) for row in rows}
        self.tally.faults += 1
        self.run.line.step(len(self.events), "kill -9")

    async def _is_gone(self) -> bool:
        """Tell whether the database has noticed, and no commit of the dead comes any more."""
        left = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'sender'"
        return not await self.hooks.rows(left)

    async def number(self, query: str) -> int:
        [row] = await self.hooks.rows(query)
        counted: int = row.n
        return counted

    async def hear(self, count: int) -> None:
        """Let so many events happen, spread over the endpoints."""
        made: list[Told] = []
        for place in range(len(self.plans)):
            share = count // len(self.plans) + (place < count % len(self.plans))
            told = completions(self.plans[place], share)
            self.events.update((each.event_id, f"/{NAME}/{place}") for each in told)
            made += told
        for start in range(0, count, HEARD_TOGETHER):
            await self.hooks.hear(made[start : start + HEARD_TOGETHER])

    async def until(self, done: Callable[[], Any], within: float, what: str) -> bool:
        """Wait; what has not come is a complaint."""
        try:
            await eventually(done, within)
        except AssertionError:
            self.tally.complaints.append(f"after {within:.0f} s: {await self.hooks.states()}, not all {what}")
            return False
        return True


async def drill(run: Run) -> Tally:
    """Kill `kills` times with `events` not delivered, half of them while all wait for their retries."""
    tally = Tally()
    hooks = await Webhooks.on(await run.ground.database("shared.messaging", "services.reporting"))
    async with counting_receiver(ports=8) as receiver:
        course = Course(run, hooks, receiver, tally)
        await _prepare(course, run.size["events"] // EVENTS_AN_ENDPOINT)
        first = run.size["kills"] // 2
        try:
            sender = await _kill_under_way(course, first)
            await _kill_before_retries(course, sender, run.size["kills"] - first)
        finally:
            await course.end()
        await _count(course, await receiver.seen())
    tally.sent = len(course.events)
    tally.figures = f"{len(course.under_way):,} attempts under way at the kills"
    await hooks.engine.dispose()
    return tally


async def _prepare(course: Course, endpoints: int) -> None:
    course.plans = [IDS.new() for _ in range(endpoints)]
    for start in range(0, endpoints, 50):
        await course.hooks.hear([the_sample_plan(plan_id) for plan_id in course.plans[start : start + 50]])
    for place, plan_id in enumerate(course.plans):
        await course.hooks.an_endpoint(course.receiver.url(NAME, place), plan_id=plan_id)


async def _kill_under_way(course: Course, kills: int) -> Process:
    """Kill while receivers take their time; return a sender that has sent all there was."""
    run, events = course.run, course.run.size["events"]
    takes = run.size["takes_ms"] / 1000
    await course.receiver.behave(NAME, Manner(pause=takes))
    most = min(AT_ONCE, events)
    for _ in range(kills):
        await course.hear(events + most - await course.number(_WAITING))
        before = (await course.receiver.count(NAME))["came"]
        sender = await course.start()
        await eventually(lambda: _more_came(course, before), within=30)  # noqa: B023 -- asked before the next round
        await asyncio.sleep(run.dice.uniform(0, 1.25 * takes))  # at any moment; one round of answers at most is in
        await course.kill(sender)
        left = await course.number(_WAITING)
        if left < events:
            course.tally.complaints.append(f"only {left} were not delivered at a kill")
    began = time.monotonic()
    sender = await course.start()
    within = 60 + 4 * takes * len(course.events) / most
    await course.until(lambda: _all_delivered(course), within, "delivered")
    course.tally.longest = time.monotonic() - began
    return sender


async def _kill_before_retries(course: Course, sender: Process, kills: int) -> None:
    """Kill while everything that waits was refused once; afterwards let another sender send it."""
    run, events = course.run, course.run.size["events"]
    await course.receiver.behave(NAME, Manner(refuses=1, retry_after=RETRY_AFTER))
    await course.hear(events)
    if not await course.until(lambda: _all_wait(course, events), REFUSED_WITHIN, "refused once"):
        return
    for number in range(kills):
        if number:
            sender = await course.start()
            await at_work(course.hooks)
            await asyncio.sleep(run.dice.uniform(0, run.size["takes_ms"] / 1000))
        await course.kill(sender)
        if (waiting := await course.number(_RETRYING)) != events:
            course.tally.complaints.append(f"{waiting} of {events} waited for their retry at a kill")
    await course.receiver.behave(NAME, Manner())
    await course.hooks.run(_TIME_GOES_BY, seconds=RETRY_AFTER)
    await course.start()
    await course.until(lambda: _all_delivered(course), 60, "delivered")


async def _more_came(course: Course, before: int) -> bool:
    return (await course.receiver.count(NAME))["came"] > before


async def _all_wait(course: Course, events: int) -> bool:
    return await course.number(_RETRYING) == events


async def _all_delivered(course: Course) -> bool:
    return await course.hooks.states() == {"delivered": len(course.events)}


async def _count(course: Course, seen: Seen) -> None:
    """Sent again may be what the receiver refused, and what was under way to it when a sender died."""
    under_way = Counter(event for _, event, _ in course.under_way)
    for event, path in course.events.items():
        course.tally.lost += seen.is_lost(path, event)
        course.tally.twice += seen.repeats(path, event, under_way=under_way[event])
    logged = await course.number("SELECT count(*) AS n FROM webhook_attempts")
    if (came := sum(sum(book.came) for book in seen.books.values())) > logged:
        course.tally.complaints.append(f"{came} attempts came, {logged} are logged")
