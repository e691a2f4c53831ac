"""Who sees which reports, and who may write them. What one may not see is not there."""

import pytest

from tests.support.reporting_service import DOCUMENT, TEN_MONTHS, ReportingService


async def statuses(service: ReportingService, report_id: str, role: str, unit: str | None) -> list[int]:
    path = f"/v1/reports/{report_id}"
    async with service.caller(role, unit) as caller:
        answers = [await caller.get(f"{path}{rest}") for rest in ("", "/document", "/figures/total")]
        listed = (await caller.get("/v1/reports")).json()["items"]
    assert [item["id"] for item in listed] == ([report_id] if answers[0].status_code == 200 else [])
    return [answer.status_code for answer in answers]


@pytest.mark.parametrize(
    ("role", "unit", "draft", "issued"),
    [
        ("leader", "TV", 200, 200),
        ("admin", None, 200, 200),
        ("department", "TV-SYT", 404, 200),
        ("department", "TV-SYT-CC", 404, 200),
        ("department", "LD-SYT", 404, 404),
        ("leader", "LD", 404, 404),
        ("secretariat", "LD", 404, 404),
    ],
)
async def test_who_sees_drafts_and_issued_reports(
    service: ReportingService, role: str, unit: str | None, draft: int, issued: int
) -> None:
    report_id = await service.a_draft(await service.a_plan())
    assert await statuses(service, report_id, role, unit) == [draft] * 3
    await service.issue(report_id)
    assert await statuses(service, report_id, role, unit) == [issued] * 3


@pytest.mark.parametrize(("role", "status"), [("leader", 403), ("department", 403), ("admin", 403)])
async def test_only_the_secretariat_writes(service: ReportingService, role: str, status: int) -> None:
    plan_id = await service.a_plan()
    report_id = await service.a_draft(plan_id)
    async with service.caller(role, "TV") as caller:
        made = await caller.post("/v1/reports", json={"plan_id": str(plan_id), "period": TEN_MONTHS})
        edited = await caller.patch(f"/v1/reports/{report_id}", json={"results": "x"})
        issued = await caller.post(f"/v1/reports/{report_id}/issue", json={"document": DOCUMENT})
    assert [made.status_code, edited.status_code, issued.status_code] == [status] * 3


async def test_the_secretariat_of_another_province_finds_nothing_to_write(service: ReportingService) -> None:
    plan_id = await service.a_plan()
    report_id = await service.a_draft(plan_id)
    async with service.caller("secretariat", "LD") as other:
        made = await other.post("/v1/reports", json={"plan_id": str(plan_id), "period": TEN_MONTHS})
        edited = await other.patch(f"/v1/reports/{report_id}", json={"results": "x"})
        issued = await other.post(f"/v1/reports/{report_id}/issue", json={"document": DOCUMENT})
    assert [made.status_code, edited.status_code, issued.status_code] == [404] * 3
