"""A completion over HTTP: state, history, event and answer in one transaction, and what becomes of it."""

import json
from typing import Any
from uuid import UUID

from services.tasks.api import schemas
from services.tasks.domain.receipt import digest
from shared.contracts.envelope import from_headers
from shared.contracts.registry import CONTRACTS
from tests.support.tasks_service import TasksService, a_completion


async def events(service: TasksService) -> list[Any]:
    """Return the events of the outbox, each read by its contract."""
    rows = await service.rows("SELECT type, key, topic, headers, value FROM outbox ORDER BY id")
    for row in rows:
        attributes = from_headers(row["headers"])
        assert (attributes.type, attributes.partitionkey, attributes.source) == (row["type"], row["key"], "/cchc/tasks")
        assert row["topic"] == "cchc.tasks.v1"
    return [CONTRACTS[row["type"]].model_validate_json(bytes(row["value"])) for row in rows]


async def test_an_accepted_completion_is_state_history_event_and_receipt(service: TasksService) -> None:
    task_id = await service.a_task()
    async with service.department() as health:
        answer = await health.post(f"/v1/tasks/{task_id}/completions", json=a_completion())
        assert answer.status_code == 201, answer.text
        accepted = schemas.CompletionAcceptedAnswer.model_validate_json(answer.text)
        found = await health.get(f"/v1/tasks/{task_id}")
    assert set(answer.json()) == {"completion_id", "state", "receipt"}
    assert accepted.state == "awaiting_confirmation"
    detail = schemas.TaskDetailAnswer.model_validate_json(found.text)
    assert found.headers["etag"] == '"1"'
    assert (detail.state, detail.version, detail.timing) == ("awaiting_confirmation", 1, "in_time")
    [completion] = detail.completions
    assert (completion.id, completion.state, completion.note) == (accepted.completion_id, "awaiting", "Đã gửi văn bản")
    [happening] = detail.history
    assert (happening.version, happening.kind, happening.actor.unit) == (1, "completed", "TV-SYT")
    [event] = await events(service)
    assert (event.version, event.completion_id, event.task_id) == (1, accepted.completion_id, task_id)
    assert event.recorded_at == accepted.receipt.recorded_at
    [row] = await service.rows("SELECT event_id, headers FROM outbox")
    assert row["event_id"] == accepted.receipt.event_id


async def test_a_department_recomputes_its_receipt_from_what_it_sent(service: TasksService) -> None:
    task_id = await service.a_task()
    sent = a_completion(note="Hoà  giải\u0020cơ sở", reported_at="2023-10-20T08:30:00+07:00")
    async with service.department() as health:
        answer = await health.post(f"/v1/tasks/{task_id}/completions", json=sent)
        detail = (await health.get(f"/v1/tasks/{task_id}")).json()
    receipt = answer.json()["receipt"]
    assert receipt["sha256"] == digest(
        {
            "completed_on": "2023-10-18",
            "completion_id": receipt["completion_id"],
            "evidence": sent["evidence"],
            "note": "Hoà giải cơ sở",
            "recorded_at": receipt["recorded_at"],
            "reported_at": "2023-10-20T01:30:00.000000Z",
            "reported_by": detail["completions"][0]["reported_by"]["subject"],
            "task_code": receipt["task_code"],
            "task_id": str(task_id),
            "unit": "TV-SYT",
        }
    )


async def test_confirm_makes_done_and_reopen_opens_again_with_the_whole_history(service: TasksService) -> None:
    task_id = await service.a_task()
    completion_id = await service.report(task_id)
    async with service.secretariat() as secretariat:
        confirmed = await secretariat.post(f"/v1/tasks/{task_id}/completions/{completion_id}/confirm", json={})
        assert (confirmed.status_code, confirmed.headers["etag"]) == (200, '"2"'), confirmed.text
        assert schemas.TaskAnswer.model_validate_json(confirmed.text).state == "done"
        reopened = await secretariat.post(f"/v1/tasks/{task_id}/reopen", json={"reason": "Báo cáo nhầm nhiệm vụ"})
        assert schemas.TaskAnswer.model_validate_json(reopened.text).state == "in_progress"
        again = await service.report(task_id)
        detail = schemas.TaskDetailAnswer.model_validate_json((await secretariat.get(f"/v1/tasks/{task_id}")).text)
    assert [(each.version, each.kind) for each in detail.history] == [
        (1, "completed"),
        (2, "confirmed"),
        (3, "reopened"),
        (4, "completed"),
    ]
    assert [(str(each.id), each.state) for each in detail.completions] == [
        (completion_id, "reopened"),
        (again, "awaiting"),
    ]
    assert detail.completions[0].reason == "Báo cáo nhầm nhiệm vụ"
    assert [(event.event_type, event.version) for event in await events(service)] == [
        ("cchc.task.completed.v1", 1),
        ("cchc.completion.confirmed.v1", 2),
        ("cchc.task.reopened.v1", 3),
        ("cchc.task.completed.v1", 4),
    ]


async def test_a_returned_completion_keeps_its_reason_and_the_task_can_be_reported_again(service: TasksService) -> None:
    task_id = await service.a_task()
    completion_id = await service.report(task_id)
    async with service.secretariat() as secretariat:
        path = f"/v1/tasks/{task_id}/completions/{completion_id}"
        returned = await secretariat.post(f"{path}/return", json={"reason": "Thiếu  văn bản"})
        assert (returned.status_code, returned.json()["state"]) == (200, "returned")
        assert (await secretariat.post(f"{path}/return", json={"reason": "x"})).json()["code"] == (
            "completion-no-longer-stands"
        )
        await service.report(task_id)
        detail = (await secretariat.get(f"/v1/tasks/{task_id}")).json()
    assert [(each["state"], each["reason"]) for each in detail["completions"]] == [
        ("returned", "Thiếu văn bản"),
        ("awaiting", None),
    ]
    [_, event, _] = await events(service)
    assert (event.event_type, event.reason) == ("cchc.completion.returned.v1", "Thiếu văn bản")


async def test_progress_is_noted_by_lead_and_coordinating_units(service: TasksService) -> None:
    task_id = await service.a_task()
    for unit, percent in (("TV-SYT", 30), ("TV-STP", None)):
        async with service.department(unit) as caller:
            body = {"note": f"Tiến độ của {unit}"} | ({} if percent is None else {"percent": percent})
            answer = await caller.post(f"/v1/tasks/{task_id}/progress", json=body)
            assert schemas.TaskAnswer.model_validate_json(answer.text).state == "in_progress"
    assert [(event.note, event.percent, event.actor.unit) for event in await events(service)] == [
        ("Tiến độ của TV-SYT", 30, "TV-SYT"),
        ("Tiến độ của TV-STP", None, "TV-STP"),
    ]


async def test_a_plan_that_counts_reports_needs_no_confirmation(service: TasksService) -> None:
    task_id = await service.a_task(counts_when="reported", evidence_required=False)
    async with service.department() as health:
        answer = await health.post(f"/v1/tasks/{task_id}/completions", json={"completed_on": "2023-10-18"})
        assert (answer.status_code, answer.json()["state"]) == (201, "done")
        path = f"/v1/tasks/{task_id}/completions/{answer.json()['completion_id']}"
    async with service.secretariat() as secretariat:
        assert (await secretariat.post(f"{path}/confirm", json={})).json()["state"] == "done"
        assert (await secretariat.post(f"{path}/confirm", json={})).json()["code"] == "completion-already-confirmed"


async def test_what_the_domain_refuses_changes_nothing(service: TasksService) -> None:
    task_id = await service.a_task()
    async with service.department() as health:
        path = f"/v1/tasks/{task_id}/completions"
        answer = await health.post(path, json=a_completion(completed_on="2023-10-21", evidence=[]))
        assert answer.status_code == 422
        assert {(each["pointer"], each["code"]) for each in answer.json()["errors"]} == {
            ("/body/completed_on", "completed-on-in-future"),
            ("/body/evidence", "evidence-missing"),
        }
        await service.report(task_id)
        second = await health.post(path, json=a_completion())
        assert (second.status_code, second.json()["code"]) == (409, "completion-awaits-confirmation")
        missing = f"{path}/00000000-0000-0000-0000-000000000000/confirm"
    async with service.secretariat() as secretariat:
        assert (await secretariat.post(missing, json={})).json()["code"] == "completion-not-found"
        early = await secretariat.post(f"/v1/tasks/{task_id}/reopen", json={"reason": "x"})
        assert (early.status_code, early.json()["code"]) == (409, "task-not-done")
        blank = await secretariat.post(f"/v1/tasks/{task_id}/reopen", json={"reason": " "})
        assert (blank.status_code, blank.json()["code"]) == (422, "reason-missing")
    assert (await service.count("outbox"), await service.count("task_history")) == (1, 1)


async def test_if_match_refuses_a_write_on_another_version(service: TasksService) -> None:
    task_id = await service.a_task()
    path = f"/v1/tasks/{task_id}/progress"
    async with service.department() as health:
        for tag, status in (('"1"', 412), ('W/"0"', 412), ('"x"', 412), ("0", 400), ('"0"', 200), ("*", 200)):
            answer = await health.post(path, json={"note": "x"}, headers={"If-Match": tag})
            assert answer.status_code == status, (tag, answer.text)
    assert await service.count("task_history") == 2


async def test_one_completion_of_another_task_is_not_found_under_this_one(service: TasksService) -> None:
    one, other = await service.a_task(), await service.a_task()
    completion_id = await service.report(other)
    async with service.secretariat() as secretariat:
        answer = await secretariat.post(f"/v1/tasks/{one}/completions/{completion_id}/confirm", json={})
        assert (answer.status_code, answer.json()["code"]) == (404, "completion-not-found")
        state = (await secretariat.get(f"/v1/tasks/{UUID(str(other))}")).json()["state"]
    assert state == "awaiting_confirmation"


async def test_the_problem_of_a_closed_task_is_told_in_both_languages(service: TasksService) -> None:
    task_id = await service.a_task()
    async with service.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE tasks SET state = 'withdrawn', version = 1")
    async with service.department() as health:
        path = f"/v1/tasks/{task_id}/completions"
        vietnamese = await health.post(path, json=a_completion())
        english = await health.post(path, json=a_completion(), headers={"Accept-Language": "en"})
    assert (vietnamese.status_code, vietnamese.json()["title"]) == (409, "Nhiệm vụ không nhận báo cáo")
    assert json.loads(english.text)["title"] == "Task takes no reports"
