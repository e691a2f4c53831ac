"""The derived time axis, who sees a task, the receipt that anyone can recompute, plans that contradict themselves."""

import hashlib
import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tasks.domain import access
from services.tasks.domain.actor import Actor, ActorRole
from services.tasks.domain.errors import PlanContradictsItself, TaskNotFound
from services.tasks.domain.evidence import Evidence
from services.tasks.domain.plan import Deadline, LearnedPlan, LearnedTask
from services.tasks.domain.receipt import digest, digest_content, receipt
from services.tasks.domain.timing import Timing, timing
from services.tasks.domain.unit import TaskUnit
from tests.support.carrying_out import COMPLETION, HEALTH, JUSTICE, NOW, PLAN, TASK, a_department, a_report, a_task

DUE = date(2023, 11, 30)


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2023, 11, 26), Timing.IN_TIME),
        (date(2023, 11, 27), Timing.DUE_SOON),
        (date(2023, 11, 30), Timing.DUE_SOON),
        (date(2023, 12, 1), Timing.OVERDUE),
    ],
)
def test_due_soon_begins_three_days_before_and_the_deadline_itself_is_in_time(today: date, expected: Timing) -> None:
    assert timing(deadline=DUE, done_on=None, today=today, due_soon_days=3) is expected


@given(today=st.dates(), done_on=st.none() | st.dates(), days=st.integers(0, 60))
def test_without_a_deadline_nothing_is_ever_late(today: date, done_on: date | None, days: int) -> None:
    assert timing(deadline=None, done_on=done_on, today=today, due_soon_days=days) is Timing.NO_DEADLINE


@given(today=st.dates(), done_on=st.dates(), days=st.integers(0, 60))
def test_a_done_task_is_judged_by_the_day_of_its_product_whatever_the_day_of_asking(
    today: date, done_on: date, days: int
) -> None:
    found = timing(deadline=DUE, done_on=done_on, today=today, due_soon_days=days)
    assert found is (Timing.OVERDUE if done_on > DUE else Timing.IN_TIME)


@pytest.mark.parametrize(
    ("actor", "sees"),
    [
        (a_department("TV-SYT"), True),
        (a_department("TV-STP"), True),
        (a_department("TV"), True),
        (a_department("TV-STC"), False),
        (a_department("TV-SYT-VP"), False),
        (a_department(None), False),
        *(
            (Actor("x", frozenset({role}), unit), unit in (None, "TV"))
            for role in (ActorRole.SECRETARIAT, ActorRole.LEADER, ActorRole.ADMIN)
            for unit in (None, "TV", "LD", "TV-SYT")
        ),
        (Actor("x", frozenset(), "TV"), False),
        (Actor("x", frozenset({ActorRole.DEPARTMENT, ActorRole.LEADER}), "TV-SYT"), True),
    ],
)
def test_a_task_is_seen_from_its_units_and_from_above_its_plan(actor: Actor, sees: bool) -> None:
    if sees:
        access.require_visible(actor, a_task())
    else:
        with pytest.raises(TaskNotFound):
            access.require_visible(actor, a_task())


def test_a_body_that_is_no_unit_gives_nobody_access() -> None:
    task = a_task(leads=(JUSTICE,), coordinating=(TaskUnit(name="Hội Nông dân"),))
    with pytest.raises(TaskNotFound):
        access.require_visible(a_department("TV-SYT"), task)


def test_the_digest_of_a_receipt_can_be_recomputed_from_its_description() -> None:
    task = a_task()
    hanoi = timezone(timedelta(hours=7))
    made = task.complete(
        actor=a_department(),
        moment=NOW,
        completion_id=COMPLETION,
        report=a_report(
            evidence=(Evidence(number="12/BC-SYT", issued_on=date(2023, 10, 18), title="Báo cáo “quý”"),),
            note="Đã xong",
            reported_at=datetime(2023, 10, 20, 8, 59, 30, tzinfo=hanoi),
        ),
    )
    given_out = receipt(made, event_id=UUID(int=9), task_id=TASK, task_code=task.code)
    canonical = (
        '{"completed_on":"2023-10-18","completion_id":"00000000-0000-0000-0000-000000000003",'
        '"evidence":[{"issued_on":"2023-10-18","number":"12/BC-SYT","title":"Báo cáo “quý”"}],'
        '"note":"Đã xong","recorded_at":"2023-10-20T02:00:00.000000Z","reported_at":"2023-10-20T01:59:30.000000Z",'
        '"reported_by":"can-bo","task_code":"TV23-12","task_id":"00000000-0000-0000-0000-000000000001",'
        '"unit":"TV-SYT"}'
    )
    assert unicodedata.is_normalized("NFC", canonical)
    assert given_out == {
        "event_id": "00000000-0000-0000-0000-000000000009",
        "recorded_at": "2023-10-20T02:00:00.000000Z",
        "task_code": "TV23-12",
        "completion_id": "00000000-0000-0000-0000-000000000003",
        "sha256": hashlib.sha256(canonical.encode()).hexdigest(),
    }


def test_any_change_of_what_was_accepted_changes_the_digest() -> None:
    def of(**changed: object) -> str:
        task = a_task()
        made = task.complete(actor=a_department(), moment=NOW, completion_id=COMPLETION, report=a_report(**changed))
        return digest(digest_content(made, task_id=TASK, task_code=task.code))

    digests = {
        of(),
        of(note="x"),
        of(completed_on=date(2023, 10, 17)),
        of(reported_at=datetime(2023, 10, 20, tzinfo=UTC)),
        of(evidence=(Evidence(number="124/BC-SYT", issued_on=date(2023, 10, 18)),)),
    }
    assert len(digests) == 5


def a_learned_task(task_id: UUID) -> LearnedTask:
    return LearnedTask(
        id=task_id,
        code="A-1",
        number="1",
        title="Nhiệm vụ",
        field="I",
        leads=(HEALTH,),
        coordinating=(TaskUnit(name="Sở Tư pháp", code="TV-STP"), TaskUnit(name="Hội Nông dân")),
        deadline=Deadline(phrase="", kind="none"),
    )


def a_learned_plan(*tasks: LearnedTask) -> LearnedPlan:
    return LearnedPlan(
        id=PLAN,
        version=1,
        unit=TaskUnit(name="Tỉnh", code="TV", kind="province"),
        year=2023,
        title="Kế hoạch",
        counts_when="confirmed",
        evidence_required=True,
        tasks=tasks,
    )


def test_a_plan_that_names_one_task_twice_is_refused() -> None:
    with pytest.raises(PlanContradictsItself):
        a_learned_plan(a_learned_task(TASK), a_learned_task(TASK))


def test_units_named_by_a_plan_keep_their_kind_where_it_is_told_somewhere() -> None:
    leads_elsewhere = LearnedTask(
        id=UUID(int=8),
        code="A-2",
        number="2",
        title="Nhiệm vụ",
        field="I",
        leads=(JUSTICE,),
        coordinating=(),
        deadline=Deadline(phrase="", kind="none"),
    )
    named = a_learned_plan(a_learned_task(TASK), leads_elsewhere).named_units()
    assert {code: unit.kind for code, unit in named.items()} == {
        "TV": "province",
        "TV-SYT": "department",
        "TV-STP": "department",
    }
