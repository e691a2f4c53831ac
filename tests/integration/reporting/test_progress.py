"""Figures over HTTP: the reference, any past moment, who sees what, how far behind."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from services.reporting.api.answers import ProgressAnswer
from shared.contracts.tasks import CompletionReturnedV1, TaskReopenedV1
from tests.support.reporting_service import (
    IDS,
    NOW,
    ReportingService,
    completed,
    the_completions,
    the_sample_plan,
    undone,
)

OCTOBER = "2023-10-31"


def path(plan_id: UUID) -> str:
    return f"/v1/plans/{plan_id}/progress"


async def test_the_reference_figures_come_out(service: ReportingService) -> None:
    plan_id = await service.a_plan()
    found = await service.get(path(plan_id), cutoff=OCTOBER)
    ProgressAnswer.model_validate(found)
    assert (found["total"], found["done"], found["due"], found["overdue"]) == (38, 32, 33, 1)
    assert (found["done_on_time"], found["done_late"]) == (29, 3)
    assert found["rates"] == {
        "done_of_total": {"numerator": 32, "denominator": 38, "percent": 84.21, "text": "84,21 %"},
        "done_of_due": {"numerator": 32, "denominator": 33, "percent": 96.97, "text": "96,97 %"},
        "on_time_of_done": {"numerator": 29, "denominator": 32, "percent": 90.63, "text": "90,63 %"},
    }
    assert found["margin"] == {"allowed_unfinished": 7, "unfinished": 6, "to_spare": 1, "needed": 0}
    assert found["score"]["points"] == 0.8421
    middle = await service.get(path(plan_id), cutoff="2023-10-14")
    assert (middle["done"], middle["done_on_time"], middle["done_late"], middle["overdue"]) == (31, 28, 3, 1)
    excluded = await service.get(path(plan_id), cutoff=OCTOBER, method="excluded", rounding="cut")
    assert (excluded["done"], excluded["total"]) == (26, 32)
    assert excluded["method"]["code"] == "excluded"


async def test_the_order_of_arrival_and_repeats_change_nothing(service: ReportingService) -> None:
    plan_id = IDS.new()
    told = [*the_completions(plan_id), the_sample_plan(plan_id)]
    for one in reversed(told):
        await service.hear(one)
    await service.hear(told)
    assert (await service.get(path(plan_id), cutoff=OCTOBER))["done"] == 32
    assert (await service.rows("SELECT count(*) AS n FROM ledger WHERE plan_id = :p", p=plan_id)) == [{"n": 65}]


async def test_a_completion_before_its_plan_is_kept_and_counts_once_the_plan_is_there(
    service: ReportingService,
) -> None:
    plan_id = IDS.new()
    await service.hear(completed(plan_id, "TV23-03", date(2023, 10, 20), "1/BC"))
    async with service.caller("leader") as leader:
        assert (await leader.get(path(plan_id))).status_code == 404
    await service.hear(the_sample_plan(plan_id))
    assert (await service.get(path(plan_id), cutoff=OCTOBER))["done"] == 1


async def test_events_recorded_later_leave_an_older_moment_as_it_was(service: ReportingService) -> None:
    plan_id = await service.a_plan()
    then = "2023-11-10T00:00:00+07:00"
    before = await service.get(path(plan_id), cutoff=OCTOBER, as_of=then)
    late = completed(plan_id, "TV23-18", date(2023, 10, 30), "9/BC", at=datetime(2023, 11, 20, tzinfo=UTC))
    await service.hear(late)
    after = await service.get(path(plan_id), cutoff=OCTOBER, as_of=then)
    assert before == after
    assert (await service.get(path(plan_id), cutoff=OCTOBER))["done"] == 33


async def test_before_anything_was_known_the_figures_are_zero(service: ReportingService) -> None:
    plan_id = await service.a_plan()
    found = await service.get(path(plan_id), cutoff=OCTOBER, as_of="2022-06-01T00:00:00Z")
    assert (found["total"], found["done"], found["rates"]["done_of_total"]["percent"]) == (0, 0, None)
    assert found["plan"]["title"].startswith("Kế hoạch")


@pytest.mark.parametrize("contract", [CompletionReturnedV1, TaskReopenedV1])
async def test_a_returned_or_reopened_task_is_not_done_until_it_is_done_again(
    service: ReportingService, contract: type[CompletionReturnedV1] | type[TaskReopenedV1]
) -> None:
    plan_id = await service.a_plan(completions=False)
    done = completed(plan_id, "TV23-03", date(2023, 10, 20), "1/BC")
    await service.hear(done, undone(done[0], contract, 3, datetime(2023, 10, 28, tzinfo=UTC)))
    assert (await service.get(path(plan_id), cutoff=OCTOBER))["done"] == 0
    assert (await service.get(path(plan_id), cutoff=OCTOBER, as_of="2023-10-27T00:00:00Z"))["done"] == 1


async def test_the_cut_off_is_today_in_vietnam_unless_named(service: ReportingService) -> None:
    plan_id = await service.a_plan()
    service.clock.set(datetime(2024, 1, 9, 17, 30, tzinfo=UTC))  # past midnight in Vietnam
    found = await service.get(path(plan_id))
    assert found["cutoff"] == "2024-01-10"
    assert datetime.fromisoformat(found["as_of"]) == datetime(2024, 1, 9, 17, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"as_of": "2024-01-10T02:00:01Z"}, "as-of-in-the-future"),
        ({"as_of": "2023-10-31T00:00:00"}, "invalid-request"),
        ({"as_of": "0001-01-01T00:00:00+14:00"}, "invalid-request"),
        ({"cutoff": "9999-12-31"}, "invalid-request"),
        ({"cutoff": "2023-02-30"}, "invalid-request"),
        ({"method": "none"}, "invalid-request"),
        ({"rounding": "up"}, "invalid-request"),
        ({"unknown": "1"}, "invalid-request"),
    ],
)
async def test_a_wrong_question_is_a_422_that_says_why(
    service: ReportingService, query: dict[str, str], code: str
) -> None:
    plan_id = await service.a_plan(completions=False)
    async with service.caller("leader") as leader:
        answer = await leader.get(path(plan_id), params=query)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_department_sees_totals_and_its_own_rows_only(service: ReportingService) -> None:
    plan_id = await service.a_plan()
    whole = await service.get(path(plan_id), cutoff=OCTOBER, role="leader")
    health = await service.get(path(plan_id), cutoff=OCTOBER, role="department", unit="TV-SYT")
    assert health["done"] == whole["done"]
    assert health["by_field"] == whole["by_field"]
    assert [row["code"] for row in health["by_unit"]] == ["TV-SYT"]
    below = await service.get(path(plan_id), cutoff=OCTOBER, role="department", unit="TV-SYT-CC")
    assert below["by_unit"] == []


@pytest.mark.parametrize(
    ("role", "unit", "status"),
    [
        ("leader", None, 200),
        ("secretariat", "TV", 200),
        ("admin", "TV", 200),
        ("leader", "LD", 404),
        ("leader", "TV-SNV", 404),
        ("department", "LD-SYT", 404),
        ("department", "TV-SNV", 200),
    ],
)
async def test_what_one_may_not_see_is_not_there(
    service: ReportingService, role: str, unit: str | None, status: int
) -> None:
    plan_id = await service.a_plan(completions=False)
    async with service.caller(role, unit) as caller:
        assert (await caller.get(path(plan_id))).status_code == status
        assert (await caller.get(path(IDS.new()))).status_code == 404


async def test_how_far_behind_the_figures_are(service: ReportingService) -> None:
    plan_id = await service.a_plan(completions=False)
    assert (await service.get(path(plan_id)))["behind_seconds"] is None
    statement = (
        "INSERT INTO consumer_progress VALUES ('reporting', :topic, 0, 5, :lag, :event, :checked)"
        " ON CONFLICT (consumer_group, topic, partition) DO UPDATE SET lag = :lag"
    )
    from sqlalchemy import text

    async def tell(topic: str, lag: int, event_age: int, checked_age: int) -> float:
        values = {"topic": topic, "lag": lag, "event": NOW - timedelta(seconds=event_age)}
        async with service.engine.begin() as connection:
            await connection.execute(text(statement), {**values, "checked": NOW - timedelta(seconds=checked_age)})
        behind: float = (await service.get(path(plan_id)))["behind_seconds"]
        return behind

    assert await tell("cchc.plans.v1", 0, 3600, 2) == 2
    assert await tell("cchc.tasks.v1", 7, 90, 1) == 90
    assert await tell("cchc.tasks.v1", 0, 90, 1) == 2


async def test_periods_of_a_year_by_scheme(service: ReportingService) -> None:
    found = await service.get("/v1/periods", scheme="ministry", year=2023, role="department", unit="TV-SYT")
    assert {item["code"]: item["send_by"] for item in found["items"]}["2023-CCHC-Q1"] == "2023-03-20"
    assert found["items"][0]["from"] == "2022-12-15"
