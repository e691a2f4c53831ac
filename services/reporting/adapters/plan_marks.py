"""Marks of progress: the first time that a plan's done tasks reach a share of its total is an event, told once.

Counted after the events that may have moved the figures are committed, by the service's own counting; the mark, the
event and the deliveries that tell of it are one transaction. A plan that was issued long before it is counted for the
first time (an upgrade, a refilled log) has passed its marks silently.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.reporting.adapters.ledger import SqlLedger
from services.reporting.adapters.tables import ledger
from services.reporting.adapters.webhook_bodies import News
from services.reporting.adapters.webhook_fanout import FanOut
from services.reporting.adapters.webhook_tables import plan_marks, plans_to_count
from services.reporting.domain.counting import Counts, figures
from services.reporting.domain.method import Method
from services.reporting.domain.webhooks.matching import is_news
from services.reporting.domain.webhooks.progress import COUNTED_AT_ALL, marks_passed
from shared.clock import Clock, vietnam_date
from shared.contracts.plans import PlanIssuedV1
from shared.contracts.reports import PlanProgressReachedV1
from shared.ids import Ids
from shared.messaging.backoff import pause
from shared.messaging.outbox import Outbox
from shared.messaging.status import kind_of

LOOK_EVERY: Final = 1.0
REST: Final = 20
"""Counting takes at most one part in so many of the process's time: the sender beside it is to go on."""
AHEAD: Final = timedelta(hours=1)
"""Events of publishers whose clock is ahead of ours count too."""
SOURCE: Final = "/cchc/reporting"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PlanMarks:
    """A worker's part; of several, one counts a plan at a time.

    Args:
        engine: the service's database.
        clock: the moment of counting, and its day the cut-off.
        ids: makes the events' identifiers.
        fan_out: decides who is told.
        method: how plans are counted.
        marks: percents.
    """

    engine: AsyncEngine
    clock: Clock
    ids: Ids
    fan_out: FanOut
    method: Method
    marks: Sequence[int]

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set."""
        while not stop.is_set():
            began = time.monotonic()
            try:
                await self.count_all(stop)
            except (SQLAlchemyError, OSError) as error:
                _log.warning("marks of progress not counted", reason=kind_of(error))
            await pause(stop, max(LOOK_EVERY, REST * (time.monotonic() - began)))

    async def count_all(self, stop: asyncio.Event) -> None:
        """Count every plan whose figures may have moved."""
        async with self.engine.connect() as connection:
            plan_ids = (await connection.execute(select(plans_to_count.c.plan_id))).scalars().all()
        for plan_id in plan_ids:
            if stop.is_set():
                return
            async with self.engine.begin() as connection:
                taken = delete(plans_to_count).where(plans_to_count.c.plan_id == plan_id)
                if (await connection.execute(taken)).rowcount:
                    await self._count(connection, plan_id)

    async def _count(self, connection: AsyncConnection, plan_id: UUID) -> None:
        mark = plan_marks.c
        before = set((await connection.execute(select(mark.threshold).where(mark.plan_id == plan_id))).scalars())
        if before >= {COUNTED_AT_ALL, *self.marks}:
            return
        now = self.clock.now()
        reading = await SqlLedger(connection).read(plan_id, now + AHEAD)
        plan = reading.known.plan
        if plan is None or reading.last_time is None:
            return  # it will be counted when it is heard
        counts = figures(plan, reading.known, vietnam_date(now), self.method).counts
        passed = [each for each in marks_passed(counts.done, counts.total, self.marks) if each not in before]
        rows = [{"plan_id": plan_id, "threshold": each, "passed_at": now} for each in (COUNTED_AT_ALL, *passed)]
        await connection.execute(insert(plan_marks).values(rows).on_conflict_do_nothing())
        since = reading.last_time if COUNTED_AT_ALL in before else await _issued_at(connection, plan_id)
        if passed and is_news(min(since, reading.last_time), now, self.fan_out.oldest):
            for threshold in passed:
                await self._announce(connection, plan_id, threshold, counts, now)

    async def _announce(
        self, connection: AsyncConnection, plan_id: UUID, threshold: int, counts: Counts, now: datetime
    ) -> None:
        data = PlanProgressReachedV1(plan_id=plan_id, threshold=threshold, total=counts.total, done=counts.done)
        outbox = Outbox(connection, source=SOURCE, ids=self.ids)
        event_id = await outbox.add(data, subject=str(plan_id), key=str(plan_id), time=now)
        await self.fan_out.tell(connection, [News(event_id, now, data)])


async def _issued_at(connection: AsyncConnection, plan_id: UUID) -> datetime:
    row = ledger.c
    statement = select(func.min(row.time)).where(row.plan_id == plan_id, row.type == PlanIssuedV1.event_type)
    moment: datetime = (await connection.execute(statement)).scalar_one()
    return moment
