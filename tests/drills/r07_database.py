"""R7: PostgreSQL is restarted or crashes, connections are cut, break between two statements, transactions fail."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator

import asyncpg

from shared.messaging.fault_points import SAID, Fault
from tests.drills.flow import Flow, open_flow
from tests.drills.ground import Run
from tests.drills.hands import Hands, pid_of, wait_for_another
from tests.drills.recount import consistent_after
from tests.drills.switch import Switch
from tests.drills.tally import Tally
from tests.support.event_logs import fetch
from tests.support.system import System

TASKS_A_FAULT = 12
TASKS_TO_BREAK = 60
PASSED_OFTEN = (
    "relay.read",
    "relay.published",
    "relay.marked",
    "relay.mark-committed",
    "consumer.fetched",
    "consumer.opened",
    "consumer.handled",
    "consumer.settled",
    "consumer.committed",
    "consumer.noted",
    "consumer.acknowledged",
)
FAILING = {"tasks": "outbox", "plans": "inbox", "reporting": "ledger"}
"""Service -> table into which every fifth insert fails with SQLSTATE 40001."""


async def drill(run: Run) -> Tally:
    """Do each of the four kinds of harm `each` times while completions come in."""
    tally = Tally()
    system = (await run.site()).system
    each = run.size["each"]
    async with open_flow(system) as flow:
        await flow.prepare(run.ground.folder, TASKS_A_FAULT * each * 3 + TASKS_TO_BREAK * each)
        for harm in (_restart, _cut, _fail):
            await harm(run, system, flow, each)
            tally.faults += each
            tally.add(await consistent_after(flow, quiet=run.quiet + 10))  # the supervisor's pauses grow
        await _break(run, system, flow, each)
        tally.faults += each
        tally.add(await consistent_after(flow, quiet=run.quiet))
    tally.sent = flow.sent
    return tally


@contextlib.asynccontextmanager
async def _sending(flow: Flow, times: int) -> AsyncIterator[None]:
    """Completions come in during the block, which ends when each has its answer."""
    async with asyncio.TaskGroup() as group:
        group.create_task(flow.send(TASKS_A_FAULT * times))
        yield


async def _restart(run: Run, system: System, flow: Flow, times: int) -> None:
    """Restart the server, or kill -9 one of its processes, upon which it drops all others and recovers."""
    async with _sending(flow, times):
        for number in range(times):
            await asyncio.sleep(run.dice.uniform(0.05, 0.5))
            if number % 2:
                victims = [row["pid"] for row in await _clients(system)]
                os.kill(run.dice.choice(victims), signal.SIGKILL)
            else:
                before = pid_of(system, "postgres")
                os.kill(before, signal.SIGINT)
                await asyncio.to_thread(wait_for_another, system, "postgres", before)
            await _answers(system)
            run.line.step(flow.sent, "PostgreSQL restarted")


async def _cut(run: Run, system: System, flow: Flow, times: int) -> None:
    async with _sending(flow, times):
        for _ in range(times):
            await asyncio.sleep(run.dice.uniform(0.05, 0.5))
            await fetch(
                system,
                "tasks",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
            )
            run.line.step(flow.sent, "connections cut")


async def _fail(run: Run, system: System, flow: Flow, times: int) -> None:
    async with contextlib.AsyncExitStack() as stack:
        switches = [
            await stack.enter_async_context(Switch(system, service, table)) for service, table in FAILING.items()
        ]
        for switch in switches:
            await switch.fail(every=5)
        failed = 0
        async with asyncio.timeout(120), _sending(flow, times):  # from now: rows before the switches cannot fail
            while failed < times:
                await asyncio.sleep(0.05)
                now = min(sum([await switch.failures() for switch in switches]), times)
                for _ in range(failed, now):
                    run.line.step(flow.sent, "serialization failures")
                failed = now
        for switch in switches:
            await switch.fail(every=0)


async def _break(run: Run, system: System, flow: Flow, times: int) -> None:
    """Break the connection at points of relay and consumer, all in one life of both workers."""
    places = [(point, passing) for point in PASSED_OFTEN for passing in range(1, 2 + times // 2)]
    faults = [Fault(point, passing, "raise") for point, passing in run.dice.sample(places, times)]
    log = {name: system.home / "logs" / f"{name}.log" for name in ("tasks-worker", "reporting-worker")}
    before = sum(path.read_text("utf-8", errors="replace").count(SAID) for path in log.values())
    async with Hands(system, *log) as hands, asyncio.timeout(30 + 10 * times):
        for name, part in (("tasks-worker", "relay."), ("reporting-worker", "consumer.")):
            await hands.start(name, *(fault for fault in faults if fault.point.startswith(part)))
        broken = 0
        while broken < times:
            await flow.send(1)
            await asyncio.sleep(0.1)
            now = sum(path.read_text("utf-8", errors="replace").count(SAID) for path in log.values()) - before
            for _ in range(broken, now):
                run.line.step(flow.sent, "connections broken")
            broken = now


async def _clients(system: System) -> list[asyncpg.Record]:
    """Return the server's processes that serve the services; after a crash they take a moment to come back."""
    query = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    async with asyncio.timeout(40):
        while True:
            if found := list(await fetch(system, "tasks", query)):
                return found
            await asyncio.sleep(0.05)


async def _answers(system: System) -> None:
    async with asyncio.timeout(40):
        while True:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await fetch(system, "tasks", "SELECT 1")
                return
            await asyncio.sleep(0.05)
