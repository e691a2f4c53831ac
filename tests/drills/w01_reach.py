"""W1: every matching event reaches every enabled endpoint, though a third of the answers refuse it.

What came is counted three times: by the receivers themselves, from the deliveries, and from the log of attempts.
"""

import asyncio
import time
from asyncio.subprocess import Process
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from tests.drills.ground import Run
from tests.drills.senders import sending
from tests.drills.tally import Tally
from tests.support.counting_receivers import CountingReceiver, Manner, Seen, counting_receiver
from tests.support.webhooks import CLOCK, SOON, Webhooks, completions

PLANS = 20
HEARD_TOGETHER = 500
"""Events of one ledger transaction; the consumer takes as many when it is behind."""
LEASE = 20.0
REFUSED = 0.3
STUCK = 60.0
"""Seconds without any attempt after which the rest is lost."""
MOST_ATTEMPTS = len(SOON.delays) + 1

_FAILED = """
SELECT d.endpoint_id, d.event_id, count(a.number) AS attempts,
    count(a.number) FILTER (WHERE a.status BETWEEN 200 AND 299) AS accepted
FROM webhook_deliveries d LEFT JOIN webhook_attempts a ON a.delivery_id = d.id
WHERE d.state = 'failed' GROUP BY d.endpoint_id, d.event_id
"""
_DELIVERED_UNSEEN = """
SELECT count(*) FROM webhook_deliveries d WHERE d.state = 'delivered' AND NOT EXISTS (
    SELECT FROM webhook_attempts a WHERE a.delivery_id = d.id AND a.status BETWEEN 200 AND 299
)
"""


@dataclass
class Course:
    """What has happened, and who is to hear of it."""

    endpoints: Mapping[UUID, str]
    """Path at the receiver by endpoint."""
    plans: Sequence[UUID]
    tasks: list[UUID] = field(default_factory=list)
    """Of each event."""
    events: list[UUID] = field(default_factory=list)
    """In the order in which they were heard."""


async def drill(run: Run) -> Tally:
    """Let `events` happen for `endpoints`; afterwards each has reached each, or is listed as failed."""
    tally = Tally()
    hooks = await Webhooks.on(await run.ground.database("shared.messaging", "services.reporting"))
    count = run.size["endpoints"]
    async with counting_receiver(ports=count, seed=run.dice.randrange(2**32)) as receiver:
        await receiver.behave("third", Manner(refuses=REFUSED))
        plans = [await hooks.a_plan() for _ in range(min(PLANS, 1 + run.size["events"] // HEARD_TOGETHER))]
        urls = {f"/third/{number}": receiver.url("third", number) for number in range(count)}
        course = Course({await hooks.an_endpoint(url): path for path, url in urls.items()}, plans)
        await _add_who_must_not_hear(hooks, receiver)
        async with sending(run, hooks, lease=LEASE) as sender:
            hearing = asyncio.create_task(_hear(hooks, course, run.size["events"]))
            try:
                began = await _until_settled(run, hooks, receiver, sender, hearing)
            finally:
                hearing.cancel()
        tally.longest = time.monotonic() - began
        seen = await receiver.seen()
        counted = await receiver.count("third")
    tally.faults, tally.sent = counted["refused"], len(course.events) * count
    await _recount(hooks, course, seen, tally)
    await hooks.engine.dispose()
    return tally


async def _add_who_must_not_hear(hooks: Webhooks, receiver: CountingReceiver) -> None:
    """Add endpoints of another plan, of another kind of event, and one that is switched off."""
    elsewhere = await hooks.a_plan(unit="LD")
    await hooks.an_endpoint(receiver.url("nobody", 0), plan_id=elsewhere)
    await hooks.an_endpoint(receiver.url("nobody", 1), event_types=["cchc.report.issued.v1"])
    off: dict[str, Any] = {"state": "disabled", "disabled_reason": "owner", "disabled_at": CLOCK.now()}
    await hooks.an_endpoint(receiver.url("nobody", 2), **off)


async def _hear(hooks: Webhooks, course: Course, count: int) -> None:
    """Take all events in, many in one transaction, one plan after the other."""
    while (missing := count - len(course.events)) > 0:
        plan_id = course.plans[len(course.events) // HEARD_TOGETHER % len(course.plans)]
        told = completions(plan_id, min(HEARD_TOGETHER, missing))
        await hooks.hear(told)
        course.events += [each.event_id for each in told]
        course.tasks += [getattr(each.data, "task_id") for each in told]  # noqa: B009 -- completions have one


async def _until_settled(
    run: Run, hooks: Webhooks, receiver: CountingReceiver, sender: Process, hearing: "asyncio.Task[None]"
) -> float:
    """Wait until nothing is left to send, or nothing moves; return when all was heard."""
    heard_at, moved, before = 0.0, time.monotonic(), 0
    while True:
        ended = asyncio.create_task(sender.wait())
        await asyncio.wait([ended], timeout=0.25)
        ended.cancel()
        counted = await receiver.count("third")
        run.line.done = counted["refused"]
        run.line.tell(counted["accepted"])
        now, came = time.monotonic(), counted["came"]
        if came != before or not hearing.done():
            moved = now
        if hearing.done():
            hearing.result()
            heard_at = heard_at or now
            quiet = came == before
            if quiet and not await hooks.rows("SELECT 1 FROM webhook_deliveries WHERE state = 'waiting' LIMIT 1"):
                return heard_at
        if sender.returncode is not None or now - moved > STUCK:
            return heard_at
        before = came


async def _recount(hooks: Webhooks, course: Course, seen: Seen, tally: Tally) -> None:
    """Compare what receivers have with what is listed, event by event."""
    connection = await asyncpg.connect(hooks.dsn, ssl=False)  # a million rows may take longer than the service waits
    try:
        listed = {(row["endpoint_id"], row["event_id"]): row for row in await connection.fetch(_FAILED)}
        unseen = await connection.fetchval(_DELIVERED_UNSEEN)
        logged = await connection.fetchval("SELECT count(*) FROM webhook_attempts")
        states = dict(await connection.fetch("SELECT state, count(*) FROM webhook_deliveries GROUP BY state"))
    finally:
        await connection.close()
    for endpoint, path in course.endpoints.items():
        latest: dict[UUID, int] = defaultdict(int)
        for event, task in zip(course.events, course.tasks, strict=True):
            accepted = seen.count(path, "accepted", event)
            failed = listed.get((endpoint, event))
            tally.lost += not accepted and failed is None
            tally.twice += max(0, accepted - 1)
            if failed is not None and (accepted or failed["accepted"] or failed["attempts"] != MOST_ATTEMPTS):
                tally.complaints.append(f"listed as failed: {failed}, accepted {accepted} times")
            if accepted:
                order = seen.count(path, "order", event)
                if order < latest[task]:
                    tally.complaints.append(f"{path}: {event} came after a later one of its task")
                latest[task] = order
    pairs = len(course.events) * len(course.endpoints)
    if states != {"delivered": pairs - len(listed), **({"failed": len(listed)} if listed else {})}:
        tally.complaints.append(f"{pairs} pairs of event and endpoint, deliveries are {states}")
    came = sum(sum(book.came) for path, book in seen.books.items() if path in course.endpoints.values())
    if unseen or logged != came:
        tally.complaints.append(f"{logged} attempts logged, {came} came; {unseen} delivered without an answer")
    tally.complaints += [f"{path} was told" for path in seen.books if path.startswith("/nobody")]
    tally.figures = f"{logged:,} attempts, {len(listed):,} listed as failed"
