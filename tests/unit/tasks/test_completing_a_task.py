"""Who may report a task done, in which state, with what dates and evidence."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.tasks.domain.actor import Actor, ActorRole
from services.tasks.domain.completion import CompletionState
from services.tasks.domain.errors import (
    CompletionAwaitsConfirmation,
    CompletionInvalid,
    NotALeadUnit,
    TaskAlreadyCompleted,
    TaskClosed,
    VersionDiffers,
)
from services.tasks.domain.events import TaskCompleted
from services.tasks.domain.evidence import Evidence
from services.tasks.domain.task import CLOSED, Task, TaskState
from tests.support.carrying_out import (
    ALL_UNITS,
    COMPLETION,
    HEALTH,
    HEALTH_OFFICE,
    JUSTICE,
    NOW,
    PLAN,
    TASK,
    TODAY,
    a_department,
    a_report,
    a_secretariat,
    a_task,
    a_unit,
)


def complete(task: Task, actor: Actor | None = None, **report: Any) -> None:  # noqa: ANN401 -- fields of the report
    task.complete(actor=actor or a_department(), moment=NOW, completion_id=COMPLETION, report=a_report(**report))


def faults(task: Task, **report: Any) -> dict[str, str]:  # noqa: ANN401 -- fields of the report
    with pytest.raises(CompletionInvalid) as refused:
        complete(task, **report)
    return {fault["pointer"]: fault["code"] for fault in refused.value.errors}


def test_a_completion_awaits_confirmation_and_records_one_event_with_the_new_version() -> None:
    task = a_task(version=4, state=TaskState.IN_PROGRESS)
    complete(task, note="Đã gửi")
    assert (task.state, task.version) == (TaskState.AWAITING_CONFIRMATION, 5)
    assert task.completion is not None
    assert task.completion.state is CompletionState.AWAITING
    assert task.events == [
        TaskCompleted(
            plan_id=PLAN,
            task_id=TASK,
            version=5,
            subject="can-bo",
            unit="TV-SYT",
            moment=NOW,
            completion_id=COMPLETION,
            completed_on=date(2023, 10, 18),
            reported_at=NOW,
            evidence=a_report().evidence,
            note="Đã gửi",
        )
    ]


def test_where_the_plan_counts_reports_the_task_is_done_at_once() -> None:
    task = a_task(counts_when_reported=True)
    complete(task)
    assert task.state is TaskState.DONE
    assert task.completion is not None
    assert task.completion.state is CompletionState.AWAITING


def test_a_returned_task_can_be_reported_again() -> None:
    task = a_task(state=TaskState.RETURNED, version=2)
    complete(task)
    assert task.state is TaskState.AWAITING_CONFIRMATION


@pytest.mark.parametrize(
    ("state", "refusal"),
    [
        (TaskState.AWAITING_CONFIRMATION, CompletionAwaitsConfirmation),
        (TaskState.DONE, TaskAlreadyCompleted),
        *((state, TaskClosed) for state in sorted(CLOSED)),
    ],
)
def test_a_task_that_is_not_open_takes_no_completion(state: TaskState, refusal: type[Exception]) -> None:
    task = a_task(state=state)
    with pytest.raises(refusal):
        complete(task)
    assert (task.events, task.version, task.state) == ([], 0, state)


@pytest.mark.parametrize(
    "task",
    [
        a_task(leads=(JUSTICE, HEALTH)),
        a_task(leads=(HEALTH_OFFICE,)),
        a_task(leads=(a_unit("TV-SYT-CU", "TV-SYT", "TV"),)),
    ],
    ids=["one of several leads", "a unit below", "a unit that went into it"],
)
def test_any_lead_in_the_own_subtree_may_report(task: Task) -> None:
    complete(task)
    assert task.state is TaskState.AWAITING_CONFIRMATION


@pytest.mark.parametrize(
    "actor",
    [
        a_department("TV-STP"),
        a_department("TV-SYT-VP"),
        a_department(None),
        a_secretariat(),
        Actor("lanh-dao", frozenset({ActorRole.LEADER}), "TV"),
        Actor("quan-tri", frozenset({ActorRole.ADMIN})),
        Actor("khong-vai-tro", frozenset(), "TV-SYT"),
    ],
    ids=["coordinating", "below the lead", "no unit", "secretariat", "leader", "admin", "no role"],
)
def test_who_does_not_lead_the_task_may_not_report(actor: Actor) -> None:
    task = a_task()
    with pytest.raises(NotALeadUnit):
        complete(task, actor)
    assert task.events == []


def test_the_secretariat_reports_for_a_collective_lead_of_its_own_plans_only() -> None:
    task = a_task(leads=(ALL_UNITS,))
    with pytest.raises(NotALeadUnit):
        complete(task, a_secretariat("LD"))
    with pytest.raises(NotALeadUnit):
        complete(task, a_department("TV-STP"))
    complete(task, a_secretariat("TV"))
    assert task.state is TaskState.AWAITING_CONFIRMATION


def test_the_day_of_the_product_is_today_at_the_latest_by_the_vietnamese_calendar() -> None:
    late_evening = datetime(2023, 10, 19, 18, 0, tzinfo=UTC)  # 01:00 of the 20th in Vietnam
    task = a_task()
    task.complete(
        actor=a_department(), moment=late_evening, completion_id=COMPLETION, report=a_report(completed_on=TODAY)
    )
    assert faults(a_task(), completed_on=TODAY + timedelta(days=1)) == {"/body/completed_on": "completed-on-in-future"}


def test_the_day_of_the_product_goes_back_to_january_two_years_before_the_plan() -> None:
    complete(a_task(), completed_on=date(2021, 1, 1))
    assert faults(a_task(), completed_on=date(2020, 12, 31)) == {"/body/completed_on": "completed-on-too-early"}


def test_evidence_is_required_unless_the_plan_says_otherwise() -> None:
    assert faults(a_task(), evidence=()) == {"/body/evidence": "evidence-missing"}
    complete(a_task(evidence_required=False), evidence=())


def test_every_fault_is_told_at_once() -> None:
    evidence = (
        Evidence(number="1/BC", issued_on=TODAY),
        Evidence(number="  ", issued_on=TODAY + timedelta(days=1)),
    )
    assert faults(
        a_task(), completed_on=date(2024, 1, 1), evidence=evidence, reported_at=NOW + timedelta(minutes=5, seconds=1)
    ) == {
        "/body/completed_on": "completed-on-in-future",
        "/body/reported_at": "reported-at-in-future",
        "/body/evidence/1/number": "evidence-number-empty",
        "/body/evidence/1/issued_on": "evidence-issued-in-future",
    }


def test_the_departments_own_time_of_sending_is_kept() -> None:
    task = a_task()
    ahead = NOW + timedelta(minutes=5)
    complete(task, reported_at=ahead)
    assert task.completion is not None
    assert (task.completion.reported_at, task.completion.recorded_at) == (ahead, NOW)


def test_another_version_than_the_one_read_is_refused() -> None:
    task = a_task(version=3)
    task.expect_version(None)
    task.expect_version(3)
    with pytest.raises(VersionDiffers):
        task.expect_version(2)
