"""Random plans and histories: the figures equal an independent recount at every cut-off and every moment."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.reporting.domain.counting import Figures, figures
from services.reporting.domain.facts import (
    CompletionState,
    DeadlineFact,
    DocumentFact,
    FieldFact,
    PlanFacts,
    TaskFacts,
    UnitFact,
)
from services.reporting.domain.fold import CompletionHeard, Heard, PlanHeard, ProgressHeard, VerdictHeard, known_at
from services.reporting.domain.method import Method, Rounding, StandingTasks
from tests.unit.reporting.recount import Story, recount

pytestmark = pytest.mark.slow(15)

YEAR = 2023
FIRST_DAY, LAST_DAY = date(YEAR, 1, 1), date(YEAR + 1, 2, 15)
DAYS = st.dates(FIRST_DAY, LAST_DAY)
BEFORE_ALL = datetime(2022, 12, 1, tzinfo=UTC)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[dict[str, Any]], Story, bool]:
    """Draw the tasks of a plan, the story of each (its versions in time order), and the plan's counting rule."""
    tasks = []
    story: Story = []
    for number in range(draw(st.integers(1, 8))):
        tasks.append(
            {
                "id": number,
                "standing": draw(st.booleans()),
                "due": draw(st.none() | DAYS),
                "field": draw(st.sampled_from(["I", "II", "III"])),
                "leads": draw(st.lists(st.sampled_from(["A", "B", "C"]), min_size=1, max_size=3)),
            }
        )
        story += draw(task_stories(number))
    return tasks, story, draw(st.booleans())


@st.composite
def task_stories(draw: st.DrawFn, task: int) -> Story:
    """Draw one task's life: completed, then confirmed, returned or reopened, completed again; moments may tie."""
    lines: Story = []
    at = datetime(YEAR, 1, 1, tzinfo=UTC)
    attempt = 0
    for version in range(1, draw(st.integers(0, 7)) + 1):
        at += timedelta(hours=draw(st.integers(0, 24 * 80)))
        last = lines[-1]["what"] if lines else "none"
        what = draw(st.sampled_from(following(last)))
        attempt += what == "completed"
        lines.append(
            {
                "event": UUID(int=task * 1000 + version),
                "task": task,
                "version": version,
                "at": at,
                "what": what,
                "completion": None if what == "progressed" else f"{task}/{attempt}",
                "day": draw(DAYS),
            }
        )
    return lines


def following(last: str) -> list[str]:
    """What the tasks service allows next; a note of progress is left out once a completion waits."""
    return {
        "completed": ["confirmed", "returned"],
        "confirmed": ["reopened"],
    }.get(last, ["completed", "progressed", "completed"])


def as_heard(tasks: list[dict[str, Any]], story: Story, *, confirm_needed: bool) -> list[Heard]:
    plan = PlanFacts(
        id=UUID(int=1),
        version=1,
        unit=UnitFact("T", "Tỉnh"),
        year=YEAR,
        title="Kế hoạch",
        fields=(FieldFact("I", "Một"), FieldFact("II", "Hai")),
        counts_when="confirmed" if confirm_needed else "reported",
        document=DocumentFact("1/QĐ-UBND", FIRST_DAY),
        tasks=tuple(
            TaskFacts(
                id=UUID(int=10_000 + task["id"]),
                code=str(task["id"]),
                number=str(task["id"] + 1),
                field=task["field"],
                title="Việc",
                lead_units=tuple(UnitFact(code, code) for code in task["leads"]),
                deadline=DeadlineFact("", "recurring" if task["standing"] else "date", task["due"]),
            )
            for task in tasks
        ),
    )
    return [PlanHeard(UUID(int=10**9), BEFORE_ALL, plan), *(one_heard(line) for line in story)]


def one_heard(line: dict[str, Any]) -> Heard:
    event, at, version, task = line["event"], line["at"], line["version"], UUID(int=10_000 + line["task"])
    if line["what"] == "progressed":
        return ProgressHeard(event, at, task, version)
    completion = UUID(bytes=str(line["completion"]).encode().ljust(16, b"-"))
    if line["what"] == "completed":
        return CompletionHeard(event, at, task, version, completion, line["day"])
    return VerdictHeard(event, at, task, version, completion, CompletionState(line["what"]))


def published(found: Figures) -> dict[str, Any]:
    """The figures under the recount's names."""
    counts = found.counts
    names = ("total", "done", "done_on_time", "done_late", "due", "overdue")
    return {
        **{name: getattr(counts, name) for name in names},
        "rates": {name: getattr(counts, name).percent for name in ("done_of_total", "done_of_due", "on_time_of_done")},
        "fields": {group.code: (group.counts.total, group.counts.done) for group in found.by_field},
        "units": {group.code: (group.counts.total, group.counts.done) for group in found.by_unit},
    }


def counted(heard: list[Heard], cutoff: date, as_of: datetime, method: Method) -> Figures:
    knowledge = known_at(heard, as_of)
    assert knowledge.plan is not None
    return figures(knowledge.plan, knowledge, cutoff, method)


@settings(max_examples=200, deadline=None)
@given(world=worlds(), cutoffs=st.lists(DAYS, min_size=1, max_size=4), seed=st.integers(0, 1_000_000))
def test_figures_equal_an_independent_recount_whatever_the_order_and_however_often_heard(
    world: tuple[list[dict[str, Any]], Story, bool], cutoffs: list[date], seed: int
) -> None:
    tasks, story, confirm_needed = world
    chance = random.Random(seed)  # noqa: S311 -- a shuffle, not a secret
    heard = as_heard(tasks, story, confirm_needed=confirm_needed)
    heard += chance.choices(heard, k=len(heard))
    chance.shuffle(heard)
    moments = [BEFORE_ALL, *(line["at"] for line in story), datetime(2030, 1, 1, tzinfo=UTC)]
    edges = {task["due"] for task in tasks if task["due"]} | {date(YEAR, 12, 31), *cutoffs}
    for cutoff in edges:
        for as_of in moments:
            for standing in StandingTasks:
                rounding = chance.choice(list(Rounding))
                expected = recount(
                    tasks,
                    story,
                    year=YEAR,
                    confirm_needed=confirm_needed,
                    c=cutoff,
                    a=as_of,
                    standing_rule=standing.value,
                    rounding=rounding.value,
                )
                assert published(counted(heard, cutoff, as_of, Method(standing, rounding))) == expected


@settings(max_examples=100, deadline=None)
@given(world=worlds(), cutoff=DAYS, standing=st.sampled_from(StandingTasks))
def test_the_parts_sum_to_the_whole(
    world: tuple[list[dict[str, Any]], Story, bool], cutoff: date, standing: StandingTasks
) -> None:
    tasks, story, confirm_needed = world
    heard = as_heard(tasks, story, confirm_needed=confirm_needed)
    found = counted(heard, cutoff, datetime(2030, 1, 1, tzinfo=UTC), Method(standing))
    whole = found.counts
    for name in ("total", "done", "done_on_time", "done_late", "due", "overdue", "in_progress", "not_started"):
        assert sum(getattr(group.counts, name) for group in found.by_field) == getattr(whole, name)
    assert whole.done_on_time + whole.done_late == whole.done
    open_states = whole.awaiting_confirmation + whole.returned + whole.in_progress + whole.not_started
    assert whole.done + open_states == whole.total
    assert whole.in_time + whole.due_soon + whole.overdue + whole.no_deadline == whole.total - whole.done
    assert whole.overdue <= whole.due - whole.done


@settings(max_examples=100, deadline=None)
@given(world=worlds(), cutoff=DAYS, cut=st.integers(0, 60))
def test_events_recorded_later_never_change_an_older_as_of(
    world: tuple[list[dict[str, Any]], Story, bool], cutoff: date, cut: int
) -> None:
    tasks, story, confirm_needed = world
    heard = as_heard(tasks, story, confirm_needed=confirm_needed)
    by_time = sorted(heard, key=lambda event: event.recorded_at)
    then = by_time[min(cut, len(by_time) - 1)].recorded_at
    known_then = [event for event in heard if event.recorded_at <= then]
    assert counted(heard, cutoff, then, Method()) == counted(known_then, cutoff, then, Method())
