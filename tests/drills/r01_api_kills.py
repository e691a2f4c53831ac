"""R1: kill -9 of the tasks API while completions come in."""

import asyncio
from itertools import count

from deploy.embedded.process import ChildProcess
from tests.drills.flow import Flow, open_flow
from tests.drills.ground import Run
from tests.drills.hands import Hands, kill
from tests.drills.recount import consistent_after
from tests.drills.switch import Switch
from tests.drills.tally import Tally

MOMENTS = ("any", "writing", "committed")
"""At any moment; while the write is under way in PostgreSQL; right after it is committed, before the answer."""
CUTS_BEHIND = 0.15
"""Seconds that the write under way takes; PostgreSQL ends it though nobody waits for it any more."""


async def drill(run: Run) -> Tally:
    """Let clients report `completions` tasks and kill the API `kills` times meanwhile."""
    tally = Tally()
    system = (await run.site()).system
    rounds = run.rounds(run.size["kills"])
    share = run.size["completions"] // len(rounds)
    async with open_flow(system) as flow, Switch(system, "tasks", "outbox") as switch:
        await flow.prepare(run.ground.folder, share * len(rounds))
        async with Hands(system, "tasks-api") as hands:
            for kills in rounds:
                child = await _round(run, flow, switch, hands, kills=kills, completions=share)
                tally.faults += kills
                tally.add(await consistent_after(flow, quiet=run.quiet))
                kill(child)
                await child.wait()
    tally.sent = flow.sent
    return tally


async def _round(run: Run, flow: Flow, switch: Switch, hands: Hands, *, kills: int, completions: int) -> ChildProcess:
    """Return the API's last life, which goes on."""
    thresholds = sorted(run.dice.sample(range(completions * 4 // 5), kills))
    before = flow.sent
    sending = asyncio.create_task(flow.send(completions))
    child = await hands.start("tasks-api")
    for number, threshold in zip(count(), thresholds, strict=False):
        while flow.sent - before < threshold:
            assert not sending.done(), sending.exception()
            await asyncio.sleep(0.005)
        await _wait_for_the_moment(run, switch, MOMENTS[(number + run.line.done) % len(MOMENTS)])
        kill(child)
        await child.wait()
        await switch.hold(every=0, seconds=0)
        await switch.tell(tells=False)
        child = await hands.start("tasks-api")
        run.line.step(flow.sent, "kill -9 tasks-api")
    await sending
    return child


async def _wait_for_the_moment(run: Run, switch: Switch, moment: str) -> None:
    async with asyncio.timeout(30):
        match moment:
            case "writing":
                await switch.hold(every=1, seconds=CUTS_BEHIND)
                await switch.holds()
            case "committed":
                await switch.tell(tells=True)
                await switch.committed()
            case _:
                await asyncio.sleep(run.dice.uniform(0, 0.05))
