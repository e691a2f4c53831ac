"""W6: receivers that hang do not delay one that answers.

The same stream of events is sent alone first and last, and beside the hung ones in between, long enough for their
retries to pile up. Measured is from the beginning of the transaction that hears an event to its arrival.
"""

import asyncio
import statistics
import time
from collections.abc import Mapping
from uuid import UUID

from services.reporting.domain.webhooks.schedule import Schedule
from tests.drills.ground import Run
from tests.drills.senders import at_work, sending
from tests.drills.tally import Tally
from tests.support.counting_receivers import CountingReceiver, Manner, counting_receiver
from tests.support.waiting import eventually
from tests.support.webhooks import Webhooks, completions

HANGS = 30.0


async def drill(run: Run) -> Tally:
    """Let `events` happen, `rate` a second, beside `hung` receivers; `percent` and `slack_ms` bound the delay."""
    tally = Tally()
    size = run.size
    events, more = size["events"], size["afterwards"]
    async with counting_receiver(ports=size["hung"] + 1) as receiver:
        await receiver.behave("hung", Manner(pause=HANGS))
        alone = await _course(run, receiver, tally, "before", events - more, hung=0)
        beside = await _course(run, receiver, tally, "beside", events, hung=size["hung"])
        if more:
            alone += await _course(run, receiver, tally, "after", more, hung=0)
        tally.faults = (await receiver.count("hung"))["came"]
    p50 = [1000 * statistics.median(each) for each in (alone, beside)]
    p99 = [1000 * statistics.quantiles(each, n=100)[98] for each in (alone, beside)]
    told = [f"{name} {pair[0]:.1f} and {pair[1]:.1f} ms" for name, pair in (("p50", p50), ("p99", p99))]
    tally.figures = f"heard to arrived, alone and beside: {', '.join(told)}"
    if p99[1] > p99[0] * size["percent"] / 100 + size["slack_ms"]:
        tally.complaints.append(f"p99 is {p99[1] / p99[0]:.2f} times as long beside them")
    return tally


async def _course(
    run: Run, receiver: CountingReceiver, tally: Tally, name: str, events: int, *, hung: int
) -> list[float]:
    """Send a stream in a database of its own; return seconds from hearing to arrival, event by event."""
    hooks = await Webhooks.on(await run.ground.database("shared.messaging", "services.reporting"))
    plan_id = await hooks.a_plan()
    for number in range(hung):
        await hooks.an_endpoint(receiver.url("hung", number + 1))
    await hooks.an_endpoint(receiver.url(name, 0))
    async with sending(run, hooks, lease=run.size["lease"], schedule=Schedule()):
        await at_work(hooks)
        heard = await _stream(run, hooks, plan_id, events, name)
        try:
            await eventually(lambda: _have_arrived(receiver, name, events), within=30)
        except AssertionError as late:
            tally.complaints.append(f"{name}: {late}")
    [waiting] = await hooks.rows("SELECT count(*) AS n FROM webhook_deliveries WHERE state = 'waiting'")
    if waiting.n < hung * events * 3 // 4:
        tally.complaints.append(f"only {waiting.n} deliveries waited for the hung receivers at the end")
    await hooks.engine.dispose()
    seen = await receiver.seen()
    path = f"/{name}/0"
    tally.sent += events
    tally.lost += sum(seen.is_lost(path, event) for event in heard)
    tally.twice += sum(seen.repeats(path, event) for event in heard)
    return [seen.books[path].first[seen.places[event]] - at for event, at in heard.items() if event in seen.places]


async def _stream(run: Run, hooks: Webhooks, plan_id: UUID, events: int, name: str) -> Mapping[UUID, float]:
    """Let events happen at an even pace; return the moment at which hearing each of them began."""
    heard: dict[UUID, float] = {}
    began = time.monotonic()
    for number in range(events):
        await asyncio.sleep(began + number / run.size["rate"] - time.monotonic())
        [told] = completions(plan_id, 1, skip=number)
        heard[told.event_id] = time.monotonic()
        await hooks.hear([told])
        run.line.tell(number + 1, f"at the tenth, {name}")
    return heard


async def _have_arrived(receiver: CountingReceiver, name: str, events: int) -> bool:
    return (await receiver.count(name))["accepted"] >= events
