"""What a service's database tells of its health beyond the figures of /metrics; `cchc doctor` reads it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database.tables import outbox, parked_messages, relay_state

LATEST_EVENTS: Final = 100
OLD_PARKED: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Vitals:
    """One look at the database.

    Args:
        now: the database's clock.
        newest_event: when the newest of the latest events was recorded, by the clock of then.
        parked: messages that have waited for more than an hour.
        parked_for: how long the oldest of them has waited.
        parked_name: an example of what they wait for.
        published_to: identity of the log to which the relay publishes; None before its first look.
    """

    now: datetime
    newest_event: datetime | None
    parked: int
    parked_for: timedelta
    parked_name: str
    published_to: str | None


async def read_vitals(engine: AsyncEngine) -> Vitals:
    """Look at the tables; the first thing is the clock, so that the caller can compare it with its own.

    Raises:
        sqlalchemy.exc.DBAPIError: the database does not answer, or is not migrated.
    """
    latest = select(outbox.c.recorded_at).order_by(outbox.c.id.desc()).limit(LATEST_EVENTS).subquery()
    kept = parked_messages.c
    waited = func.clock_timestamp() - kept.parked_at
    async with engine.connect() as connection:
        now = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
        newest = await connection.scalar(select(func.max(latest.c.recorded_at)))
        parked = await connection.execute(
            select(func.count(), func.max(waited), func.min(kept.waits_for)).where(waited > OLD_PARKED)
        )
        count, longest, name = parked.one()
        published_to = await connection.scalar(select(relay_state.c.cluster_id))
    return Vitals(
        now=now,
        newest_event=newest,
        parked=count,
        parked_for=longest or timedelta(),
        parked_name=name or "",
        published_to=published_to,
    )
