"""Importing a plan over HTTP: what is stored, what is only shown, what a user sees of a bad file."""

import asyncio
import unicodedata
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import SecretStr

from services.plans.adapters.plan_files import MOST_BYTES
from services.plans.console import import_plan_file, seed_units
from services.plans.handlers import PlanFile
from tests.support.plan_tables import (
    COMMUNE_PLAN,
    DIRECTION,
    HEADINGS,
    PROVINCE_PLAN,
    a_row,
    a_table,
    as_text,
    as_workbook,
    sample_table,
)
from tests.support.plans_service import PlansService


def without_ids(plan: dict[str, Any]) -> dict[str, Any]:
    tasks = [{name: value for name, value in task.items() if name != "id"} for task in plan["tasks"]]
    return {**{name: value for name, value in plan.items() if name != "id"}, "tasks": tasks}


async def test_sample_plan_becomes_a_draft_with_its_tasks(service: PlansService) -> None:
    answer = await service.import_file(PROVINCE_PLAN.read_bytes())
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["tasks"], body["targets"], body["warnings"], body["new_units"]) == (38, 0, [], [])
    plan = await service.plan(body["plan_id"])
    assert (plan["state"], plan["version"], plan["programme"], plan["document"]) == ("draft", 1, "NQ76", None)
    assert plan["progress"] == {"total": 38, "done": 0}
    assert [task["number"] for task in plan["tasks"]] == [str(number) for number in range(1, 39)]
    assert plan["tasks"][4]["deadline"] == {
        "phrase": "Tháng 7 và tháng 12/2023",
        "kind": "milestones",
        "date": "2023-12-31",
        "dates": ["2023-07-31", "2023-12-31"],
    }
    assert plan["tasks"][18]["lead_units"][1] == {"code": "TV-UBNDCH", "name": "UBND cấp huyện", "kind": "group"}
    assert [field["code"] for field in plan["fields"]] == ["I", "II", "III", "IV", "V", "VI", "VII"]
    assert await service.events("cchc.plan.issued.v1") == []


async def test_one_plan_as_tsv_csv_and_workbook_is_the_same_plan(service: PlansService) -> None:
    table = sample_table()
    files = [
        PROVINCE_PLAN.read_bytes(),
        as_text(table, ","),
        as_text(table, ";").decode().encode("utf-16"),
        as_workbook(table),
        unicodedata.normalize("NFD", as_text(table).decode()).encode(),
    ]
    plans = [without_ids(await service.plan(await service.a_draft(content))) for content in files]
    assert all(plan == plans[0] for plan in plans[1:])


async def test_plan_of_a_commune_needs_no_known_leads_when_units_may_be_made(service: PlansService) -> None:
    async with service.caller("admin", None) as admin:
        await admin.post("/v1/units", json={"code": "XA", "name": "Xã Khác", "kind": "commune"})
    refused = await service.import_file(COMMUNE_PLAN.read_bytes(), caller_unit=None, unit="XA", year=2026)
    assert refused.status_code == 422
    assert {error["code"] for error in refused.json()["errors"]} == {"unknown-unit"}
    answer = await service.import_file(
        COMMUNE_PLAN.read_bytes(), caller_unit=None, unit="XA", year=2026, unknown_units="create"
    )
    assert answer.status_code == 201, answer.text
    made = {unit["code"] for unit in answer.json()["new_units"]}
    assert made == {"XA-PVHXH", "XA-VPHUX", "XA-PKT", "XA-TTPVHCCX"}
    changed = [event for event in await service.events("cchc.unit.changed.v1") if event["code"] in made]
    assert {event["parent"] for event in changed} == {"XA"}
    assert len(changed) == 4


@pytest.mark.parametrize("content", [PROVINCE_PLAN.read_bytes(), as_text(a_table(a_row("1", lead="Hội X")))])
async def test_dry_run_shows_everything_and_stores_nothing(service: PlansService, content: bytes) -> None:
    before = await service.counts()
    answer = await service.import_file(content, dry_run=True, unknown_units="create", key="xem-truoc")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["plan_id"] is None
    assert body["tasks"] == len(body["preview"]) > 0
    assert body["preview"][0]["lead_units"][0]["code"]
    assert await service.counts() == before


BAD_FILES: list[tuple[str, bytes, Sequence[tuple[int, str, str]]]] = [
    ("missing title", as_text(a_table(a_row("1", title=""))), [(3, "Nhiệm vụ", "missing-title")]),
    ("missing lead", as_text(a_table(a_row("1", lead=""))), [(3, "Cơ quan chủ trì", "missing-lead")]),
    ("missing number", as_text(a_table(a_row(""))), [(3, "STT", "missing-number")]),
    ("unknown lead", as_text(a_table(a_row("1", lead="Sở Lạ"))), [(3, "Cơ quan chủ trì", "unknown-unit")]),
    ("same number twice", as_text(a_table(a_row("1"), a_row("1"))), [(4, "STT", "duplicate-number")]),
    ("unknown field", as_text([HEADINGS, ("I", "Việc khác", *[""] * 4), a_row()]), [(2, "Nhiệm vụ", "unknown-field")]),
    ("no field", as_text([HEADINGS, a_row()]), [(2, "Lĩnh vực", "missing-field")]),
    ("no headings", b"a,b\nc,d\n", [(1, "", "no-header")]),
    (
        "no lead column",
        as_text([("STT", "Nhiệm vụ", "Thời gian hoàn thành"), ("1", "a", "Quý I")]),
        [(1, "Cơ quan chủ trì", "missing-column")],
    ),
    ("headings only", as_text([HEADINGS, DIRECTION]), [(1, "", "no-tasks")]),
    ("a PDF", b"%PDF-1.7", [(0, "", "file-is-pdf")]),
    ("an old font", "NhiÖm vô cña Së Néi vô, ®¬n vÞ chñ tr×".encode(), [(0, "", "legacy-encoding")]),
    ("not UTF-8", "Sở Nội vụ".encode("utf-16-be"), [(0, "", "legacy-encoding")]),
    ("an empty file", b"", [(0, "", "file-empty")]),
    ("an open quote", 'STT,Nhiệm vụ,Chủ trì,Thời hạn\n1,"a,b,c\n'.encode(), [(2, "", "bad-quotes")]),
    ("control characters", as_text(a_table(a_row("1", title="a\x02b"))), [(3, "Nhiệm vụ", "bad-characters")]),
    ("a broken workbook", as_workbook(a_table(a_row()))[:900], [(0, "", "file-broken")]),
    (
        "several at once",
        as_text(a_table(a_row("1"), a_row("1", lead="Sở Lạ"), a_row("3", title=""))),
        [(4, "STT", "duplicate-number"), (4, "Cơ quan chủ trì", "unknown-unit"), (5, "Nhiệm vụ", "missing-title")],
    ),
]


@pytest.mark.parametrize(("content", "expected"), [bad[1:] for bad in BAD_FILES], ids=[bad[0] for bad in BAD_FILES])
async def test_bad_file_is_refused_with_every_row_and_column_and_nothing_is_stored(
    service: PlansService, content: bytes, expected: Sequence[tuple[int, str, str]]
) -> None:
    before = await service.counts()
    for dry_run in (True, False):
        answer = await service.import_file(content, dry_run=dry_run, key="mot-khoa")
        assert answer.status_code == 422, answer.text
        problem = answer.json()
        assert (problem["code"], problem["title"]) == ("import-refused", "Tệp kế hoạch có lỗi")
        assert [(error["row"], error["column"], error["code"]) for error in problem["errors"]] == list(expected)
        assert all(error["message"].endswith((".", "?")) for error in problem["errors"])
    assert await service.counts() == before


async def test_one_bad_row_among_a_thousand_stores_none(service: PlansService) -> None:
    rows = [a_row(str(number)) for number in range(1, 1000)]
    before = await service.counts()
    answer = await service.import_file(as_text(a_table(*rows, a_row("1000", lead="Sở Lạ"))), unknown_units="refuse")
    assert [(error["row"], error["code"]) for error in answer.json()["errors"]] == [(1002, "unknown-unit")]
    assert await service.counts() == before


async def test_strange_deadlines_are_warned_of_and_their_tasks_stay(service: PlansService) -> None:
    table = a_table(a_row("1", deadline="30/02/2023"), a_row("2", deadline="sớm nhất có thể"), a_row("3", deadline=""))
    answer = await service.import_file(as_text(table))
    assert answer.status_code == 201
    assert [(warning["row"], warning["column"], warning["code"]) for warning in answer.json()["warnings"]] == [
        (3, "Thời gian hoàn thành", "deadline-impossible-day"),
        (4, "Thời gian hoàn thành", "deadline-unreadable"),
        (5, "Thời gian hoàn thành", "deadline-missing"),
    ]
    plan = await service.plan(answer.json()["plan_id"])
    assert [(task["deadline"]["kind"], task["deadline"]["date"]) for task in plan["tasks"]] == [("none", None)] * 3


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"unit": "KHONG-CO"}, 404, "unit-not-found"),
        ({"programme": "NQ1"}, 404, "programme-not-found"),
        ({"year": "1999"}, 422, "invalid-request"),
        ({"year": "nam nay"}, 422, "invalid-request"),
        ({"title": "  "}, 422, "invalid-request"),
        ({"unknown_units": "maybe"}, 422, "invalid-request"),
        ({"counts_when": "never"}, 422, "invalid-request"),
        ({"unit": "DL", "caller_unit": "TV"}, 403, "unit-outside-scope"),
        ({"role": "department", "caller_unit": "TV"}, 403, "forbidden"),
        ({"role": "leader"}, 403, "forbidden"),
        ({"role": "admin"}, 403, "forbidden"),
    ],
)
async def test_bad_request_is_refused(service: PlansService, asked: dict[str, Any], status: int, code: str) -> None:
    answer = await service.import_file(PROVINCE_PLAN.read_bytes(), **asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_large_file_is_taken_and_a_larger_one_is_not(service: PlansService) -> None:
    rows = [a_row(str(number), title="Nhiệm vụ " + "rất dài " * 80) for number in range(1, 2301)]
    content = as_text(a_table(*rows))
    assert 2 * 1024 * 1024 < len(content) < MOST_BYTES
    answer = await service.import_file(content)
    assert (answer.status_code, answer.json()["tasks"]) == (201, 2300)
    too_large = await service.import_file(b"x" * (MOST_BYTES + 100_000))
    assert (too_large.status_code, too_large.json()["code"]) == (413, "content-too-large")


async def test_import_sent_twice_under_one_key_is_one_plan(service: PlansService) -> None:
    content = as_text(a_table(a_row("1", lead="Hội X")))
    answers = await asyncio.gather(
        *(service.import_file(content, key="nhap-2023", unknown_units="create") for _ in range(8))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["plan_id"] for answer in answers}) == 1
    assert (await service.counts())["plans"] == 1
    other = await service.import_file(content, key="nhap-2023", title="Kế hoạch khác")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


async def test_console_imports_as_the_api_does(service: PlansService) -> None:
    file = PlanFile(content=PROVINCE_PLAN.read_bytes(), unit="TV", year=2023, title="Từ dòng lệnh", programme="NQ76")
    url = SecretStr(service.dsn)
    shown = await asyncio.to_thread(import_plan_file, url, file, dry_run=True)
    assert (shown["plan_id"], shown["tasks"]) == (None, 38)
    answer = await asyncio.to_thread(import_plan_file, url, file, dry_run=False)
    by_console, by_api = await service.plan(answer["plan_id"]), await service.plan(await service.a_draft())
    assert without_ids(by_console) == {**without_ids(by_api), "title": "Từ dòng lệnh"}
    assert await asyncio.to_thread(seed_units, url) == 0
