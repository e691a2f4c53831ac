"""Kill -9 of every process in turn while completions stream in: nothing acknowledged is lost, nothing counts twice."""

import asyncio
import itertools
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.province import PROVINCE, import_and_issue, pages, progress, tasks_of, wait_for_done
from tests.support.stream import Stream, plan_file
from tests.support.system import System, until

KILLS = int(os.environ.get("CCHC_TEST_KILLS", "9"))  # noqa: TID251 -- a drill's size, not a setting of the product
TASKS = 150
CUTOFF = "2023-10-31"


def kill_and_wait(system: System, name: str) -> None:
    """Kill -9 one process and wait until the supervisor has brought it back."""
    before = system.processes()[name]
    os.kill(before["pid"], signal.SIGKILL)
    until(
        lambda: system.processes()[name]["pid"] not in {before["pid"], None},
        within=30,
        what=f"{name} started again",
    )


async def kill_in_turn(system: System, names: list[str], stream: "asyncio.Task[None]") -> int:
    """Kill one after another until the stream has ended and at least KILLS were made; return how many."""
    done = 0
    for name in itertools.cycle(names):
        if done >= KILLS and stream.done():
            return done
        if done >= 3 * KILLS:
            return done
        await asyncio.to_thread(kill_and_wait, system, name)
        done += 1
    return done


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_nothing_is_lost_and_nothing_counts_twice_under_kills(
    system: System, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    plan_id = import_and_issue(system, title="Diễn tập kill -9", file=plan_file(tmp_path / "plan.tsv", TASKS))
    tasks = tasks_of(system, plan_id, TASKS)
    names = sorted(system.processes())
    stream = Stream(system, plan_id)

    async def drill() -> int:
        sending = asyncio.create_task(stream.run(tasks.values(), clients=3, pause=0.3))
        kills = await kill_in_turn(system, names, sending)
        await sending
        return kills

    kills = asyncio.run(drill())
    system.wait_until_ready()
    began = time.monotonic()
    figures = wait_for_done(system, plan_id, len(stream.confirmed), cutoff=CUTOFF, within=90)
    consistent_after = time.monotonic() - began

    with system.client("tasks", "secretariat", PROVINCE) as reader:
        states = {task["id"]: task["state"] for task in pages(reader, "/v1/tasks", plan_id=plan_id, limit=100)}
        twice = 0
        for task_id, completion_id in stream.acknowledged.items():
            found = reader.get(f"/v1/tasks/{task_id}").json()["completions"]
            twice += len(found) - 1
            assert found[0]["id" if "id" in found[0] else "completion_id"] == completion_id
    lost = sum(states[task_id] != "done" for task_id in stream.confirmed)
    tell(
        f"kill -9 drill on {system.environment['CCHC_TRANSPORT']}: {kills} kills over {len(names)} processes"
        f" ({', '.join(names)}); "
        f"{len(stream.acknowledged)} completions acknowledged, {stream.unanswered} attempts unanswered, repeated; "
        f"lost {lost}, counted twice {twice}; consistent {consistent_after:.1f} s after the last kill"
    )
    assert stream.surprises == []
    assert len(stream.acknowledged) == len(stream.confirmed) == TASKS
    assert kills >= KILLS
    assert (lost, twice) == (0, 0)
    assert (figures["total"], figures["done"]) == (TASKS, TASKS)
    assert progress(system, plan_id, cutoff=CUTOFF)["done"] == TASKS
