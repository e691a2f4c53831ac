"""Units over HTTP and by seeding: the tree, its changes, their events."""

import asyncio
from datetime import date
from typing import Any

import pytest

from services.plans.adapters.seed_files import seed_units
from services.plans.console import load_seed
from shared.contracts.plans import UnitChangedV1
from tests.support.plan_tables import a_row, a_table, as_text
from tests.support.plans_service import PlansService


def a_unit(code: str = "TV-MOI", **changed: Any) -> dict[str, Any]:  # noqa: ANN401 -- any field of the body
    return {"code": code, "name": "Sở Mới", "kind": "department", "parent": "TV", **changed}


async def listed(service: PlansService, **query: Any) -> list[str]:  # noqa: ANN401 -- query values
    async with service.caller("department", "TV-SYT") as person:
        answer = await person.get("/v1/units", params={"limit": 200, **query})
    assert answer.status_code == 200, answer.text
    return [item["code"] for item in answer.json()["items"]]


async def test_seeding_brings_every_unit_with_its_event_and_again_brings_nothing(service: PlansService) -> None:
    events = [UnitChangedV1.model_validate(data) for data in await service.events("cchc.unit.changed.v1")]
    assert {event.code for event in events} == {unit.code for unit in seed_units()}
    assert len(events) == len(seed_units())
    merged = next(event for event in events if event.code == "TV-STTTT")
    assert (merged.valid_to, merged.successors) == (date(2025, 2, 28), ("TV-SKHCN",))
    before = await service.counts()
    assert await load_seed(service.desk) == 0
    assert await service.counts() == before


async def test_seeding_again_keeps_what_people_have_changed(service: PlansService) -> None:
    async with service.caller("admin", None) as admin:
        await admin.post("/v1/units", json=a_unit("TV-SNV", name="Sở Nội vụ và Lao động"))
        await load_seed(service.desk)
        assert (await admin.get("/v1/units/TV-SNV")).json()["name"] == "Sở Nội vụ và Lao động"


async def test_units_are_found_without_marks_and_case(service: PlansService) -> None:
    assert await listed(service, search="so noi") == ["TV-SNV"]
    assert await listed(service, search="SỞ NỘI VỤ") == ["TV-SNV"]
    assert await listed(service, search="tv-snv") == ["TV-SNV"]
    assert await listed(service, search="100%") == []
    assert await listed(service, kind="province") == ["TV"]
    assert await listed(service, kind="group", parent="DL") == ["DL-CP", "DL-CPTT"]
    assert set(await listed(service)) == {unit.code for unit in seed_units()}


async def test_list_of_units_is_paged_without_gap_or_repeat(service: PlansService) -> None:
    found: list[str] = []
    async with service.caller("leader", "TV") as person:
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": "7", **({"cursor": cursor} if cursor else {})}
            answer = (await person.get("/v1/units", params=query)).json()
            found += [item["code"] for item in answer["items"]]
            cursor = answer["next"]
    assert found == sorted(unit.code for unit in seed_units())


async def test_new_unit_is_created_once_then_changed_by_versions(service: PlansService) -> None:
    async with service.caller("admin", "TV") as admin:
        created = await admin.post("/v1/units", json=a_unit())
        same = await admin.post("/v1/units", json=a_unit())
        changed = await admin.post("/v1/units", json=a_unit(name="Sở Đổi tên"), headers={"If-Match": '"1"'})
        stale = await admin.post("/v1/units", json=a_unit(name="Sở Khác"), headers={"If-Match": '"1"'})
    assert (created.status_code, created.json()["version"], created.headers["ETag"]) == (201, 1, '"1"')
    assert (same.status_code, same.json()["version"]) == (200, 1)
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert (stale.status_code, stale.json()["code"]) == (412, "unit-version-stale")
    events = [data for data in await service.events("cchc.unit.changed.v1") if data["code"] == "TV-MOI"]
    assert [(event["version"], event["name"]) for event in events] == [(1, "Sở Mới"), (2, "Sở Đổi tên")]
    [key] = {row["key"] for row in await service.rows("SELECT key FROM outbox WHERE headers->>'ce_subject' = 'TV-MOI'")}
    assert key == "TV"


async def test_unit_that_moves_takes_all_below_it_along(service: PlansService) -> None:
    async with service.caller("admin", None) as admin:
        for code, parent in (("A", None), ("A-1", "A"), ("A-1-1", "A-1"), ("B", None)):
            await admin.post("/v1/units", json=a_unit(code, parent=parent, name=f"Đơn vị {code}"))
        moved = await admin.post("/v1/units", json=a_unit("A-1", parent="B", name="Đơn vị A-1"))
        loop = await admin.post("/v1/units", json=a_unit("B", parent="A-1-1", name="Đơn vị B"))
    assert moved.status_code == 200
    assert (loop.status_code, loop.json()["code"]) == (422, "unit-invalid")
    paths = {row["code"]: row["path"] for row in await service.rows("SELECT code, path FROM units")}
    assert (paths["A-1"], paths["A-1-1"]) == ("B/A-1/", "B/A-1/A-1-1/")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (a_unit("tv moi"), 422, "invalid-request"),
        (a_unit(name=""), 422, "invalid-request"),
        (a_unit(kind="office"), 422, "invalid-request"),
        (a_unit(parent="KHONG-CO"), 422, "unit-invalid"),
        (a_unit(parent="TV-MOI"), 422, "unit-invalid"),
        (a_unit(successors=["KHONG-CO"]), 422, "unit-invalid"),
        (a_unit(successors=["TV-MOI"]), 422, "unit-invalid"),
        (a_unit(valid_from="2025-03-01", valid_to="2025-02-28"), 422, "unit-invalid"),
        (a_unit("DL-MOI", parent="DL"), 403, "unit-outside-scope"),
        (a_unit("MOI", parent=None), 403, "unit-outside-scope"),
        (a_unit("DL-KT"), 403, "unit-outside-scope"),
    ],
)
async def test_bad_unit_is_refused(service: PlansService, body: dict[str, Any], status: int, code: str) -> None:
    before = await service.counts()
    async with service.caller("admin", "TV") as admin:
        answer = await admin.post("/v1/units", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await service.counts() == before


async def test_only_admins_change_units(service: PlansService) -> None:
    for role in ("department", "secretariat", "leader"):
        async with service.caller(role, "TV") as person:
            assert (await person.post("/v1/units", json=a_unit())).status_code == 403


async def test_units_made_at_once_are_each_made_once(service: PlansService) -> None:
    async with service.caller("admin", None) as admin:
        answers = await asyncio.gather(*(admin.post("/v1/units", json=a_unit()) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert len([data for data in await service.events("cchc.unit.changed.v1") if data["code"] == "TV-MOI"]) == 1


async def test_issued_plan_keeps_the_old_name_of_a_unit(service: PlansService) -> None:
    plan_id = await service.an_issued_plan(as_text(a_table(a_row("1", lead="Sở Nội vụ"))))
    async with service.caller("admin", None) as admin:
        await admin.post("/v1/units", json=a_unit("TV-SNV", name="Sở Nội vụ mới"))
    plan = await service.plan(plan_id)
    assert plan["tasks"][0]["lead_units"][0]["name"] == "Sở Nội vụ"


async def test_programmes_have_their_own_fields(service: PlansService) -> None:
    async with service.caller("leader", None) as person:
        items = (await person.get("/v1/programmes")).json()["items"]
        unknown = await person.get("/v1/units/KHONG-CO")
    by_code = {item["code"]: [field["name"] for field in item["fields"]] for item in items}
    assert len(by_code["NQ76"]) == 7
    assert by_code["NQ76"][6] == "Xây dựng và phát triển chính quyền điện tử, chính quyền số"
    assert by_code["NQ30C"][6] == "Hiện đại hóa hành chính"
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unit-not-found")
