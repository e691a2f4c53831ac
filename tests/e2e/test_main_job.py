"""The main job, from the plan file to the issued ten-month report, through three services and the event log."""

import hashlib
import io
import json

import pytest
from docx import Document

from tests.support.province import (
    PROVINCE,
    completions,
    import_and_issue,
    progress,
    report_all,
    tasks_of,
    wait_for_done,
)
from tests.support.system import System, until

TEN_MONTHS = {"name": "10 tháng năm 2023", "from": "2023-01-01", "to": "2023-10-31"}


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
