"""Confirm, return with reason, reopen; progress notes."""

from collections.abc import Callable
from datetime import date

import pytest

from services.tasks.domain import errors
from services.tasks.domain.actor import Actor, ActorRole
from services.tasks.domain.completion import CompletionState
from services.tasks.domain.events import CompletionConfirmed, CompletionReturned, TaskProgressed, TaskReopened
from services.tasks.domain.task import CLOSED, Task, TaskState
from tests.support.carrying_out import ALL_UNITS, COMPLETION, NOW, a_department, a_report, a_secretariat, a_task

Decision = Callable[[Task, Actor], None]


def confirm(task: Task, actor: Actor) -> None:
    task.confirm(actor=actor, moment=NOW)


def return_(task: Task, actor: Actor) -> None:
    task.return_(actor=actor, moment=NOW, reason="Thiếu văn bản")


def reopen(task: Task, actor: Actor) -> None:
    task.reopen(actor=actor, moment=NOW, reason="Báo cáo nhầm")


def reported(*, counts_when_reported: bool = False) -> Task:
    task = a_task(counts_when_reported=counts_when_reported)
    task.complete(actor=a_department(), moment=NOW, completion_id=COMPLETION, report=a_report())
    task.events.clear()
    return task


def fate(task: Task) -> CompletionState:
    assert task.completion is not None
    return task.completion.state


def test_confirming_makes_the_task_done() -> None:
    task = reported()
    confirm(task, a_secretariat())
    assert (task.state, task.version, fate(task)) == (TaskState.DONE, 2, CompletionState.CONFIRMED)
    [event] = task.events
    assert isinstance(event, CompletionConfirmed)
    assert (event.version, event.completion_id) == (2, COMPLETION)


def test_returning_keeps_the_completion_with_its_reason_and_the_task_is_not_done() -> None:
    task = reported()
    return_(task, a_secretariat())
    assert (task.state, fate(task), task.completed_on) == (TaskState.RETURNED, CompletionState.RETURNED, None)
    [event] = task.events
    assert isinstance(event, CompletionReturned)
    assert event.reason == "Thiếu văn bản"
    assert task.completion is not None
    assert (task.completion.reason, task.completion.decided_by) == ("Thiếu văn bản", "to-giup-viec")


def test_reopening_a_done_task_keeps_the_completion_and_sets_the_task_in_progress() -> None:
    task = reported()
    confirm(task, a_secretariat())
    reopen(task, a_secretariat())
    assert (task.state, task.version, fate(task)) == (TaskState.IN_PROGRESS, 3, CompletionState.REOPENED)
    assert isinstance(task.events[-1], TaskReopened)


@pytest.mark.parametrize("decide", [confirm, return_, reopen])
def test_a_completion_that_counted_when_reported_can_still_be_decided_on(decide: Decision) -> None:
    task = reported(counts_when_reported=True)
    decide(task, a_secretariat())
    expected: dict[Decision, tuple[TaskState, CompletionState]] = {
        confirm: (TaskState.DONE, CompletionState.CONFIRMED),
        return_: (TaskState.RETURNED, CompletionState.RETURNED),
        reopen: (TaskState.IN_PROGRESS, CompletionState.REOPENED),
    }
    assert (task.state, fate(task)) == expected[decide]


@pytest.mark.parametrize("decide", [confirm, return_])
def test_a_confirmed_completion_is_neither_confirmed_nor_returned_again(decide: Decision) -> None:
    task = reported()
    confirm(task, a_secretariat())
    with pytest.raises(errors.CompletionAlreadyConfirmed):
        decide(task, a_secretariat())


@pytest.mark.parametrize("decide", [confirm, return_])
def test_a_returned_completion_no_longer_stands(decide: Decision) -> None:
    task = reported()
    return_(task, a_secretariat())
    with pytest.raises(errors.CompletionNoLongerStands):
        decide(task, a_secretariat())


@pytest.mark.parametrize("decide", [confirm, return_])
def test_a_completion_that_the_task_does_not_have_is_not_found(decide: Decision) -> None:
    with pytest.raises(errors.CompletionNotFound):
        decide(a_task(), a_secretariat())


@pytest.mark.parametrize("state", [state for state in TaskState if state is not TaskState.DONE])
def test_only_a_done_task_is_reopened(state: TaskState) -> None:
    with pytest.raises(errors.TaskNotDone):
        reopen(a_task(state=state), a_secretariat())


@pytest.mark.parametrize("decide", [confirm, return_, reopen])
@pytest.mark.parametrize(
    "actor",
    [
        a_department(),
        a_secretariat("LD"),
        Actor("lanh-dao", frozenset({ActorRole.LEADER})),
        Actor("quan-tri", frozenset({ActorRole.ADMIN})),
    ],
    ids=["department", "secretariat of another province", "leader", "admin"],
)
def test_only_the_secretariat_of_the_plan_decides(decide: Decision, actor: Actor) -> None:
    task = reported(counts_when_reported=True)
    with pytest.raises(errors.NotTheSecretariat):
        decide(task, actor)
    assert task.events == []


@pytest.mark.parametrize("reason", ["", "   ", "\n\t"])
def test_returning_and_reopening_need_a_reason(reason: str) -> None:
    task = reported(counts_when_reported=True)
    with pytest.raises(errors.ReasonMissing):
        task.return_(actor=a_secretariat(), moment=NOW, reason=reason)
    with pytest.raises(errors.ReasonMissing):
        task.reopen(actor=a_secretariat(), moment=NOW, reason=reason)
    assert task.version == 1


@pytest.mark.parametrize("state", [TaskState.NOT_STARTED, TaskState.IN_PROGRESS, TaskState.RETURNED])
@pytest.mark.parametrize("unit", ["TV-SYT", "TV-STP"], ids=["lead", "coordinating"])
def test_lead_and_coordinating_units_note_progress_on_an_open_task(unit: str, state: TaskState) -> None:
    task = a_task(state=state)
    task.progress(actor=a_department(unit), moment=NOW, note=" Đang   rà soát ", percent=40)
    assert (task.state, task.version) == (TaskState.IN_PROGRESS, 1)
    [event] = task.events
    assert isinstance(event, TaskProgressed)
    assert (event.note, event.percent, event.unit) == ("Đang rà soát", 40, unit)


def test_progress_is_refused_to_others_without_text_and_on_tasks_that_are_not_open() -> None:
    with pytest.raises(errors.NotATaskUnit):
        a_task().progress(actor=a_department("TV-STC"), moment=NOW, note="x", percent=None)
    with pytest.raises(errors.NotATaskUnit):
        a_task().progress(actor=a_secretariat(), moment=NOW, note="x", percent=None)
    with pytest.raises(errors.ProgressNoteMissing):
        a_task().progress(actor=a_department(), moment=NOW, note=" ", percent=None)
    for state in (*CLOSED, TaskState.DONE, TaskState.AWAITING_CONFIRMATION):
        with pytest.raises((errors.TaskClosed, errors.TaskAlreadyCompleted, errors.CompletionAwaitsConfirmation)):
            a_task(state=state).progress(actor=a_department(), moment=NOW, note="x", percent=None)


def test_the_secretariat_notes_progress_for_a_collective_lead() -> None:
    task = a_task(leads=(ALL_UNITS,))
    task.progress(actor=a_secretariat(), moment=NOW, note="Các sở đang rà soát", percent=None)
    assert task.state is TaskState.IN_PROGRESS


def test_a_done_task_stays_late_by_the_day_of_its_product() -> None:
    task = a_task(due=date(2023, 10, 17))
    task.complete(actor=a_department(), moment=NOW, completion_id=COMPLETION, report=a_report())
    assert task.timing(today=date(2023, 10, 17), due_soon_days=3) == "due_soon"  # not done before it is confirmed
    confirm(task, a_secretariat())
    assert task.timing(today=date(2023, 10, 17), due_soon_days=3) == "overdue"
