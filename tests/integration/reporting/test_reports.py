"""Draft, edit, issue, freeze: an issued report is the same for ever, or it was never issued."""

import asyncio
import hashlib
import json
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any

import pytest
from docx import Document
from sqlalchemy import text

from services.reporting.api.answers import FigureAnswer, FullReportAnswer, ReportAnswer
from shared.contracts.reports import ReportIssuedV1
from tests.support.reporting_service import DOCUMENT, IDS, NOW, TEN_MONTHS, ReportingService, completed

LATE = datetime(2023, 12, 20, tzinfo=UTC)
LATER = datetime(2024, 2, 1, tzinfo=UTC)


def words(body: bytes) -> str:
    document = Document(BytesIO(body))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([paragraph.text for paragraph in document.paragraphs] + cells)


async def test_a_draft_lives_and_says_that_it_is_one(service: ReportingService) -> None:
    plan_id = await service.a_plan()
    report_id = await service.a_draft(plan_id)
    draft = await service.get(f"/v1/reports/{report_id}")
    FullReportAnswer.model_validate(draft)
    assert (draft["state"], draft["document"], draft["figures"]["done"], draft["errata"]) == ("draft", None, 32, [])
    await service.hear(completed(plan_id, "TV23-18", date(2023, 10, 30), "9/BC", at=LATE))
    assert (await service.get(f"/v1/reports/{report_id}"))["figures"]["done"] == 33
    document = await service.document(report_id, "docx")
    assert "DỰ THẢO" in words(document.content)
    assert "33/38" in words(document.content)
    assert "etag" not in document.headers


async def test_the_same_place_in_the_ledger_gives_the_same_draft_byte_for_byte(service: ReportingService) -> None:
    plan_id = await service.a_plan()
    report_id = await service.a_draft(plan_id)
    first = {kind: (await service.document(report_id, kind)).content for kind in ("docx", "json")}
    service.clock.set(LATER)
    assert {kind: (await service.document(report_id, kind)).content for kind in ("docx", "json")} == first


async def test_issuing_freezes_figures_bytes_and_hashes(service: ReportingService) -> None:
    plan_id = await service.a_plan()
    report_id = await service.a_draft(plan_id)
    issued = await service.issue(report_id, signature=["TL. Chủ tịch", "Chánh Văn phòng"])
    assert issued.status_code == 200, issued.text
    ReportAnswer.model_validate(issued.json())
    before = await service.get(f"/v1/reports/{report_id}")
    await service.hear(completed(plan_id, "TV23-18", date(2023, 10, 30), "9/BC", at=LATER))
    service.clock.set(datetime(2024, 3, 1, tzinfo=UTC))
    after = await service.get(f"/v1/reports/{report_id}")
    assert after["figures"] == before["figures"]
    assert (after["figures"]["done"], after["figures"]["total"]) == (32, 38)
    for kind, digest in issued.json()["sha256"].items():
        found = await service.document(report_id, kind)
        assert hashlib.sha256(found.content).hexdigest() == digest
        assert found.headers["etag"] == f'"{digest}"'
    paper = words((await service.document(report_id, "docx")).content)
    assert "Số: 310/BC-UBND" in paper
    assert "CHÁNH VĂN PHÒNG" in paper
    assert "DỰ THẢO" not in paper
    assert json.loads((await service.document(report_id, "json")).content)["figures"] == after["figures"]


async def test_what_becomes_known_later_stands_in_the_errata(service: ReportingService) -> None:
    plan_id = await service.a_plan()
    report_id = await service.a_draft(plan_id)
    await service.issue(report_id)
    late = completed(plan_id, "TV23-18", date(2023, 10, 30), "9/BC", at=LATER)
    after_the_cutoff = completed(plan_id, "TV23-28", date(2023, 11, 30), "10/BC", at=LATER)
    await service.hear(late, after_the_cutoff)
    service.clock.set(datetime(2024, 3, 1, tzinfo=UTC))
    [line] = (await service.get(f"/v1/reports/{report_id}"))["errata"]
    assert (line["number"], line["then"]["is_done"], line["now"]["is_done"]) == ("18", False, True)
    assert line["events"] == [str(told.event_id) for told in late]
    assert line["evidence"][0]["number"] == "9/BC"


async def test_an_issued_report_is_neither_issued_again_nor_edited(service: ReportingService) -> None:
    report_id = await service.a_draft(await service.a_plan())
    await service.issue(report_id)
    again = await service.issue(report_id, number="311/BC-UBND")
    assert (again.status_code, again.json()["code"]) == (409, "report-already-issued")
    async with service.caller("secretariat") as secretariat:
        edited = await secretariat.patch(f"/v1/reports/{report_id}", json={"results": "Khác"})
    assert (edited.status_code, edited.json()["code"]) == (409, "report-already-issued")


async def test_issuing_tells_the_others_in_the_same_transaction(service: ReportingService) -> None:
    plan_id = await service.a_plan()
    report_id = await service.a_draft(plan_id)
    issued = await service.issue(report_id)
    [row] = await service.rows("SELECT topic, key, type, value FROM outbox")
    assert (row["topic"], row["key"], row["type"]) == ("cchc.reports.v1", str(plan_id), "cchc.report.issued.v1")
    told = ReportIssuedV1.model_validate_json(row["value"])
    assert (told.total, told.done, told.sha256) == (38, 32, issued.json()["sha256"])
    assert told.period.to == date(2023, 10, 31)


@pytest.mark.parametrize("table", ["outbox", "report_documents", "idempotency_keys"])
async def test_a_failure_in_the_middle_leaves_nothing_behind(service: ReportingService, table: str) -> None:
    report_id = await service.a_draft(await service.a_plan())
    async with service.engine.begin() as connection:
        await connection.execute(
            text("CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$")
        )
        await connection.execute(
            text(f"CREATE TRIGGER broken BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION fail()")
        )
    path, body = f"/v1/reports/{report_id}/issue", {"document": DOCUMENT}
    async with service.caller("secretariat", **{"Idempotency-Key": "once"}) as secretariat:
        assert (await secretariat.post(path, json=body)).status_code == 500
        assert (await service.get(f"/v1/reports/{report_id}"))["state"] == "draft"
        assert await service.rows("SELECT count(*) AS n FROM outbox") == [{"n": 0}]
        assert await service.rows("SELECT count(*) AS n FROM report_documents") == [{"n": 0}]
        async with service.engine.begin() as connection:
            await connection.execute(text(f"DROP TRIGGER broken ON {table}"))
        assert (await secretariat.post(path, json=body)).status_code == 200


async def test_of_many_issuers_at_once_one_wins(service: ReportingService) -> None:
    report_id = await service.a_draft(await service.a_plan())
    answers = await asyncio.gather(*(service.issue(report_id, number=f"{n}/BC-UBND") for n in range(300, 308)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert await service.rows("SELECT count(*) AS n FROM outbox") == [{"n": 1}]
    assert await service.rows("SELECT count(*) AS n FROM report_documents") == [{"n": 2}]


async def test_a_number_is_used_once_a_year_by_a_unit(service: ReportingService) -> None:
    plan_id = await service.a_plan()
    first, second, third = [await service.a_draft(plan_id) for _ in range(3)]
    assert (await service.issue(first)).status_code == 200
    taken = await service.issue(second)
    assert (taken.status_code, taken.json()["code"]) == (409, "report-number-taken")
    assert (await service.get(f"/v1/reports/{second}"))["state"] == "draft"
    assert (await service.issue(third, issued_on="2024-01-05")).status_code == 200


async def test_the_same_key_gets_the_same_answer_and_makes_one_report(service: ReportingService) -> None:
    plan_id = await service.a_plan()
    body = {"plan_id": str(plan_id), "period": TEN_MONTHS}
    async with service.caller("secretariat", **{"Idempotency-Key": "bao-cao-10-thang"}) as secretariat:
        answers = await asyncio.gather(*(secretariat.post("/v1/reports", json=body) for _ in range(10)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == 1
        other = await secretariat.post("/v1/reports", json={**body, "rounding": "cut"})
        assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
        path = f"/v1/reports/{answers[0].json()['id']}/issue"
    async with service.caller("secretariat", **{"Idempotency-Key": "phat-hanh"}) as secretariat:
        first = await secretariat.post(path, json={"document": DOCUMENT})
        again = await secretariat.post(path, json={"document": DOCUMENT})
    assert (again.status_code, again.json()) == (first.status_code, first.json()) == (200, first.json())


async def test_a_correction_is_a_new_report_that_names_the_old(service: ReportingService) -> None:
    plan_id = await service.a_plan()
    old = await service.a_draft(plan_id)
    async with service.caller("secretariat") as secretariat:
        body = {"plan_id": str(plan_id), "period": TEN_MONTHS, "corrects": old}
        refused = await secretariat.post("/v1/reports", json=body)
        assert (refused.status_code, refused.json()["code"]) == (422, "corrected-report-not-issued")
        await service.issue(old)
        made = await secretariat.post("/v1/reports", json=body)
        assert made.json()["corrects"] == old
        foreign = {**body, "plan_id": str(await service.a_plan())}
        assert (await secretariat.post("/v1/reports", json=foreign)).status_code == 422
    paper = words((await service.document(made.json()["id"], "docx")).content)
    assert "đính chính Báo cáo số 310/BC-UBND ngày 03/11/2023" in paper


async def test_sections_are_edited_one_by_one_and_keep_their_paragraphs(service: ReportingService) -> None:
    report_id = await service.a_draft(await service.a_plan())
    path = f"/v1/reports/{report_id}"
    async with service.caller("secretariat") as secretariat:
        first = await secretariat.patch(path, json={"results": "Một  đoạn.\r\n\nHai đoạn.", "causes": "Chậm"})
        second = await secretariat.patch(path, json={"causes": ""}, headers={"If-Match": first.headers["etag"]})
        stale = await secretariat.patch(path, json={"causes": "x"}, headers={"If-Match": first.headers["etag"]})
        broken = await secretariat.patch(path, json={"causes": "x"}, headers={"If-Match": "so-2"})
        unknown = await secretariat.patch(path, json={"title": "x"})
        control = await secretariat.patch(path, json={"causes": "a\x00b"})
    assert second.json()["narrative"] == {
        "results": "Một đoạn.\nHai đoạn.",
        "shortcomings": "",
        "causes": "",
        "directions": "",
        "proposals": "",
    }
    assert [stale.status_code, broken.status_code, unknown.status_code, control.status_code] == [412, 400, 422, 422]
    paper = words((await service.document(report_id, "docx")).content)
    assert "V. KẾT QUẢ NỔI BẬT\nMột đoạn.\nHai đoạn." in paper


@pytest.mark.parametrize("wanted", ["pdf", "xlsx", "exe"])
async def test_formats_that_are_not_made_are_named_with_those_that_are(service: ReportingService, wanted: str) -> None:
    report_id = await service.a_draft(await service.a_plan())
    answer = await service.document(report_id, wanted)
    assert (answer.status_code, answer.json()["code"]) == (406, "format-not-available")
    assert "docx, json" in answer.json()["detail"]


async def test_a_document_held_already_is_not_sent_again(service: ReportingService) -> None:
    report_id = await service.a_draft(await service.a_plan())
    digest = (await service.issue(report_id)).json()["sha256"]["docx"]
    async with service.caller("leader", **{"If-None-Match": f'"{digest}"'}) as leader:
        answer = await leader.get(f"/v1/reports/{report_id}/document")
    assert (answer.status_code, answer.content) == (304, b"")


async def test_every_figure_of_a_report_can_be_explained(service: ReportingService) -> None:
    plan_id = await service.a_plan()
    report_id = await service.a_draft(plan_id)
    await service.issue(report_id)
    base = f"/v1/reports/{report_id}/figures"
    found = await service.get(f"{base}/done", role="department", unit="TV-SYT")
    FigureAnswer.model_validate(found)
    assert (found["value"], len(found["tasks"])) == (32, 32)
    assert all(task["events"] and task["evidence"] for task in found["tasks"])
    known = {str(row["event_id"]) for row in await service.rows("SELECT event_id FROM ledger")}
    assert {event for task in found["tasks"] for event in task["events"]} <= known
    assert (await service.get(f"{base}/unit.TV-SYT.done_late"))["value"] == 1
    assert (await service.get(f"{base}/done_of_due"))["rate"]["text"] == "96,97 %"
    async with service.caller("leader") as leader:
        answer = await leader.get(f"{base}/unit.KHONG-CO.done")
    assert (answer.status_code, answer.json()["code"]) == (404, "figure-not-found")


async def test_reports_are_listed_newest_first_page_by_page(service: ReportingService) -> None:
    plan_id = await service.a_plan(completions=False)
    made = [await service.a_draft(plan_id) for _ in range(5)]
    await service.a_draft(await service.a_plan(completions=False))
    found: list[str] = []
    query: dict[str, Any] = {"plan_id": str(plan_id), "limit": 2}
    while True:
        page = await service.get("/v1/reports", **query)
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert found == made[::-1]
    assert (await service.get("/v1/reports", state="issued"))["items"] == []
    async with service.caller("leader") as leader:
        assert (await leader.get("/v1/reports", params={"cursor": "WyJ4Il0"})).status_code == 400


@pytest.mark.parametrize(
    "change",
    [
        {"period": {"name": "ngược", "from": "2023-10-31", "to": "2023-01-01"}},
        {"period": {"name": "", "from": "2023-01-01", "to": "2023-10-31"}},
        {"period": {"name": "xa", "from": "2023-01-01", "to": "9999-10-31"}},
        {"plan_id": "khong-phai"},
        {"method": "other"},
        {"extra": 1},
    ],
)
async def test_a_wrong_draft_is_refused(service: ReportingService, change: dict[str, Any]) -> None:
    plan_id = await service.a_plan(completions=False)
    async with service.caller("secretariat") as secretariat:
        body = {"plan_id": str(plan_id), "period": TEN_MONTHS, **change}
        assert (await secretariat.post("/v1/reports", json=body)).status_code == 422
        unknown = {"plan_id": str(IDS.new()), "period": TEN_MONTHS}
        assert (await secretariat.post("/v1/reports", json=unknown)).status_code == 404


async def test_a_report_made_a_year_later_for_the_same_moment_has_the_same_figures(service: ReportingService) -> None:
    plan_id = await service.a_plan()
    report_id = await service.a_draft(plan_id)
    await service.issue(report_id)
    frozen = await service.get(f"/v1/reports/{report_id}")
    await service.hear(completed(plan_id, "TV23-18", date(2023, 10, 30), "9/BC", at=LATER))
    service.clock.set(datetime(2025, 1, 10, tzinfo=UTC))
    again = await service.get(f"/v1/plans/{plan_id}/progress", cutoff="2023-10-31", as_of=NOW.isoformat())
    assert {name: again[name] for name in frozen["figures"]} == frozen["figures"]
