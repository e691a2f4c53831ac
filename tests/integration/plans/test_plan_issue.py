"""Issuing a plan: once, by a document, with one event that holds all its tasks."""

import asyncio

import pytest

from shared.contracts.plans import DeadlineKind, PlanIssuedV1
from tests.support.plan_tables import a_row, a_table, as_text
from tests.support.plans_service import DOCUMENT, NOW, PlansService


async def test_issue_emits_one_event_with_all_tasks_that_fits_the_contract(service: PlansService) -> None:
    plan_id = await service.a_draft()
    async with service.secretariat() as secretariat:
        answer = await secretariat.post(f"/v1/plans/{plan_id}/issue", json={"document": DOCUMENT})
    assert answer.status_code == 200, answer.text
    assert answer.headers["ETag"] == '"2"'
    assert answer.json()["state"] == "issued"
    [data] = await service.events("cchc.plan.issued.v1")
    event = PlanIssuedV1.model_validate(data)
    assert (str(event.plan_id), event.version, event.unit.code, event.year) == (plan_id, 2, "TV", 2023)
    assert event.document.model_dump(mode="json") == DOCUMENT
    assert event.issued_at == NOW
    assert [task.number for task in event.tasks] == [str(number) for number in range(1, 39)]
    assert [field.code for field in event.fields] == ["I", "II", "III", "IV", "V", "VI", "VII"]
    assert event.tasks[4].deadline.kind is DeadlineKind.MILESTONES
    assert len(event.tasks[18].lead_units) == 3
    assert {str(task.id) for task in event.tasks} == {task["id"] for task in answer.json()["tasks"]}
    [row] = await service.rows("SELECT key, headers FROM outbox WHERE type = 'cchc.plan.issued.v1'")
    assert (row["key"], row["headers"]["ce_subject"], row["headers"]["ce_source"]) == (plan_id, plan_id, "/cchc/plans")


async def test_answer_of_issuing_is_what_reading_then_gives(service: PlansService) -> None:
    plan_id = await service.a_draft()
    async with service.secretariat() as secretariat:
        answer = await secretariat.post(f"/v1/plans/{plan_id}/issue", json={"document": DOCUMENT})
    assert answer.json() == await service.plan(plan_id)


async def test_second_issue_is_refused_and_sends_nothing(service: PlansService) -> None:
    plan_id = await service.an_issued_plan()
    async with service.secretariat() as secretariat:
        answer = await secretariat.post(f"/v1/plans/{plan_id}/issue", json={"document": DOCUMENT})
    assert (answer.status_code, answer.json()["code"]) == (409, "plan-already-issued")
    assert len(await service.events("cchc.plan.issued.v1")) == 1


async def test_twenty_issues_at_once_issue_once(service: PlansService) -> None:
    plan_id = await service.a_draft(as_text(a_table(a_row())))
    async with service.secretariat() as secretariat:
        answers = await asyncio.gather(
            *(secretariat.post(f"/v1/plans/{plan_id}/issue", json={"document": DOCUMENT}) for _ in range(20))
        )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    assert len(await service.events("cchc.plan.issued.v1")) == 1


async def test_issue_sent_again_under_its_key_gets_the_first_answer(service: PlansService) -> None:
    plan_id = await service.a_draft(as_text(a_table(a_row())))
    path, headers = f"/v1/plans/{plan_id}/issue", {"Idempotency-Key": "ban-hanh"}
    async with service.secretariat() as secretariat:
        answers = await asyncio.gather(
            *(secretariat.post(path, json={"document": DOCUMENT}, headers=headers) for _ in range(10))
        )
        other = {"document": {**DOCUMENT, "number": "9/QĐ-UBND"}}
        reused = await secretariat.post(path, json=other, headers=headers)
    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency-key-reused")
    assert len(await service.events("cchc.plan.issued.v1")) == 1


@pytest.mark.parametrize(
    ("tag", "status"), [('"1"', 200), ("*", 200), ('"2"', 412), ('W/"1"', 412), ('"abc"', 412), ("1", 400)]
)
async def test_issue_looks_at_the_version_that_was_read(service: PlansService, tag: str, status: int) -> None:
    plan_id = await service.a_draft(as_text(a_table(a_row())))
    async with service.secretariat() as secretariat:
        read = await secretariat.get(f"/v1/plans/{plan_id}")
        assert read.headers["ETag"] == '"1"'
        answer = await secretariat.post(
            f"/v1/plans/{plan_id}/issue", json={"document": DOCUMENT}, headers={"If-Match": tag}
        )
    assert answer.status_code == status
    assert len(await service.events("cchc.plan.issued.v1")) == (status == 200)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"document": {"number": "1", "issued_on": "2022-02-30"}},
        {"document": {"number": "", "issued_on": "2022-12-28"}},
        {"document": {**DOCUMENT, "extra": 1}},
        {"document": {"number": "a\u0000b", "issued_on": "2022-12-28"}},
    ],
)
async def test_bad_document_issues_nothing(service: PlansService, body: dict[str, object]) -> None:
    plan_id = await service.a_draft(as_text(a_table(a_row())))
    async with service.secretariat() as secretariat:
        answer = await secretariat.post(f"/v1/plans/{plan_id}/issue", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert (await service.plan(plan_id))["state"] == "draft"
