"""Figures of a plan, at any cut-off, as known at any moment."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.adapters.ledger import SqlLedger
from services.reporting.adapters.plans import SqlPlans
from services.reporting.domain.counting import before_known, figures
from services.reporting.domain.errors import AsOfInTheFuture, PlanNotFound
from services.reporting.domain.method import Method
from services.reporting.domain.presentation import Answer, figures_answer
from services.reporting.domain.sight import Viewer
from services.reporting.handlers import Desk, sight_of
from services.reporting.queries.engine import Engine
from shared.database.tables import consumer_progress

GROUP = "reporting"
"""The consumer group whose lag tells how far behind the figures are."""


@dataclass(frozen=True)
class Question:
    """Which figures: at the end of the day `cutoff`, as known at `as_of`."""

    cutoff: date
    as_of: datetime
    method: Method


async def progress(engine: Engine, desk: Desk, viewer: Viewer, plan_id: UUID, asked: Question) -> Answer:
    """Return a plan's figures. Before anything was known of the plan they are zeros.

    Raises:
        PlanNotFound: the plan was not heard of, or is out of sight.
        AsOfInTheFuture: `as_of` is later than now.
    """
    now = desk.clock.now()
    if asked.as_of > now:
        raise AsOfInTheFuture
    async with engine.connect() as connection:
        plans = SqlPlans(connection)
        entry = await plans.find(plan_id)
        seen = await sight_of(plans, viewer)
        if entry is None or not seen.sees(entry.unit_code):
            raise PlanNotFound
        ledger = SqlLedger(connection)
        known = (await ledger.read(plan_id, asked.as_of)).known
        plan = known.plan
        if plan is None:
            later = (await ledger.read(plan_id, now)).known.plan
            if later is None:
                raise PlanNotFound
            plan = before_known(later)
        behind = await behind_seconds(connection, now)
    found = figures(plan, known, asked.cutoff, asked.method)
    return {
        "plan": {"id": str(plan_id), "title": entry.title, "unit": entry.unit_code, "year": entry.year},
        **figures_answer(found, desk.rule, seen.rows_of(entry.unit_code)),
        "as_of": asked.as_of.isoformat(),
        "behind_seconds": behind,
    }


async def behind_seconds(connection: AsyncConnection, now: datetime) -> float | None:
    """Return how old the figures may be: since when the event log has not been seen read to its end.

    Without lag it is the time since the worker last looked, with lag the age of the last event taken in; the worst
    partition counts. None: the worker has never looked, or has not taken in anything yet.
    """
    found = consumer_progress.c
    rows = await connection.execute(
        select(found.lag, found.last_event_time, found.checked_at).where(found.consumer_group == GROUP)
    )
    ages: list[float] = []
    for row in rows:
        since = row.checked_at if row.lag == 0 else row.last_event_time
        if since is None:
            return None
        ages.append(max(0.0, (now - since).total_seconds()))
    return round(max(ages), 3) if ages else None
