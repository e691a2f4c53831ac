"""API, batch, console: the same handler behind every door, the same event, the same refusals."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from services.tasks import console
from services.tasks.api import schemas
from services.tasks.domain import errors
from services.tasks.domain.actor import Actor, ActorRole
from shared.database.idempotency import StoredAnswer
from tests.support.tasks_service import TasksService, a_completion, a_plan, a_planned_task

DOORS = ("api", "batch", "console")
REPORT = {"completed_on": "2023-10-18", "evidence": [{"number": "123/BC-SYT", "issued_on": "2023-10-18"}]}


async def through(service: TasksService, door: str, task_id: UUID, report: dict[str, Any], unit: str) -> int:
    """Report the task done through a door; return the status of the answer."""
    async with service.department(unit) as caller:
        if door == "api":
            return (await caller.post(f"/v1/tasks/{task_id}/completions", json=report)).status_code
        if door == "batch":
            body = {"items": [{"task_id": str(task_id), **report}]}
            [result] = (await caller.post("/v1/completions/batch", json=body)).json()["results"]
            status: int = result["status"]
            return status
    return await at_the_console(service, task_id, report, unit)


async def at_the_console(service: TasksService, task_id: UUID, report: dict[str, Any], unit: str) -> int:
    documents = [f"{document['number']}={document['issued_on']}" for document in report["evidence"]]
    request = console.completion_request(report["completed_on"], documents, None)
    actor = Actor("console", frozenset({ActorRole.DEPARTMENT}), unit)
    try:
        answer: StoredAnswer = await console.report(service.settings, actor, task_id, request, clock=service.clock)
    except errors.TaskNotFound:
        return 404
    except errors.NotALeadUnit:
        return 403
    except errors.CompletionAwaitsConfirmation:
        return 409
    except errors.CompletionInvalid:
        return 422
    return answer.status


async def test_every_door_makes_the_same_event(service: TasksService) -> None:
    for door in DOORS:
        assert await through(service, door, await service.a_task(), REPORT, "TV-SYT") == 201
    told = await service.rows("SELECT topic, type, convert_from(value, 'UTF8')::jsonb AS event FROM outbox ORDER BY id")
    own = ("plan_id", "task_id", "completion_id")
    bare = []
    for row in told:
        event = {name: value for name, value in row["event"].items() if name not in own}
        event["actor"] = event["actor"]["unit"]
        bare.append((row["topic"], row["type"], event))
    assert len(bare) == len(DOORS)
    assert bare[0] == bare[1] == bare[2]
    assert await service.count("task_history") == len(DOORS)


@pytest.mark.parametrize("door", DOORS)
async def test_every_door_refuses_the_same(service: TasksService, door: str) -> None:
    task_id = await service.a_task()
    assert await through(service, door, task_id, REPORT, "TV-STP") == 403
    assert await through(service, door, task_id, REPORT, "LD-SYT") == 404
    assert await through(service, door, task_id, {**REPORT, "evidence": []}, "TV-SYT") == 422
    assert await through(service, door, task_id, REPORT, "TV-SYT") == 201
    assert await through(service, door, task_id, REPORT, "TV-SYT") == 409
    assert await service.count("outbox") == 1


async def test_a_batch_has_a_result_for_every_item_and_stores_nothing_half(service: TasksService) -> None:
    plan = await service.learn(a_plan(*(a_planned_task(str(number)) for number in range(3))))
    first, second, third = (str(task.id) for task in plan.tasks)
    items: list[Any] = [
        {"task_id": first, **a_completion()},
        {"task_id": first, **a_completion()},
        {"task_id": second, **a_completion(completed_on="2023-10-21", evidence=[])},
        {"task_id": second, **a_completion(completed_on="2023-02-30")},
        "không phải đối tượng",
        {"task_id": "00000000-0000-0000-0000-000000000000", **a_completion()},
        {"task_id": third, **a_completion(note="a\x00b")},
        {"task_id": third, **a_completion()},
    ]
    async with service.department() as health:
        answer = await health.post("/v1/completions/batch", json={"items": items})
        third_task = (await health.get(f"/v1/tasks/{third}")).json()
    assert answer.status_code == 200, answer.text
    results = schemas.BatchAnswer.model_validate_json(answer.text).results
    assert [(each.index, each.status) for each in results] == list(enumerate([201, 409, 422, 422, 422, 404, 422, 201]))
    assert [None if each.problem is None else each.problem["code"] for each in results] == [
        None,
        "completion-awaits-confirmation",
        "completion-invalid",
        "invalid-request",
        "invalid-request",
        "task-not-found",
        "invalid-request",
        None,
    ]
    assert results[2].problem is not None
    assert {each["pointer"] for each in results[2].problem["errors"]} == {
        "/body/items/2/completed_on",
        "/body/items/2/evidence",
    }
    assert results[3].problem is not None
    assert [each["pointer"] for each in results[3].problem["errors"]] == ["/body/items/3/completed_on"]
    assert results[7].body is not None
    assert results[7].body.receipt.task_code == third_task["code"]
    assert (await service.count("outbox"), await service.count("completions")) == (2, 2)


async def test_a_batch_sent_again_gets_the_same_answers_by_item_key_or_batch_key(service: TasksService) -> None:
    plan = await service.learn(a_plan(a_planned_task("1"), a_planned_task("2")))
    one, two = (str(task.id) for task in plan.tasks)
    body = {
        "items": [
            {"task_id": one, "idempotency_key": "so-1", **a_completion()},
            {"task_id": two, **a_completion()},
        ]
    }
    async with service.department() as health:
        headers = {"Idempotency-Key": "lo-1"}
        first = (await health.post("/v1/completions/batch", json=body, headers=headers)).json()["results"]
        again = (await health.post("/v1/completions/batch", json=body, headers=headers)).json()["results"]
        body["items"][0]["note"] = "khác"
        changed = (await health.post("/v1/completions/batch", json=body, headers=headers)).json()["results"]
    assert [each["status"] for each in first] == [201, 201]
    assert again == first
    assert [each["status"] for each in changed] == [422, 201]
    assert changed[0]["problem"]["code"] == "idempotency-key-reused"
    assert await service.count("outbox") == 2


@pytest.mark.parametrize("items", [[], [{}] * 201, None, {}, "x"])
async def test_a_batch_has_1_to_200_items(service: TasksService, items: object) -> None:
    async with service.department() as health:
        assert (await health.post("/v1/completions/batch", json={"items": items})).status_code == 422


async def test_when_the_database_goes_away_the_rest_of_a_batch_can_be_sent_again(service: TasksService) -> None:
    plan = await service.learn(a_plan(a_planned_task("1"), a_planned_task("2")))
    await service.engine.dispose()
    async with service.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE outbox RENAME TO outbox_away")
    body = {"items": [{"task_id": str(task.id), **a_completion()} for task in plan.tasks]}
    async with service.department() as health:
        answer = await health.post("/v1/completions/batch", json=body)
        assert [each["status"] for each in answer.json()["results"]] == [500, 500]
        assert "outbox" not in answer.text
        async with service.engine.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE outbox_away RENAME TO outbox")
        answer = await health.post("/v1/completions/batch", json=body)
    assert [each["status"] for each in answer.json()["results"]] == [201, 201]


async def test_the_command_prints_a_receipt_or_the_reason_why_not(
    service: TasksService, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = str(await service.a_task())
    monkeypatch.setenv("CCHC_TASKS_DATABASE_URL", service.settings.tasks_database_url.get_secret_value())
    common = ["complete", task_id, "--unit", "TV-SYT", "--completed-on", "2023-10-18"]

    async def run(*arguments: str) -> tuple[int, str, str]:
        done = await asyncio.to_thread(CliRunner().invoke, console.app, list(arguments))
        return done.exit_code, done.stdout, done.stderr

    assert await run(*common) == (1, "", "Không nhận: Kế hoạch yêu cầu ít nhất một văn bản minh chứng.\n")
    code, _, reason = await run(*common, "--evidence", "123/BC-SYT")
    assert (code, "evidence" in reason) == (1, True)
    code, told, reason = await run(*common, "--evidence", "123/BC-SYT=2023-10-18", "--note", "Bản giấy")
    assert code == 0, reason
    assert told.startswith("Đã nhận TV23-1: awaiting_confirmation; biên nhận ")
    assert await service.count("outbox") == 1


async def test_accepted_repeated_and_refused_completions_are_counted(service: TasksService) -> None:
    async def counted() -> dict[str, float]:
        async with service.department() as caller:
            lines = (await caller.get("/metrics")).text.splitlines()
        return {
            outcome: sum(
                float(line.rpartition(" ")[2])
                for line in lines
                if line.startswith("cchc_tasks_completions") and f'outcome="{outcome}"' in line
            )
            for outcome in ("accepted", "repeated", "refused")
        }

    before = await counted()
    task_id = await service.a_task()
    async with service.department() as health:
        path = f"/v1/tasks/{task_id}/completions"
        for key in ("a", "a", "b"):
            await health.post(path, json=a_completion(), headers={"Idempotency-Key": key})
    after = await counted()
    assert {outcome: after[outcome] - before[outcome] for outcome in after} == {
        "accepted": 1,
        "repeated": 1,
        "refused": 1,
    }
