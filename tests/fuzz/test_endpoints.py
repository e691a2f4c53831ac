"""Thousands of requests made from the API documents, right ones and wrong ones: no 5xx, nothing undocumented."""

import asyncio
import os
from pathlib import Path

import httpx2
import pytest

from tests.fuzz.known_things import Known
from tests.fuzz.traffic import SERVICES, Traffic
from tests.support.province import PROVINCE, import_and_issue, tasks_of
from tests.support.stream import plan_file
from tests.support.system import System, until
from tests.support.webhook_rows import a_silent_webhook

A_DRILL = 10_000
"""From so many requests on, the boundary cases of the documents are sent too, on top."""
REQUESTS = int(os.environ.get("CCHC_TEST_REQUESTS", "2000"))  # noqa: TID251 -- a drill's count
TASKS = 240


def things_that_exist(system: System, directory: Path) -> Known:
    """Make a plan with tasks, one more as a draft, and a report; return what requests may be given."""
    file = plan_file(directory / "plan.tsv", TASKS)
    plan_id = import_and_issue(system, title="Kế hoạch CCHC năm 2023", file=file)
    with system.client("plans", "secretariat", PROVINCE) as plans:
        form = {"unit": PROVINCE, "year": "2023", "title": "Kế hoạch dự thảo"}
        draft = plans.post("/v1/plans/import", data=form, files={"file": (file.name, file.read_bytes())}).json()
    tasks = [task for task in tasks_of(system, plan_id, TASKS).values() if task["lead_units"][0]["code"] == "TV-STP"]
    done = {"completed_on": "2023-10-20", "evidence": [{"number": "1/BC", "issued_on": "2023-10-20"}]}
    period = {"name": "10 tháng", "from": "2023-01-01", "to": "2023-10-31"}
    with system.client("reporting", "secretariat", PROVINCE) as reporting:

        def drafted() -> str | None:
            answer = reporting.post("/v1/reports", json={"plan_id": plan_id, "period": period})
            return str(answer.json()["id"]) if answer.status_code == 201 else None

        report_id = until(drafted, within=30, what="the plan is known to reporting")
    endpoint_id, delivery_id, notice_id = asyncio.run(a_silent_webhook(system))
    with system.client("reporting", "leader", PROVINCE) as leader:
        leader.patch(f"/v1/webhook-endpoints/{endpoint_id}", json={"state": "enabled"})
    return Known(
        {
            "endpoint_id": [endpoint_id],
            "delivery_id": [delivery_id],
            "notice_id": [notice_id],
            "plan_id": [plan_id, draft["plan_id"]],
            "task_id": [task["id"] for task in tasks],
            "items": [[{"task_id": task["id"], **done}, {"task_id": "1"}, 7] for task in tasks[:20]],
            "report_id": [report_id],
            "file": [file.read_bytes(), "STT\tNhiệm vụ\n".encode()],
        }
    )


def metric(system: System, service: str, name: str) -> float:
    """Return the sum of a metric over its labels."""
    told = httpx2.get(f"{system.url(service)}/metrics", timeout=10).text
    return sum(float(line.rpartition(" ")[2]) for line in told.splitlines() if line.startswith(name))


def heard_everything(system: System) -> bool:
    """Tell whether every event has been published, heard, and found a place."""
    waiting = ("cchc_outbox_unpublished", "cchc_consumer_lag", "cchc_parked_messages")
    return not any(metric(system, service, name) for service in SERVICES for name in waiting)


def dead_letters(system: System) -> dict[str, float]:
    """Return how many dead letters each service has that nobody has resolved."""
    return {service: metric(system, service, "cchc_dead_letters_open") for service in SERVICES}


@pytest.mark.timeout(7200)
def test_no_request_brings_an_answer_that_the_documents_do_not_name(system: System, tmp_path: Path) -> None:
    """What was accepted meanwhile is heard by every service: no dead letter, nothing left waiting, no restart."""
    before = dead_letters(system)
    traffic = Traffic(system, things_that_exist(system, tmp_path))
    try:
        if REQUESTS >= A_DRILL:
            traffic.boundaries()
        tally = traffic.run(traffic.tally.sent + REQUESTS)
    finally:
        traffic.close()
    print(*tally.lines(), sep="\n")  # noqa: T201 -- the figures that are promised
    assert [*tally.faults.values()] == []
    assert tally.sent >= REQUESTS
    assert REQUESTS < A_DRILL or traffic.never_succeeded() == set()
    until(lambda: heard_everything(system), within=60, what="all events heard")
    assert dead_letters(system) == before
    assert {name: row["restarts"] for name, row in system.processes().items() if row["restarts"]} == {}
