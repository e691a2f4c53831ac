"""The sample plan (38 tasks of 2023, a model and no real document) and what its departments reported in ten months."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.commands.client import SystemClient
from deploy.embedded.settings import PROJECT

PLAN_FILE: Final = PROJECT / "services" / "plans" / "seed" / "plan-tra-vinh-2023.tsv"
PROVINCE: Final = "TV"
YEAR: Final = 2023
TITLE: Final = "Kế hoạch cải cách hành chính năm 2023 của tỉnh Trà Vinh"
DOCUMENT: Final = {"number": "2715/QĐ-UBND", "issued_on": "2022-12-28", "signed_by": "Chủ tịch UBND tỉnh"}
SECRETARIAT: Final = ("secretariat", PROVINCE)
"""Who imports, issues and confirms: the standing office of the province's steering committee."""


@dataclass(frozen=True)
class SampleCompletion:
    """A task's number, the day of its product, and the document that proves it."""

    number: str
    completed_on: str
    evidence: str


def sample_completions(path: Path = PLAN_FILE) -> list[SampleCompletion]:
    """Return the completions that the sample tells of, in the order of their days, as they would have been reported."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    found = [
        SampleCompletion(row["stt"], row["ngay_hoan_thanh"], row["minh_chung"])
        for row in rows
        if row["ngay_hoan_thanh"].strip()
    ]
    return sorted(found, key=lambda completion: completion.completed_on)


def import_sample(client: SystemClient, title: str) -> dict[str, Any]:
    """Import the sample under `title`; return the answer: `plan_id`, `tasks`, `targets`, `warnings`."""
    answer: dict[str, Any] = client.request(
        *SECRETARIAT,
        *("POST", "plans", "/v1/plans/import"),
        files={"file": (PLAN_FILE.name, PLAN_FILE.read_bytes(), "text/tab-separated-values")},
        data={"unit": PROVINCE, "year": str(YEAR), "title": title},
    ).json()
    return answer


def issue_sample(client: SystemClient, plan_id: str) -> None:
    """Issue an imported sample under the number and date that the model plan has."""
    client.request(*SECRETARIAT, "POST", "plans", f"/v1/plans/{plan_id}/issue", json={"document": DOCUMENT})
