"""R9: events come twice to five times, in another order, and some of them much later than the rest."""

import asyncio
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid5

from pydantic import SecretStr
from sqlalchemy import text

from services.reporting.adapters.event_mapping import heard
from services.reporting.adapters.ledger import SqlLedger
from services.reporting.consumers import SUBSCRIPTION
from services.reporting.domain.counting import figures
from services.reporting.domain.facts import Knowledge
from services.reporting.domain.fold import Heard, known_at
from services.reporting.domain.method import Method, Rounding, StandingTasks
from shared.contracts.tasks import (
    CompletionConfirmedV1,
    CompletionReturnedV1,
    TaskCompletedV1,
    TaskProgressedV1,
    TaskReopenedV1,
)
from shared.contracts.topics import PLANS, TASKS
from shared.database.engine import Engine, create_engine
from shared.messaging.consumer import Consumer
from shared.messaging.transports.port import Record
from shared.messaging.transports.postgres_log import PostgresLog
from tests.drills.ground import Run
from tests.drills.tally import Tally
from tests.support.reporting_service import ACTOR, IDS, Told, message, task_id, the_sample_plan
from tests.unit.reporting import sample_plan
from tests.unit.reporting.recount import Story, recount

T = TypeVar("T")
NAMESPACE = UUID("0190d4d2-0000-7000-8000-000000000009")
FACTS = sample_plan.the_plan()
THE_TASKS: list[dict[str, Any]] = [
    {
        "id": task.code,
        "standing": task.is_standing,
        "due": task.deadline.day,
        "field": task.field,
        "leads": [unit.code for unit in task.lead_units],
    }
    for task in FACTS.tasks
]
"""The model plan as the recount reads it."""
CODES = [task.code for task in FACTS.tasks]
TASKS_A_STORY = 6
STILL = 30.0
CUTOFFS = (date(2023, 6, 30), date(2023, 10, 31), date(2023, 12, 31))
LATER = datetime(2024, 6, 1, tzinfo=UTC)
NEXT = {"completed": ("confirmed", "returned"), "confirmed": ("reopened",)}
CONTRACTS: dict[str, type[Any]] = {
    "progressed": TaskProgressedV1,
    "completed": TaskCompletedV1,
    "confirmed": CompletionConfirmedV1,
    "returned": CompletionReturnedV1,
    "reopened": TaskReopenedV1,
}


async def drill(run: Run) -> Tally:
    """Play `schedules` in process against the real fold and figures, `on_disk` of them through log and consumer."""
    tally = Tally()
    plan_id = IDS.new()
    [issued] = _as_heard([the_sample_plan(plan_id)])
    for number in range(run.size["schedules"]):
        story = a_story(run.dice)
        told = disturbed([issued, *_as_heard(events_of(plan_id, story))], run.dice)
        _compare(tally, plan_id, story, known_at(told, LATER), number)
        run.line.step(tally.sent, "in process")
        await asyncio.sleep(0)
    await _through_the_log(run, tally)
    tally.faults = run.size["schedules"] + run.size["on_disk"]
    return tally


def a_story(dice: random.Random) -> Story:
    """Return what happens to some tasks of the model plan, as the tasks service could tell it."""
    story: Story = []
    for code in dice.sample(CODES, TASKS_A_STORY):
        at, last, attempt = datetime(2023, 1, 3, 2, tzinfo=UTC), "none", 0
        for version in range(1, dice.randint(2, 8)):
            at += timedelta(hours=dice.randint(1, 24 * 50))
            last = dice.choice(NEXT.get(last, ("completed", "completed", "progressed")))
            attempt += last == "completed"
            story.append(
                {
                    "event": IDS.new(),
                    "task": code,
                    "version": version,
                    "at": at,
                    "what": last,
                    "completion": None if last == "progressed" else uuid5(NAMESPACE, f"{code}/{attempt}"),
                    "day": date(2023, 1, 3) + timedelta(days=dice.randint(0, 362)),
                }
            )
    return sorted(story, key=lambda line: line["at"])


def events_of(plan_id: UUID, story: Story) -> list[Told]:
    """Return the story as published events, in their order."""
    return [_told(plan_id, line) for line in story]


def _told(plan_id: UUID, line: dict[str, Any]) -> Told:
    said = {
        "plan_id": plan_id,
        "task_id": task_id(plan_id, line["task"]),
        "version": line["version"],
        "actor": ACTOR,
        "recorded_at": line["at"],
        "completion_id": line["completion"],
        "completed_on": line["day"],
        "reported_at": line["at"],
        "reason": "Thiếu văn bản",
        "note": "Đang làm",
    }
    contract = CONTRACTS[line["what"]]
    return Told(
        contract(**{name: said[name] for name in said if name in contract.model_fields}), line["at"], line["event"]
    )


def disturbed(ordered: list[T], dice: random.Random) -> list[T]:
    """Return the same with repeats, another order inside a window, and gaps that are filled at the end."""
    window = dice.choice((0, 3, 10, len(ordered)))
    copies = [(place, each) for place, each in enumerate(ordered) for _ in range(dice.choice((1, 1, 1, 2, 3, 4, 5)))]
    late = [place for place in range(len(ordered)) if dice.random() < 0.15]
    moved = [(place + dice.uniform(0, window) + 2 * len(ordered) * (place in late), each) for place, each in copies]
    return [each for _, each in sorted(moved, key=lambda pair: pair[0])]


def _as_heard(told: list[Told]) -> list[Heard]:
    found = (
        heard(type(each.data).event_type, each.event_id, each.at, each.data.model_dump(mode="json", by_alias=True))
        for each in told
    )
    return [each for each in found if each is not None]


def _compare(tally: Tally, plan_id: UUID, story: Story, known: Knowledge, number: int) -> None:
    """Compare the figures with the recount of the ordered story, at three cut-offs."""
    tally.sent += sum(line["what"] == "completed" for line in story)
    if known.plan is None or known.plan.id != plan_id:
        tally.complaints.append(f"schedule {number}: the plan is not known")
        return
    for cutoff in CUTOFFS:
        expected = recount(
            THE_TASKS,
            story,
            year=2023,
            confirm_needed=True,
            c=cutoff,
            a=LATER,
            standing_rule="period_met",
            rounding="half_up",
        )
        found = figures(known.plan, known, cutoff, Method(StandingTasks.PERIOD_MET, Rounding.HALF_UP)).counts
        for name in ("total", "done", "done_on_time", "done_late", "due", "overdue"):
            if getattr(found, name) != expected[name]:
                tally.complaints.append(
                    f"schedule {number}, {cutoff}, {name}: {getattr(found, name)}, not {expected[name]}"
                )
        tally.lost += max(0, expected["done"] - found.done)
        tally.twice += max(0, found.done - expected["done"])


async def _through_the_log(run: Run, tally: Tally) -> None:
    """Publish disturbed schedules to a real log; the real consumer takes them into a real ledger."""
    stories = {IDS.new(): a_story(run.dice) for _ in range(run.size["on_disk"])}
    engine = create_engine(
        SecretStr(await run.ground.database("shared.messaging", "services.reporting")), application_name="drill"
    )
    log = PostgresLog(SecretStr(await run.ground.database("shared.messaging.transports")), deadline=10)
    await log.start()
    await log.ensure_topics([PLANS, TASKS])
    stop = asyncio.Event()
    consumer = asyncio.create_task(Consumer(engine, log, SUBSCRIPTION).run(stop))
    events = 0
    try:
        for plan_id, story in stories.items():
            ordered = [the_sample_plan(plan_id), *events_of(plan_id, story)]
            events += len(ordered)
            await log.publish([_record(each) for each in disturbed(ordered, run.dice)])
        await _heard(engine, events)
        for number, (plan_id, story) in enumerate(stories.items()):
            async with engine.connect() as connection:
                reading = await SqlLedger(connection).read(plan_id, LATER)
            _compare(tally, plan_id, story, reading.known, number)
            run.line.step(tally.sent, "through log and consumer")
        rows = await _rows(engine)
        tally.lost, tally.twice = tally.lost + max(0, events - rows), tally.twice + max(0, rows - events)
    finally:
        stop.set()
        await consumer
        await log.stop()
        await engine.dispose()


def _record(told: Told) -> Record:
    _, received = message(told)
    headers = {name: str(value) for name, value in received.headers.items()}
    return Record(received.topic, (received.key or b"").decode(), headers, received.value or b"")


async def _heard(engine: Engine, events: int) -> None:
    """Wait until the ledger has so many rows, or has not grown for half a minute."""
    loop = asyncio.get_running_loop()
    rows, moved = 0, loop.time()
    while rows < events and loop.time() - moved < STILL:
        await asyncio.sleep(0.05)
        now = await _rows(engine)
        rows, moved = now, loop.time() if now != rows else moved


async def _rows(engine: Engine) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM ledger")) or 0)
