"""R14: the present readers read events of every past version; readers of every past version read present events."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr
from sqlalchemy import text

from services.reporting.consumers import SUBSCRIPTION as REPORTING
from services.tasks.consumers import SUBSCRIPTION as TASKS_SERVICE
from shared.clock import FixedClock
from shared.contracts.registry import CONTRACTS
from shared.database.engine import create_engine
from shared.messaging.decoding import decode
from shared.messaging.intake import Intake
from shared.messaging.sources import LiveBatch
from shared.messaging.subscription import Subscription
from tests.drills.ground import Run
from tests.drills.old_reader import complaints, readers
from tests.drills.tally import Tally
from tests.support.event_logs import fetch
from tests.support.samples import Sample, samples

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LISTENERS: Mapping[str, Subscription] = {"reporting": REPORTING, "tasks": TASKS_SERVICE}


async def drill(run: Run) -> Tally:
    """Read every sample as each service does, and every event of the running system as its first readers would."""
    tally = Tally()
    for service, subscription in LISTENERS.items():
        await _hear_all(run, tally, service, subscription)
    if {sample.type for sample in samples()} < set(CONTRACTS) or set(readers()) < set(CONTRACTS):
        tally.complaints.append("a published type has no sample, or no frozen reader")
    for sample in samples():
        _read_by_the_old(tally, sample.type, _as_published_today(sample))
        run.line.step(tally.sent, "samples")
    for kind, value in await _published(run):
        _read_by_the_old(tally, kind, value)
    return tally


async def _hear_all(run: Run, tally: Tally, service: str, subscription: Subscription) -> None:
    """Take every sample that the service hears in, through its real subscription, each as a partition's first."""
    dsn = await run.ground.database("shared.messaging", f"services.{service}")
    engine = create_engine(SecretStr(dsn), application_name="drill", pool_size=1)
    intake = Intake(engine, subscription, FixedClock(NOW), dead_in_a_row=100)
    heard = [sample for sample in samples() if sample.type in subscription.handlers]
    try:
        for partition, sample in enumerate(heard):
            async with engine.begin() as connection:
                place = {"g": subscription.group, "t": sample.topic, "p": partition}
                await connection.execute(text("INSERT INTO consumer_state VALUES (:g, :t, :p, 'c', 0)"), place)
            item = intake.look(replace(sample.received(), partition=partition))
            outcome = await intake.take_in(LiveBatch(subscription.group, "c"), [item])
            tally.faults += 1
            tally.sent += 1
            if outcome.counts != {"handled": 1}:
                tally.lost += 1
                tally.complaints.append(f"{service} does not read the past {sample.type}: {outcome.counts}")
    finally:
        await engine.dispose()


def _as_published_today(sample: Sample) -> bytes:
    """Return what the present publisher writes of the same facts."""
    data = decode(sample.received(), now=NOW).data
    written: str = data.model_dump_json(by_alias=True, exclude_none=True)
    return written.encode()


async def _published(run: Run) -> list[tuple[str, bytes]]:
    """Return all that the running system has published so far, by the processes of today."""
    system = (await run.site()).system
    rows: list[Any] = []
    for service in ("plans", "tasks", "reporting"):
        rows += await fetch(system, service, "SELECT type, value FROM outbox")
    return [(row["type"], bytes(row["value"])) for row in rows]


def _read_by_the_old(tally: Tally, kind: str, value: bytes) -> None:
    tally.faults += 1
    tally.sent += 1
    if found := complaints(kind, value):
        tally.lost += 1
        tally.complaints.append(f"the first reader of {kind} cannot read today's: {found[:3]}")
