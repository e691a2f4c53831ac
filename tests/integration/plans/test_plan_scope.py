"""Who sees and issues which plan, by place in the tree; what may not be seen does not exist (404)."""

from typing import Any

import pytest

from tests.support.plan_tables import COMMUNE_PLAN, a_row, a_table, as_text
from tests.support.plans_service import DOCUMENT, PlansService

SMALL = as_text(a_table(a_row()))


async def world(service: PlansService) -> dict[str, str]:
    """Plans of the province (issued, draft), of one department of it (issued), of a commune elsewhere (issued)."""
    return {
        "province issued": await service.an_issued_plan(SMALL),
        "province draft": await service.a_draft(SMALL),
        "department issued": await service.an_issued_plan(SMALL, unit="TV-SNV"),
        "department draft": await service.a_draft(SMALL, unit="TV-SNV"),
        "commune issued": await service.an_issued_plan(
            COMMUNE_PLAN.read_bytes(), unit="DL", year=2026, caller_unit=None
        ),
    }


OWN = {"department issued", "department draft"}
PROVINCE = {"province issued", "province draft"} | OWN


@pytest.mark.parametrize(
    ("role", "unit", "seen"),
    [
        ("secretariat", None, PROVINCE | {"commune issued"}),
        ("leader", "TV", PROVINCE),
        ("secretariat", "TV", PROVINCE),
        ("admin", "TV", PROVINCE),
        ("secretariat", "TV-SNV", OWN),
        ("department", "TV-SNV", OWN | {"province issued"}),
        ("department", "TV-SYT", {"province issued"}),
        ("department", "DL-KT", {"commune issued"}),
        ("leader", "DL", {"commune issued"}),
        ("leader", "KHONG-CO", set()),
        ("department", "T", set()),
    ],
)
async def test_plans_seen_are_those_of_the_own_subtree_and_for_departments_issued_ones_above(
    service: PlansService, role: str, unit: str | None, seen: set[str]
) -> None:
    plans = await world(service)
    async with service.caller(role, unit) as person:
        listed = {item["id"] for item in (await person.get("/v1/plans")).json()["items"]}
        read = {name: (await person.get(f"/v1/plans/{plan_id}")).status_code for name, plan_id in plans.items()}
    assert listed == {plans[name] for name in seen}
    assert read == {name: 200 if name in seen else 404 for name in plans}


@pytest.mark.parametrize(
    ("role", "unit", "status", "code"),
    [
        ("secretariat", None, 200, None),
        ("secretariat", "TV", 200, None),
        ("secretariat", "TV-SNV", 404, "plan-not-found"),
        ("secretariat", "DL", 404, "plan-not-found"),
        ("department", "TV-SNV", 403, "forbidden"),
        ("leader", "TV", 403, "forbidden"),
    ],
)
async def test_only_the_secretariat_of_the_own_subtree_issues(
    service: PlansService, role: str, unit: str | None, status: int, code: str | None
) -> None:
    plan_id = await service.a_draft(SMALL)
    async with service.caller(role, unit) as person:
        answer = await person.post(f"/v1/plans/{plan_id}/issue", json={"document": DOCUMENT})
    assert (answer.status_code, answer.json().get("code")) == (status, code)


async def test_plan_that_is_not_there_is_not_found(service: PlansService) -> None:
    async with service.secretariat() as secretariat:
        unknown = await secretariat.get("/v1/plans/00000000-0000-7000-8000-000000000000")
        no_id = await secretariat.get("/v1/plans/khong-phai-ma")
        issue = await secretariat.post(
            "/v1/plans/00000000-0000-7000-8000-000000000000/issue", json={"document": DOCUMENT}
        )
    assert (unknown.status_code, unknown.json()["code"]) == (404, "plan-not-found")
    assert (no_id.status_code, no_id.json()["code"]) == (422, "invalid-request")
    assert issue.status_code == 404


async def test_list_filters_and_pages(service: PlansService) -> None:
    for year in (2024, 2026, 2025):
        await service.a_draft(SMALL, year=year)
    await service.a_draft(SMALL, unit="TV-SNV", year=2026)
    async with service.secretariat() as secretariat:

        async def years(**query: Any) -> list[int]:  # noqa: ANN401 -- query values
            found: list[int] = []
            cursor: dict[str, str] = {}
            while True:
                answer = await secretariat.get("/v1/plans", params={**query, **cursor})
                assert answer.status_code == 200, answer.text
                found += [item["year"] for item in answer.json()["items"]]
                if answer.json()["next"] is None:
                    return found
                cursor = {"cursor": answer.json()["next"]}

        assert await years(limit=1) == [2026, 2026, 2025, 2024]
        assert await years(limit=3) == [2026, 2026, 2025, 2024]
        assert await years(unit="TV") == [2026, 2025, 2024]
        assert await years(unit="TV", year=2026) == [2026]
        assert await years(year=2000) == []
        for bad in ("abc", "WzEsMl0", "W251bGwsbnVsbF0"):
            assert (await secretariat.get("/v1/plans", params={"cursor": bad})).status_code == 400
