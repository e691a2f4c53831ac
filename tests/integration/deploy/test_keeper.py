"""What keeps a child alive: real processes, killed."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from deploy.embedded import keeper
from deploy.embedded.keeper import Keeper, PlainProgram
from deploy.embedded.process import ChildProcess, is_alive, run_once, started_at, tail
from deploy.embedded.state import ProcessRow, RunningSystem, read_state, sweep, write_state
from tests.support.waiting import eventually

SLEEPER = (
    "import signal, time; signal.signal(signal.SIGTERM, lambda *_: exit(0)); print('up', flush=True); time.sleep(600)"
)
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)


def child(tmp_path: Path, code: str) -> ChildProcess:
    return ChildProcess("child", [sys.executable, "-c", code], dict(os.environ), tmp_path / "child.log")  # noqa: TID251 -- a child's


async def until_said(log: Path, word: str, times: int = 1) -> None:
    await eventually(lambda: tail(log).count(word) >= times, tell=f"{word} in {log.name}")


async def test_dead_child_is_started_again_and_counted(tmp_path: Path) -> None:
    program = child(tmp_path, SLEEPER)
    told: list[str] = []
    kept = Keeper("child", PlainProgram(program), port=None, changed=lambda: None, tell=told.append)
    await kept.start()
    first = program.pid
    assert first is not None
    await until_said(program.log_file, "up")
    os.kill(first, signal.SIGKILL)
    await until_said(program.log_file, "up", times=2)
    row = kept.row()
    assert (row.state, row.restarts) == ("running", 1)
    assert row.pid != first
    assert len(told) == 1
    await kept.stop(5)
    assert kept.row() == ProcessRow("child", None, None, 1, "stopped", None)


async def test_pause_grows_with_each_death_in_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(keeper, "LONGEST_PAUSE", 0.08)
    told: list[str] = []
    enough = asyncio.Event()

    def tell(sentence: str) -> None:
        told.append(sentence)
        if len(told) == 6:
            enough.set()

    kept = Keeper("child", PlainProgram(child(tmp_path, "exit(3)")), port=None, changed=lambda: None, tell=tell)
    await kept.start()
    async with asyncio.timeout(20):
        await enough.wait()
    await kept.stop(5)
    assert all("mã 3" in sentence for sentence in told)
    assert [sentence.split(" sau ")[1].split()[0] for sentence in told] == ["0,0", "0,0", "0,0", "0,1", "0,1", "0,1"]


async def test_child_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    program = child(tmp_path, STUBBORN)
    await program.start()
    await until_said(program.log_file, "up")
    assert not await program.stop(0.2)
    assert program.exit_code == -signal.SIGKILL


async def test_failed_program_tells_its_last_words() -> None:
    with pytest.raises(RuntimeError, match="wrong turn"):
        await run_once([sys.executable, "-c", "exit('wrong turn')"], environment={})


async def test_leftovers_of_a_killed_supervisor_are_gone_before_the_next_start(tmp_path: Path) -> None:
    program = child(tmp_path, STUBBORN)
    await program.start()
    await until_said(program.log_file, "up")
    pid = program.pid
    assert pid is not None
    stranger = os.getpid()
    rows = [
        ProcessRow("tasks-worker", pid, None, 0, "running", started_at(pid)),
        ProcessRow("plans-api", stranger, 1, 0, "running", mark="another process had this id"),
    ]
    write_state(tmp_path, RunningSystem(1, None, 8000, "postgres", None, rows))
    assert read_state(tmp_path) == RunningSystem(1, None, 8000, "postgres", None, rows)
    await asyncio.to_thread(sweep, tmp_path, 0.2)
    assert not is_alive(pid)
    await program.wait()
