"""Programs of a running system kept by the drill instead of its supervisor, which stands still for the time.

The supervisor lets what dies often wait longer and longer; a drill of a hundred deaths starts the next life at once,
each with faults of its own. The programs, their arguments and their environment are the supervisor's.
"""

import asyncio
import itertools
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.embedded.home import Home
from deploy.embedded.process import ChildProcess
from deploy.embedded.programs import programs
from deploy.embedded.settings import PROJECT, read_settings
from deploy.embedded.state import read_state
from shared.messaging.fault_points import Fault
from tests.support.system import System, until

DIES_WITHIN = 60.0
"""Seconds after which a fault that did not happen fails the drill."""


class Hands:
    """Takes programs over by name (`tasks-worker`) for the time of an `async with` block.

    Args:
        system: the running system.
        names: the programs.
        source: the checkout that they run from.
    """

    def __init__(self, system: System, *names: str, source: Path = PROJECT) -> None:
        self._system = system
        self._names = names
        self._source = source
        settings = read_settings(system.variables())
        self._home = Home(settings.home)
        self._programs = {program.name: program for program in programs(settings, self._home)}
        self._children: list[ChildProcess] = []
        self._taken: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        self._taken = {name: pid_of(self._system, name) for name in self._names}
        self._signal_supervisor(signal.SIGSTOP)
        for pid in self._taken.values():
            os.kill(pid, signal.SIGKILL)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await asyncio.gather(*(child.stop(within=8) for child in self._children))
        finally:
            self._signal_supervisor(signal.SIGCONT)
        await asyncio.to_thread(self._wait_for_the_supervisors_own)

    async def start(self, name: str, *faults: Fault) -> ChildProcess:
        """Start one more process of that program, with these faults ahead of it."""
        program = self._programs[name]
        armed = {"CCHC_FAULTS": ",".join(map(str, faults)), "CCHC_FAULTS_ALLOWED": "1"} if faults else {}
        child = ChildProcess(
            name=name,
            program=program.arguments,
            environment={**self._system.environment, **program.environment, **armed},
            log_file=self._home.log_of(name),
            working_directory=self._source,  # where `python -m` looks first
        )
        await child.start()
        self._children.append(child)
        return child

    def _signal_supervisor(self, number: signal.Signals) -> None:
        if self._system.process is not None and self._system.process.poll() is None:
            self._system.process.send_signal(number)

    def _wait_for_the_supervisors_own(self) -> None:
        for name, pid in self._taken.items():
            wait_for_another(self._system, name, pid)
        self._system.wait_until_ready()


def pid_of(system: System, name: str) -> int:
    """Return the process that the supervisor has under that name.

    Raises:
        AssertionError: none.
    """
    found = read_state(Home(system.home).run)
    rows = found.processes if found is not None else []
    pid = next((row.pid for row in rows if row.name == name and row.state == "running"), None)
    assert pid is not None, f"{name} does not run"
    return pid


def wait_for_another(system: System, name: str, pid: int) -> None:
    """Wait until the supervisor has started `name` again."""

    def is_another() -> bool:
        try:
            return pid_of(system, name) != pid
        except AssertionError:
            return False

    until(is_another, within=60, what=f"{name} started again")


def kill(child: ChildProcess) -> None:
    """Kill -9, if it is still there."""
    if child.pid is not None:
        os.kill(child.pid, signal.SIGKILL)


async def died(child: ChildProcess) -> None:
    """Wait for the death that was planned.

    Raises:
        AssertionError: it did not come, or it was another one.
    """
    try:
        code = await asyncio.wait_for(child.wait(), DIES_WITHIN)
    except TimeoutError as late:
        raise AssertionError(f"{child.name} did not meet its fault") from late
    assert code == -signal.SIGKILL, f"{child.name} ended with {code}, not by its fault"


def alternating(points: Sequence[str], count: int, *, first: str, first_count: int) -> list[str]:
    """Return `count` points: one of them so many times, then all others in turn."""
    others = itertools.cycle([point for point in points if point != first])
    return [first] * min(first_count, count) + [next(others) for _ in range(count - first_count)]
