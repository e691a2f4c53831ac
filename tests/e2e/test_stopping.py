"""Stopping under load: behind clients that connect again as load balancers do, no request fails, no event is lost."""

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded.state import read_state
from tests.support.ports import free_base_port
from tests.support.province import import_and_issue, tasks_of
from tests.support.stream import plan_file
from tests.support.system import System, until
from tests.support.traffic import SERVICES, Traffic, answers_go_on

TASKS = 300
PROCESSES = [f"{service}-{part}" for part in ("api", "worker") for service in SERVICES]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    system = System(tmp_path_factory.mktemp("stopping"), free_base_port(), {"CCHC_SAMPLE": "0"})
    try:
        system.start()
        yield system
    finally:
        system.stop(within=20)


def pid_of(system: System, name: str) -> int | None:
    """Return the id of a process, as the supervisor has written it down."""
    state = read_state(system.home / "run")
    return next(row.pid for row in state.processes if row.name == name) if state is not None else None


def ask_to_stop(system: System, name: str) -> None:
    """Send SIGTERM to one process and wait until the supervisor has brought it back."""
    before = pid_of(system, name)
    assert before is not None
    os.kill(before, signal.SIGTERM)
    until(lambda: pid_of(system, name) not in {before, None}, within=30, what=f"{name} started again")


def exit_codes(system: System) -> dict[str, set[str]]:
    """Return the codes with which each process ended, as the supervisor told."""
    found: dict[str, set[str]] = {}
    for name, code in re.findall(r"^([a-z-]+) đã dừng \(mã (-?\d+)\)", system.said(), re.MULTILINE):
        found.setdefault(name, set()).add(code)
    return found


@pytest.mark.slow(30)
@pytest.mark.timeout(300)
def test_every_process_and_the_whole_system_stop_under_load_without_a_failed_request(
    running: System, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan_id = import_and_issue(running, title="Dừng khi đang có tải", file=plan_file(tmp_path / "plan.tsv", TASKS))
    traffic = Traffic(running, plan_id, tasks_of(running, plan_id, TASKS))
    stopped_within = 0.0

    async def stop_one_after_another() -> None:
        for name in PROCESSES:
            await asyncio.to_thread(ask_to_stop, running, name)
            await answers_go_on(traffic)

    async def stop_all_and_start_again() -> None:
        nonlocal stopped_within
        began = time.monotonic()
        assert await asyncio.to_thread(running.stop, within=10) == 0
        stopped_within = time.monotonic() - began
        await asyncio.to_thread(running.start)
        await answers_go_on(traffic)

    async def drill() -> None:
        stop = asyncio.Event()
        working = asyncio.create_task(traffic.run(stop))
        try:
            await answers_go_on(traffic)
            await stop_one_after_another()
            await stop_all_and_start_again()
        finally:
            stop.set()
            await working

    asyncio.run(drill())
    heard = traffic.settle()
    met = traffic.tally.met
    with capsys.disabled():
        sys.stdout.write(
            f"\nstopping under load: SIGTERM to {', '.join(PROCESSES)} and to the whole system; {met['answered']} "
            f"requests answered, {len(traffic.failures)} failed; connections tried again: {met['refused']} refused, "
            f"{met['cut kept']} kept ones and {met['cut fresh']} fresh ones cut before an answer; "
            f"{met['closing']} answers announced the end; {heard['events']} events, none lost, none twice; "
            f"whole system down in {stopped_within:.1f} s\n"
        )
    assert exit_codes(running) == {name: {"0"} for name in PROCESSES}
    assert traffic.told["confirmed"] >= 50, "people were at work all the while"
