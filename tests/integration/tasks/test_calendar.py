"""The working calendar over HTTP: all read, admins write, what is set goes before the law's days."""

from typing import Any

import httpx2
import pytest

from tests.support.tasks_service import TasksService

SWAP = {"is_working": True, "name": "  Làm bù theo Công văn 1/SNV "}


async def days(client: httpx2.AsyncClient, year: int) -> dict[str, dict[str, Any]]:
    answer = await client.get("/v1/calendar/days", params={"year": year})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["year"] == year
    found = [each["day"] for each in body["items"]]
    assert found == sorted(set(found))
    return {each["day"]: each for each in body["items"]}


async def test_the_days_off_of_a_year_are_known(service: TasksService) -> None:
    """Tết 2026 is from Monday 16 to Friday 20 February; Saturday 22 August is worked for Monday 31."""
    async with service.department() as health:
        known = await days(health, 2026)
    off = {day for day, each in known.items() if not each["is_working"]}
    assert {f"2026-02-{day}" for day in range(16, 21)} <= off
    assert {"2026-01-01", "2026-04-27", "2026-04-30", "2026-05-01", "2026-08-31", "2026-09-01", "2026-09-02"} <= off
    assert known["2026-08-22"]["is_working"]
    assert known["2026-02-17"] == {
        "day": "2026-02-17", "is_working": False, "name": "Tết Nguyên Đán", "source": "public"
    }  # fmt: skip


async def test_what_is_set_holds_until_it_is_taken_back(service: TasksService) -> None:
    path = "/v1/calendar/days/2026-02-16"
    expected = {"day": "2026-02-16", "is_working": True, "name": "Làm bù theo Công văn 1/SNV", "source": "office"}
    async with service.caller("admin", None) as admin:
        before = await days(admin, 2026)
        for _ in range(2):
            answer = await admin.put(path, json=SWAP)
            assert (answer.status_code, answer.json()) == (200, expected)
        assert (await days(admin, 2026))["2026-02-16"] == expected
        assert (await admin.delete(path)).status_code == 204
        assert await days(admin, 2026) == before
        gone = await admin.delete(path)
    assert (gone.status_code, gone.json()["code"]) == (404, "calendar-day-not-set")


@pytest.mark.parametrize("role", ["department", "secretariat", "leader"])
async def test_only_an_admin_writes(service: TasksService, role: str) -> None:
    async with service.caller(role, "TV") as client:
        for answer in (
            await client.put("/v1/calendar/days/2026-02-16", json=SWAP),
            await client.delete("/v1/calendar/days/2026-02-16"),
        ):
            assert answer.status_code == 403
    assert await service.count("holidays_overrides") == 0


@pytest.mark.parametrize("day", ["2026-02-30", "1999-12-31", "2101-01-01", "1700000000", "2026-2-1", "x"])
async def test_a_day_that_is_none_is_refused(service: TasksService, day: str) -> None:
    async with service.caller("admin") as admin:
        answer = await admin.put(f"/v1/calendar/days/{day}", json=SWAP)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["errors"][0]["pointer"] == "/path/day"


@pytest.mark.parametrize(
    "body", [{}, {"is_working": "true", "name": "x"}, {"is_working": 1, "name": "x"}, {**SWAP, "name": " "},
             {**SWAP, "name": "x" * 201}, {**SWAP, "extra": 1}],
)  # fmt: skip
async def test_a_body_that_is_not_meant_so_is_refused(service: TasksService, body: dict[str, Any]) -> None:
    async with service.caller("admin") as admin:
        answer = await admin.put("/v1/calendar/days/2026-02-16", json=body)
    assert answer.status_code == 422
    assert await service.count("holidays_overrides") == 0


@pytest.mark.parametrize("year", ["1999", "2101", "x", ""])
async def test_a_year_out_of_reach_is_refused(service: TasksService, year: str) -> None:
    async with service.caller("leader") as leader:
        assert (await leader.get("/v1/calendar/days", params={"year": year})).status_code == 422
