"""R5: the event log goes away; completions go on being accepted, and what has piled up drains in order."""

import asyncio

from tests.drills.flow import open_flow
from tests.drills.ground import Run
from tests.drills.recount import consistent_after
from tests.drills.tally import Tally

SHORT, LONG, THROUGHOUT = 1.0, 60.0, None
"""Seconds that the log is away; None: through all completions of the round."""


async def drill(run: Run) -> Tally:
    """Send `completions` in rounds, in each of which the log is away for another while."""
    tally = Tally()
    site = await run.site()
    absences = [THROUGHOUT, SHORT, LONG][: run.size["outages"]]
    share = run.size["completions"] // len(absences)
    async with open_flow(site.system) as flow:
        await flow.prepare(run.ground.folder, share * len(absences))
        for seconds in absences:
            first = run.dice.randint(share // 10, share // 2)
            await flow.send(first)
            sending = asyncio.create_task(flow.send(share - first)) if seconds else None
            await site.log.away()
            if sending is None:
                await flow.send(share - first)
            else:
                await asyncio.sleep(seconds or 0)
            await site.log.back()
            if sending is not None:
                await sending
            tally.faults += 1
            run.line.step(flow.sent, "log away and back")
            tally.add(await consistent_after(flow, quiet=run.quiet))
    if flow.sent != share * len(absences):
        tally.complaints.append(f"{share * len(absences) - flow.sent} completions were not accepted")
    tally.sent = flow.sent
    return tally
