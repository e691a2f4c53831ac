"""The sample province: its plan of 38 tasks of 2023 and what its departments reported."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.support.system import ROOT, System, until

PLAN_FILE = ROOT / "services" / "plans" / "seed" / "plan-tra-vinh-2023.tsv"
PROVINCE = "TV"
DOCUMENT = {"number": "2715/QĐ-UBND", "issued_on": "2022-12-28", "signed_by": "Chủ tịch UBND tỉnh"}


@dataclass(frozen=True)
class Reported:
    """One completion of the sample file."""

    number: str
    completed_on: str
    evidence: str


def completions(path: Path = PLAN_FILE) -> list[Reported]:
    """Return the 32 completions that the sample file tells of."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return [
        Reported(row["stt"], row["ngay_hoan_thanh"], row["minh_chung"])
        for row in rows
        if row["ngay_hoan_thanh"].strip()
    ]


def import_and_issue(system: System, *, title: str, file: Path = PLAN_FILE) -> str:
    """Import `file` as a plan of the province for 2023 and issue it; return the plan's id."""
    with system.client("plans", "secretariat", PROVINCE) as plans:
        answer = plans.post(
            "/v1/plans/import",
            files={"file": (file.name, file.read_bytes(), "text/tab-separated-values")},
            data={"unit": PROVINCE, "year": "2023", "title": title},
        )
        assert answer.status_code == 201, answer.text
        plan_id: str = answer.json()["plan_id"]
        issued = plans.post(f"/v1/plans/{plan_id}/issue", json={"document": DOCUMENT})
        assert issued.status_code == 200, issued.text
        return plan_id


def pages(client: httpx2.Client, path: str, **query: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 -- query values
    """Yield the items of a keyset-paged list."""
    cursor: str | None = None
    while True:
        answer = client.get(path, params={**query, **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        yield from body["items"]
        cursor = body["next"]
        if not cursor:
            return


def tasks_of(system: System, plan_id: str, count: int, *, within: float = 30) -> dict[str, dict[str, Any]]:
    """Return the plan's tasks by number once the tasks service has learnt all of them."""
    with system.client("tasks", "secretariat", PROVINCE) as tasks:

        def learnt() -> dict[str, dict[str, Any]] | None:
            found = {item["number"]: item for item in pages(tasks, "/v1/tasks", plan_id=plan_id, limit=100)}
            return found if len(found) == count else None

        answer: dict[str, dict[str, Any]] = until(learnt, within=within, what=f"{count} tasks of {plan_id}")
        return answer


def reporter(system: System, task: dict[str, Any], made: dict[str, httpx2.Client]) -> httpx2.Client:
    """Return a client of the task's first lead; for a collective lead, the secretariat's."""
    lead = task["lead_units"][0]
    collective = re.match(r"^(các |ubnd cấp |bộ phận )", lead["name"].casefold()) is not None
    who = PROVINCE if collective else lead["code"]
    if who not in made:
        made[who] = system.client("tasks", "secretariat" if collective else "department", who)
    return made[who]


def report_all(system: System, plan_id: str, *, confirm: bool = True) -> dict[str, str]:
    """Report the sample's 32 completions from their departments and confirm them; return number -> completion id."""
    tasks = tasks_of(system, plan_id, 38)
    made: dict[str, httpx2.Client] = {}
    found: dict[str, str] = {}
    for reported in completions():
        task = tasks[reported.number]
        answer = reporter(system, task, made).post(
            f"/v1/tasks/{task['id']}/completions",
            headers={"Idempotency-Key": f"{plan_id}-{reported.number}"},
            json={
                "completed_on": reported.completed_on,
                "evidence": [
                    {
                        "number": reported.evidence,
                        "issued_on": reported.completed_on,
                        "title": f"Sản phẩm {task['code']}",
                    }
                ],
                "note": None,
            },
        )
        assert answer.status_code == 201, answer.text
        found[reported.number] = answer.json()["completion_id"]
    if confirm:
        with system.client("tasks", "secretariat", PROVINCE) as secretariat:
            for number, completion_id in found.items():
                path = f"/v1/tasks/{tasks[number]['id']}/completions/{completion_id}/confirm"
                answer = secretariat.post(path, json={})
                assert answer.status_code == 200, answer.text
    for client in made.values():
        client.close()
    return found


def progress(system: System, plan_id: str, **query: str) -> dict[str, Any]:
    """Return the plan's figures as reporting tells them to a leader."""
    with system.client("reporting", "leader", PROVINCE) as reporting:
        answer = reporting.get(f"/v1/plans/{plan_id}/progress", params=query)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body


def wait_for_done(system: System, plan_id: str, done: int, *, cutoff: str, within: float = 60) -> dict[str, Any]:
    """Return the figures once `done` tasks are counted at `cutoff`."""

    def reached() -> dict[str, Any] | None:
        with system.client("reporting", "leader", PROVINCE) as reporting:
            answer = reporting.get(f"/v1/plans/{plan_id}/progress", params={"cutoff": cutoff})
        return answer.json() if answer.status_code == 200 and answer.json()["done"] == done else None

    found: dict[str, Any] = until(reached, within=within, what=f"{done} done at {cutoff}")
    return found
