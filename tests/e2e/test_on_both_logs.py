"""On both logs: the main job, from the plan file to the issued report; then kill -9 of every process in turn."""

import asyncio
import hashlib
import io
import itertools
import json
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from docx import Document

from tests.support.province import (
    PROVINCE,
    completions,
    import_and_issue,
    pages,
    progress,
    report_all,
    tasks_of,
    wait_for_done,
)
from tests.support.stream import Stream, plan_file
from tests.support.system import System, until
from tests.support.waiting import eventually

TEN_MONTHS = {"name": "10 tháng năm 2023", "from": "2023-01-01", "to": "2023-10-31"}
KILLS = int(os.environ.get("CCHC_TEST_KILLS", "9"))  # noqa: TID251 -- a drill's size, not a setting of the product
TASKS = 90


@pytest.fixture(scope="module")
def plan_id(system: System) -> str:
    plan = import_and_issue(system, title="Kế hoạch CCHC năm 2023")
    report_all(system, plan)
    wait_for_done(system, plan, 32, cutoff="2023-10-31")
    return plan


def fraction(rate: dict[str, int]) -> str:
    return f"{rate['numerator']}/{rate['denominator']}"


def test_the_sample_tells_of_32_completions() -> None:
    assert len(completions()) == 32


def test_ten_months_say_32_of_38(system: System, plan_id: str) -> None:
    figures = progress(system, plan_id, cutoff="2023-10-31")
    rates = figures["rates"]
    assert (figures["total"], figures["done"], figures["due"]) == (38, 32, 33)
    assert (figures["done_on_time"], figures["done_late"], figures["overdue"]) == (29, 3, 1)
    assert {name: (fraction(rate), rate["percent"]) for name, rate in rates.items()} == {
        "done_of_total": ("32/38", 84.21),
        "done_of_due": ("32/33", 96.97),
        "on_time_of_done": ("29/32", 90.63),
    }


def test_on_14_october_31_of_38_with_task_18_overdue(system: System, plan_id: str) -> None:
    figures = progress(system, plan_id, cutoff="2023-10-14")
    assert (figures["done"], figures["total"]) == (31, 38)
    assert (figures["done_on_time"], figures["done_late"], figures["overdue"]) == (28, 3, 1)


def test_the_plan_itself_tells_its_progress(system: System, plan_id: str) -> None:
    def told() -> bool:
        with system.client("plans", "leader", PROVINCE) as plans:
            return bool(plans.get(f"/v1/plans/{plan_id}").json()["progress"] == {"total": 38, "done": 32})

    until(told, within=30, what="plan progress 32/38")


def test_before_the_reports_came_nothing_was_known(system: System, plan_id: str) -> None:
    figures = progress(system, plan_id, cutoff="2023-10-31", as_of="2024-01-01T00:00:00Z")
    assert figures["done"] == 0


def test_an_issued_report_is_frozen_in_both_formats(system: System, plan_id: str) -> None:
    with system.client("reporting", "secretariat", PROVINCE) as reporting:
        draft = reporting.post("/v1/reports", json={"plan_id": plan_id, "period": TEN_MONTHS})
        assert draft.status_code == 201, draft.text
        path = f"/v1/reports/{draft.json()['id']}"
        document = {"number": "310/BC-UBND", "issued_on": "2023-11-03", "signed_by": "Chủ tịch"}
        issued = reporting.post(f"{path}/issue", json={"document": document})
        assert issued.status_code == 200, issued.text
        files = {kind: reporting.get(f"{path}/document", params={"format": kind}).content for kind in ("docx", "json")}
        assert issued.json()["sha256"] == {kind: hashlib.sha256(body).hexdigest() for kind, body in files.items()}
        assert reporting.post(f"{path}/issue", json={"document": document}).status_code == 409
    text = "\n".join(
        [paragraph.text for paragraph in Document(io.BytesIO(files["docx"])).paragraphs]
        + [
            cell.text
            for table in Document(io.BytesIO(files["docx"])).tables
            for row in table.rows
            for cell in row.cells
        ]
    )
    for figure in ("32/38", "84,21", "32/33", "96,97", "29/32", "90,63"):
        assert figure in text
    assert "32" in json.dumps(json.loads(files["json"]))


def test_a_department_sees_its_own_tasks_only(system: System, plan_id: str) -> None:
    every = tasks_of(system, plan_id, 38)
    foreign = next(task for task in every.values() if task["lead_units"][0]["code"] == "TV-STP")
    with system.client("tasks", "department", "TV-SYT") as health:
        listed = health.get("/v1/tasks", params={"plan_id": plan_id, "limit": 100}).json()["items"]
        for task in listed:
            codes = {unit["code"] for unit in task["lead_units"] + task["coordinating_units"]}
            assert "TV-SYT" in codes
        seen = {task["id"] for task in listed}
        assert foreign["id"] not in seen
        assert health.get(f"/v1/tasks/{foreign['id']}").status_code == 404


def kill_and_wait(system: System, name: str) -> None:
    """Kill -9 one process and wait until the supervisor has brought it back."""
    before = system.processes()[name]
    os.kill(before["pid"], signal.SIGKILL)
    until(
        lambda: system.processes()[name]["pid"] not in {before["pid"], None},
        within=30,
        what=f"{name} started again",
    )


def goes_on(stream: Stream, before: int, sending: "asyncio.Task[None]") -> bool:
    return len(stream.acknowledged) > before or sending.done()


async def kill_in_turn(system: System, names: list[str], stream: Stream, sending: "asyncio.Task[None]") -> int:
    """Kill one after another, while people get on with their work, KILLS times; return how many."""
    for name in itertools.islice(itertools.cycle(names), KILLS):
        before = len(stream.acknowledged)
        await asyncio.to_thread(kill_and_wait, system, name)
        await eventually(partial(goes_on, stream, before, sending), within=60)
    return KILLS


@pytest.mark.slow(120)
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
        kills = await kill_in_turn(system, names, stream, sending)
        await sending
        return kills

    kills = asyncio.run(drill())
    system.wait_until_ready()
    began = time.monotonic()
    figures = wait_for_done(system, plan_id, len(stream.confirmed), cutoff="2023-10-31", within=90)
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
    assert (lost, twice) == (0, 0)
    assert (figures["total"], figures["done"]) == (TASKS, TASKS)
    assert progress(system, plan_id, cutoff="2023-10-31")["done"] == TASKS
