"""The published reference figures come out, and each counting rule decides where it should."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from services.reporting.domain.counting import Counts, Figures, State, Timing, figures
from services.reporting.domain.facts import CompletionState, DeadlineFact, PlanFacts
from services.reporting.domain.fold import CompletionHeard, Heard, PlanHeard, ProgressHeard, VerdictHeard, known_at
from services.reporting.domain.method import Method, Rate, Rounding, StandingTasks, rate
from tests.unit.reporting.sample_plan import LONG_AFTER, identifier, midday, the_plan, the_sample

END_OF_OCTOBER, MIDDLE_OF_OCTOBER = date(2023, 10, 31), date(2023, 10, 14)


def counted(heard: list[Heard], cutoff: date, *, method: Method | None = None, as_of: datetime = LONG_AFTER) -> Figures:
    knowledge = known_at(heard, as_of)
    assert knowledge.plan is not None
    return figures(knowledge.plan, knowledge, cutoff, method or Method())


def fraction(found: Rate) -> tuple[int, int, str]:
    return found.numerator, found.denominator, str(found.percent)


def test_ten_months_to_the_end_of_october() -> None:
    counts = counted(the_sample(), END_OF_OCTOBER).counts
    assert fraction(counts.done_of_total) == (32, 38, "84.21")
    assert fraction(counts.done_of_due) == (32, 33, "96.97")
    assert fraction(counts.on_time_of_done) == (29, 32, "90.63")
    assert (counts.done_late, counts.overdue) == (3, 1)


def test_ten_months_to_the_fourteenth() -> None:
    found = counted(the_sample(), MIDDLE_OF_OCTOBER)
    counts = found.counts
    assert (counts.total, counts.done, counts.done_on_time, counts.done_late) == (38, 31, 28, 3)
    assert [task.task.number for task in found.tasks if task.timing is Timing.OVERDUE] == ["18"]


@pytest.mark.parametrize(
    ("standing", "expected"),
    [(StandingTasks.PERIOD_MET, (32, 38)), (StandingTasks.EXCLUDED, (26, 32)), (StandingTasks.YEAR_END, (26, 38))],
)
def test_continuous_and_recurring_tasks_count_by_the_method(standing: StandingTasks, expected: tuple[int, int]) -> None:
    counts = counted(the_sample(), END_OF_OCTOBER, method=Method(standing)).counts
    assert (counts.done, counts.total) == expected


def test_at_year_end_a_standing_task_with_evidence_is_done_and_one_without_is_due() -> None:
    heard = [event for event in the_sample() if getattr(event, "task_id", None) != identifier("TV23-04")]
    before = counted(heard, date(2023, 12, 30), method=Method(StandingTasks.YEAR_END))
    after = counted(heard, date(2023, 12, 31), method=Method(StandingTasks.YEAR_END))
    assert (before.counts.done, after.counts.done) == (26, 31)
    by_code = {task.task.code: task for task in after.tasks}
    assert by_code["TV23-04"].is_due
    assert by_code["TV23-04"].timing is Timing.DUE_SOON


def test_a_standing_task_knows_no_lateness() -> None:
    heard: list[Heard] = [the_sample()[0], *one_completion("TV23-09", date(2024, 1, 5))]
    task = next(found for found in counted(heard, date(2024, 1, 31)).tasks if found.task.code == "TV23-09")
    assert (task.state, task.timing) == (State.DONE, Timing.ON_TIME)


def one_completion(code: str, day: date, *, recorded: date | None = None, confirmed: date | None = None) -> list[Heard]:
    at = midday(recorded or day)
    completion = identifier(f"{code} one")
    task = identifier(code)
    return [
        CompletionHeard(identifier(f"{code} one completed"), at, task, 1, completion, day),
        VerdictHeard(
            identifier(f"{code} one confirmed"),
            midday(confirmed) if confirmed else at + timedelta(hours=1),
            task,
            2,
            completion,
            CompletionState.CONFIRMED,
        ),
    ]


def only(heard: list[Heard], cutoff: date, code: str, *, as_of: datetime = LONG_AFTER) -> tuple[State, Timing, bool]:
    found = next(task for task in counted(heard, cutoff, as_of=as_of).tasks if task.task.code == code)
    return found.state, found.timing, found.is_due


def test_done_on_the_day_of_the_deadline_is_on_time_and_a_day_later_is_late() -> None:
    plan = the_sample()[0]
    on_the_day = [plan, *one_completion("TV23-11", date(2023, 1, 31))]
    a_day_later = [plan, *one_completion("TV23-11", date(2023, 2, 1))]
    assert only(on_the_day, END_OF_OCTOBER, "TV23-11") == (State.DONE, Timing.ON_TIME, True)
    assert only(a_day_later, END_OF_OCTOBER, "TV23-11") == (State.DONE, Timing.LATE, True)


def test_an_open_task_is_due_on_its_day_and_overdue_from_the_next() -> None:
    plan = [the_sample()[0]]
    assert only(plan, date(2023, 1, 27), "TV23-11") == (State.NOT_STARTED, Timing.IN_TIME, False)
    assert only(plan, date(2023, 1, 28), "TV23-11") == (State.NOT_STARTED, Timing.DUE_SOON, False)
    assert only(plan, date(2023, 1, 31), "TV23-11") == (State.NOT_STARTED, Timing.DUE_SOON, True)
    assert only(plan, date(2023, 2, 1), "TV23-11") == (State.NOT_STARTED, Timing.OVERDUE, True)


def test_a_product_dated_after_the_cut_off_does_not_count_yet() -> None:
    heard = [the_sample()[0], *one_completion("TV23-03", date(2023, 11, 1))]
    assert only(heard, END_OF_OCTOBER, "TV23-03")[0] is State.IN_PROGRESS
    assert only(heard, date(2023, 11, 1), "TV23-03")[0] is State.DONE


def test_the_day_of_confirmation_does_not_matter_for_the_cut_off_but_its_being_known_does() -> None:
    heard = [the_sample()[0], *one_completion("TV23-03", date(2023, 10, 20), confirmed=date(2023, 11, 20))]
    assert only(heard, END_OF_OCTOBER, "TV23-03")[0] is State.DONE
    before = midday(date(2023, 11, 19))
    assert only(heard, END_OF_OCTOBER, "TV23-03", as_of=before)[0] is State.AWAITING_CONFIRMATION


def test_a_plan_that_counts_when_reported_needs_no_confirmation() -> None:
    plan = PlanHeard(identifier("plan issued"), midday(date(2022, 12, 28)), the_plan("reported"))
    heard: list[Heard] = [plan, *one_completion("TV23-03", date(2023, 10, 20))[:1]]
    assert only(heard, END_OF_OCTOBER, "TV23-03")[0] is State.DONE


@pytest.mark.parametrize(
    ("verdict", "state"),
    [(CompletionState.RETURNED, State.RETURNED), (CompletionState.REOPENED, State.IN_PROGRESS)],
)
def test_a_completion_returned_or_undone_by_reopening_is_not_done(verdict: CompletionState, state: State) -> None:
    completion = identifier("TV23-03 one")
    undone = VerdictHeard(
        identifier("undone"), midday(date(2023, 10, 25)), identifier("TV23-03"), 3, completion, verdict
    )
    heard = [the_sample()[0], *one_completion("TV23-03", date(2023, 10, 20)), undone]
    assert only(heard, END_OF_OCTOBER, "TV23-03")[0] is state


def test_progress_noted_is_in_progress() -> None:
    noted = ProgressHeard(identifier("noted"), midday(date(2023, 10, 2)), identifier("TV23-03"), 1)
    assert only([the_sample()[0], noted], END_OF_OCTOBER, "TV23-03")[0] is State.IN_PROGRESS


def test_a_confirmation_heard_before_its_completion_counts_once_both_are_there() -> None:
    completion, confirmation = one_completion("TV23-03", date(2023, 10, 20))
    plan = the_sample()[0]
    assert only([confirmation, plan], END_OF_OCTOBER, "TV23-03")[0] is State.NOT_STARTED
    assert only([confirmation, plan, completion], END_OF_OCTOBER, "TV23-03")[0] is State.DONE


def test_a_task_without_a_day_is_never_due_and_never_late() -> None:
    plan = with_deadline("TV23-03", DeadlineFact("Khi có hướng dẫn", "event", None))
    heard: list[Heard] = [PlanHeard(identifier("plan issued"), midday(date(2022, 12, 28)), plan)]
    assert only(heard, date(2025, 1, 1), "TV23-03") == (State.NOT_STARTED, Timing.NO_DEADLINE, False)
    done = [*heard, *one_completion("TV23-03", date(2024, 2, 1))]
    assert only(done, date(2025, 1, 1), "TV23-03") == (State.DONE, Timing.ON_TIME, True)


def with_deadline(code: str, deadline: DeadlineFact) -> PlanFacts:
    plan = the_plan()
    tasks = tuple(replace(task, deadline=deadline) if task.code == code else task for task in plan.tasks)
    return replace(plan, tasks=tasks)


def test_a_later_version_of_the_plan_decides_from_the_moment_it_is_known() -> None:
    first, *completions = the_sample()
    plan = the_plan()
    shorter = replace(plan, version=2, tasks=plan.tasks[:37])
    amended = PlanHeard(identifier("plan amended"), datetime(2023, 11, 1, tzinfo=UTC), shorter)
    heard: list[Heard] = [amended, first, *completions]
    assert counted(heard, END_OF_OCTOBER).counts.total == 37
    assert counted(heard, END_OF_OCTOBER, as_of=datetime(2023, 10, 31, 12, tzinfo=UTC)).counts.total == 38


def test_a_task_led_by_several_units_counts_in_the_row_of_each() -> None:
    found = counted(the_sample(), END_OF_OCTOBER)
    task = next(task for task in found.tasks if task.task.code == "TV23-19")
    assert len(task.task.lead_units) == 3
    assert sum(group.counts.total for group in found.by_unit) == 40
    assert sum(group.counts.total for group in found.by_field) == 38


def test_fields_keep_the_order_and_names_of_the_programme() -> None:
    found = counted(the_sample(), END_OF_OCTOBER)
    assert [group.code for group in found.by_field] == ["I", "II", "III", "IV", "V", "VI", "VII"]
    assert found.by_field[1].name == "Cải cách thể chế"


def test_a_percent_is_rounded_half_up_or_cut() -> None:
    assert rate(29, 32, Rounding.HALF_UP).percent == Decimal("90.63")
    assert rate(29, 32, Rounding.CUT).percent == Decimal("90.62")
    assert rate(1359, 1660, Rounding.CUT).percent == Decimal("81.86")
    assert rate(0, 0, Rounding.CUT).percent is None


def test_the_states_sum_to_the_total_and_the_timings_to_the_open_tasks() -> None:
    counts: Counts = counted(the_sample(), END_OF_OCTOBER).counts
    open_states = counts.awaiting_confirmation + counts.returned + counts.in_progress + counts.not_started
    assert counts.done + open_states == counts.total
    assert counts.in_time + counts.due_soon + counts.overdue + counts.no_deadline == counts.unfinished
