"""What there is in the system that is asked thousands of times."""

import asyncio
from pathlib import Path

from tests.fuzz.known_things import Known
from tests.support.province import PROVINCE, import_and_issue, tasks_of
from tests.support.stream import plan_file
from tests.support.system import System, until
from tests.support.webhook_rows import a_silent_webhook

PATIENT = {"CCHC_SAMPLE": "0", "CCHC_DEAD_LETTERS_IN_A_ROW": "100000"}
"""Settings of that system: hundreds of bad events are no fault of ours."""
TASKS = 960
IN_BATCHES = 6
"""Tasks that batches may complete, which they do at once: the others are there for single reports and verdicts."""


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
            "items": [[{"task_id": task["id"], **done}, {"task_id": "1"}, 7] for task in tasks[:IN_BATCHES]],
            "report_id": [report_id],
            "file": [file.read_bytes(), "STT\tNhiệm vụ\n".encode()],
        }
    )
