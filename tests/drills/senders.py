"""Senders of webhooks as processes that a drill starts and kills."""

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.reporting.domain.webhooks.schedule import Schedule
from shared.messaging.fault_points import Fault
from tests.drills.ground import Run
from tests.support.waiting import eventually
from tests.support.webhooks import SOON, Webhooks

DIES_WITHIN = 60.0


async def start_sender(
    run: Run, hooks: Webhooks, *, lease: float, schedule: Schedule = SOON, fault: Fault | None = None
) -> Process:
    """Start one; an attempt may take four fifths of its lease. What it says goes to `senders.log` of the ground."""
    pauses = ",".join(str(pause) for pause in schedule.delays)
    command = (sys.executable, "-m", "tests.support.webhook_sender_process", hooks.dsn, str(lease), str(fault or ""))
    with (run.ground.folder / "senders.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *command, pauses, cwd=run.ground.source, stdin=DEVNULL, stdout=log, stderr=log
        )


@asynccontextmanager
async def sending(run: Run, hooks: Webhooks, *, lease: float, schedule: Schedule = SOON) -> AsyncIterator[Process]:
    """Have a sender at work for as long as the block lasts, and end it without waiting for what hangs."""
    sender = await start_sender(run, hooks, lease=lease, schedule=schedule)
    try:
        yield sender
    finally:
        await kill(sender)


async def kill(sender: Process) -> None:
    """Kill -9.

    Raises:
        AssertionError: it had ended by itself.
    """
    assert sender.returncode is None, f"the sender ended by itself with {sender.returncode}"
    sender.kill()
    await sender.wait()


async def died(sender: Process, *, within: float = DIES_WITHIN) -> None:
    """Wait for the death that was planned.

    Raises:
        AssertionError: it did not come, or it was another one.
    """
    try:
        code = await asyncio.wait_for(sender.wait(), within)
    except TimeoutError as late:
        sender.kill()
        raise AssertionError("the sender did not meet its fault") from late
    assert code == -signal.SIGKILL, f"the sender ended with {code}, not by its fault"


async def at_work(hooks: Webhooks) -> None:
    """Wait until a sender is connected and listens."""
    listening = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'sender'"
    await eventually(lambda: hooks.rows(listening), within=30)
