"""R6: the event log loses all that it kept; every second time the ledger is lost with it."""

import asyncio
import time
from collections import Counter

from tests.drills.flow import open_flow
from tests.drills.ground import Run
from tests.drills.recount import consistent_after
from tests.drills.tally import Tally
from tests.support.event_logs import published_again, published_to, read_models, settled
from tests.support.postgres import execute
from tests.support.system import System

TASKS_A_WIPE = 20
STILL = 30.0


async def drill(run: Run) -> Tally:
    """Wipe the log `wipes` times; after each, every row of every read model is as before."""
    tally = Tally()
    site = await run.site()
    async with open_flow(site.system) as flow:
        await flow.prepare(run.ground.folder, TASKS_A_WIPE * run.size["wipes"])
        for number in range(run.size["wipes"]):
            await flow.send(TASKS_A_WIPE)
            tally.add(await consistent_after(flow, quiet=run.quiet))
            before, kept = await settled(site.system), await published_to(site.system)
            await site.log.wipe()
            if number % 2:
                await _lose_the_ledger(site.system)
            await site.log.back()
            began = time.monotonic()
            await published_again(site.system, lost=kept)
            tally.add(await _as_before(site.system, before))
            tally.longest = max(tally.longest, time.monotonic() - began)
            tally.faults += 1
            run.line.step(flow.sent, "log wiped")
        tally.add(await consistent_after(flow, quiet=run.quiet))
    tally.sent = flow.sent
    return tally


async def _lose_the_ledger(system: System) -> None:
    await execute(system.admin_dsn(), "DROP DATABASE cchc_reporting WITH (FORCE)")
    await execute(system.admin_dsn(), "CREATE DATABASE cchc_reporting OWNER cchc_reporting TEMPLATE template0")
    await asyncio.to_thread(system.command, "migrate")


async def _as_before(system: System, before: dict[str, list[str]]) -> Tally:
    """Wait until the read models are as they were; what differs after half a minute without change is lost."""
    moved = time.monotonic()
    now = await read_models(system)
    while now != before and time.monotonic() - moved < STILL:
        await asyncio.sleep(0.2)
        latest = await read_models(system)
        moved = time.monotonic() if latest != now else moved
        now = latest
    missing = sum((Counter(before[table]) - Counter(now.get(table, []))).total() for table in before)
    surplus = sum((Counter(now[table]) - Counter(before.get(table, []))).total() for table in now)
    return Tally(lost=missing, twice=surplus)
