"""Making, listing and revoking access keys: for whom, for how long, and what others are told."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from services.plans.domain.access_key import LONGEST_DAYS
from shared.access_keys import digest
from shared.clock import SystemClock, vietnam_date
from tests.support.plans_service import PlansService

TODAY = vietnam_date(SystemClock().now())
CHANGED = "cchc.access_key.changed.v1"


@pytest.fixture
def service(service: PlansService) -> PlansService:
    """The service on the machine's own day: keys are checked by the machine's clock."""
    service.clock.set(SystemClock().now())
    return service


def wanted(**changed: Any) -> dict[str, Any]:  # noqa: ANN401 -- any field of the body
    expires_on = (TODAY + timedelta(days=30)).isoformat()
    return {"name": "Quản lý văn bản", "unit": "TV-SYT", "verbs": ["read"], "expires_on": expires_on, **changed}


async def create(
    service: PlansService,
    role: str = "admin",
    own: str | None = "TV",
    key: str = "",
    **changed: Any,  # noqa: ANN401 -- any field of the body
) -> httpx2.Response:
    async with service.caller(role, own) as person:
        headers = {"Idempotency-Key": key} if key else {}
        return await person.post("/v1/access-keys", json=wanted(**changed), headers=headers)


async def revoke(service: PlansService, key_id: str, role: str = "admin", unit: str | None = "TV") -> int:
    async with service.caller(role, unit) as person:
        return (await person.delete(f"/v1/access-keys/{key_id}")).status_code


async def listed(service: PlansService, role: str = "admin", own: str | None = "TV", **query: str) -> list[Any]:
    async with service.caller(role, own) as person:
        items: list[Any] = (await person.get("/v1/access-keys", params=query)).json()["items"]
    return items


async def units(service: PlansService, key: str) -> int:
    transport = httpx2.ASGITransport(app=service.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://plans") as program:
        return (await program.get("/v1/units", headers={"authorization": f"Bearer {key}"})).status_code


async def test_the_key_is_told_once_and_stored_nowhere(service: PlansService) -> None:
    answer = await create(service, verbs=["report", "read"])
    assert answer.status_code == 201, answer.text
    told = answer.json()
    key = told.pop("key")
    assert (told["unit"], told["verbs"], told["last_used_on"]) == ("TV-SYT", ["read", "report"], None)
    assert await listed(service) == [told]
    assert await units(service, key) == 200
    for table in ("access_keys", "access_key_grants", "outbox", "idempotency_keys"):
        for row in await service.rows(f"SELECT t::text AS row FROM {table} t"):  # noqa: S608 -- names from this list
            assert key[-43:] not in row["row"]
    [event] = await service.events(CHANGED)
    assert event["sha256"] == digest(key).hex()
    assert set(event) == {"key_id", "version", "sha256", "unit", "verbs", "expires_at", "revoked"}


async def test_the_same_request_again_makes_no_second_key_and_tells_the_first_no_more(service: PlansService) -> None:
    first, again = [await create(service, key="khoa 1") for _ in range(2)]
    assert again.json() == {**first.json(), "key": None}
    assert len(await service.events(CHANGED)) == 1
    other = await create(service, key="khoa 1", name="Phần mềm khác")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    rows = await service.rows("SELECT answer::text AS answer FROM idempotency_keys")
    assert first.json()["key"] not in rows[0]["answer"]


async def test_keys_are_made_for_units_of_ones_own_subtree(service: PlansService) -> None:
    asked: list[tuple[str, str | None, str, int]] = [
        ("admin", None, "TV-SYT", 201),
        ("admin", "TV", "TV", 201),
        ("admin", "TV-SNV", "TV-SYT", 403),
        ("department", "TV-SYT", "TV-SYT", 201),
        ("department", "TV-SYT", "TV-SNV", 403),
        ("department", "TV-SYT", "TV", 403),
        ("secretariat", "TV", "TV-SYT", 403),
        ("leader", "TV", "TV-SYT", 403),
        ("admin", "TV", "KHONG-CO", 404),
    ]
    found = [
        (role, own, unit, (await create(service, role, own, unit=unit)).status_code) for role, own, unit, _ in asked
    ]
    assert found == asked
    assert len(await service.events(CHANGED)) == 3


async def test_a_key_ends_today_at_the_earliest_and_in_three_years_at_the_latest(service: PlansService) -> None:
    for days, status in ((-1, 422), (0, 201), (LONGEST_DAYS, 201), (LONGEST_DAYS + 1, 422)):
        ends = (TODAY + timedelta(days=days)).isoformat()
        answer = await create(service, expires_on=ends)
        assert answer.status_code == status, answer.text
        if status == 201:
            assert answer.json()["expires_at"] == f"{ends}T17:00:00+00:00"  # midnight in Việt Nam
        else:
            assert answer.json()["code"] == "access-key-expiry-invalid"


async def test_there_is_no_key_for_what_people_decide(service: PlansService) -> None:
    asked: list[dict[str, Any]] = [
        {"verbs": []},
        {"verbs": ["confirm"]},
        {"verbs": ["read", "admin"]},
        {"roles": ["admin"]},
        {"name": ""},
    ]
    for changed in asked:
        answer = await create(service, **changed)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request"), changed


async def test_a_key_makes_lists_and_revokes_no_keys(service: PlansService) -> None:
    made = (await create(service, verbs=["read", "report"])).json()
    transport = httpx2.ASGITransport(app=service.app)
    headers = {"authorization": f"Bearer {made['key']}"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://plans", headers=headers) as program:
        answers = [
            await program.post("/v1/access-keys", json=wanted()),
            await program.get("/v1/access-keys"),
            await program.delete(f"/v1/access-keys/{made['id']}"),
        ]
    assert [answer.json()["code"] for answer in answers] == ["verb-required"] * 3


async def test_revoking_is_for_good_told_once_and_refuses_the_key(service: PlansService) -> None:
    made = (await create(service)).json()
    for _ in range(2):
        assert await revoke(service, made["id"]) == 204
    assert await units(service, made["key"]) == 401
    told = await service.events(CHANGED)
    assert [(each["version"], each["revoked"]) for each in told] == [(1, False), (2, True)]
    [item] = await listed(service)
    assert item["revoked_at"] is not None


async def test_keys_of_others_are_hidden(service: PlansService) -> None:
    health = (await create(service, unit="TV-SYT")).json()
    home = (await create(service, unit="TV-SNV")).json()
    assert [item["id"] for item in await listed(service)] == [health["id"], home["id"]]
    assert [item["id"] for item in await listed(service, "department", "TV-SYT")] == [health["id"]]
    assert [item["id"] for item in await listed(service, unit="TV-SNV")] == [home["id"]]
    assert await listed(service, "admin", "ZZ") == []
    for role, unit in (("department", "TV-SYT"), ("admin", "ZZ")):
        assert await revoke(service, home["id"], role, unit) == 404
    assert await revoke(service, "00000000-0000-7000-8000-000000000000") == 404
    assert len(await service.events(CHANGED)) == 2


async def test_the_list_comes_in_pages(service: PlansService) -> None:
    made = [(await create(service, name=f"Phần mềm {number}")).json()["id"] for number in range(5)]
    found: list[str] = []
    cursor: str | None = None
    async with service.caller("admin") as admin:
        while True:
            query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
            page = (await admin.get("/v1/access-keys", params=query)).json()
            found += [item["id"] for item in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
    assert found == made
