"""What the plumbing tables say about the flow of events; read for /metrics and /health/ready."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database.tables import consumer_progress, dead_letters, outbox, parked_messages, worker_status

_UNPUBLISHED: Final = (
    select(
        func.count().label("depth"),
        func.coalesce(func.extract("epoch", func.clock_timestamp() - func.min(outbox.c.recorded_at)), 0).label("age"),
    )
    .select_from(outbox)
    .where(outbox.c.published_at.is_(None))
)
_LAGS: Final = select(
    consumer_progress.c.consumer_group,
    consumer_progress.c.topic,
    consumer_progress.c.partition,
    consumer_progress.c.lag,
).order_by(consumer_progress.c.consumer_group, consumer_progress.c.topic, consumer_progress.c.partition)
_DEAD: Final = (
    select(dead_letters.c.consumer_group, dead_letters.c.reason_code, func.count().label("letters"))
    .where(dead_letters.c.resolved_at.is_(None))
    .group_by(dead_letters.c.consumer_group, dead_letters.c.reason_code)
)
_PARKED: Final = select(parked_messages.c.consumer_group, func.count().label("messages")).group_by(
    parked_messages.c.consumer_group
)
_WORKERS: Final = select(
    worker_status.c.part,
    worker_status.c.state,
    worker_status.c.detail,
    worker_status.c.beat_at,
    func.extract("epoch", func.clock_timestamp() - worker_status.c.beat_at).label("age"),
).order_by(worker_status.c.part)


@dataclass(frozen=True)
class Lag:
    """How many messages of a partition a consumer has not read yet."""

    group: str
    topic: str
    partition: int
    messages: int


@dataclass(frozen=True)
class WorkerPart:
    """The last sign of life of a part of the worker; `age` in seconds, by the database's clock."""

    part: str
    state: str
    detail: str
    beat_at: datetime
    age: float


@dataclass(frozen=True)
class PlumbingState:
    """The tables at one moment. `oldest_unpublished` is in seconds, 0 with an empty outbox."""

    unpublished: int
    oldest_unpublished: float
    lags: tuple[Lag, ...]
    dead_letters: tuple[tuple[str, str, int], ...]
    parked: tuple[tuple[str, int], ...]
    workers: tuple[WorkerPart, ...]


async def read_plumbing_state(connection: AsyncConnection) -> PlumbingState:
    """Read everything; five small queries on indexes and short tables."""
    waiting = (await connection.execute(_UNPUBLISHED)).one()
    lags = (await connection.execute(_LAGS)).all()
    dead = (await connection.execute(_DEAD)).all()
    parked = (await connection.execute(_PARKED)).all()
    workers = (await connection.execute(_WORKERS)).all()
    return PlumbingState(
        unpublished=waiting.depth,
        oldest_unpublished=max(0.0, float(waiting.age)),
        lags=tuple(Lag(row.consumer_group, row.topic, row.partition, row.lag) for row in lags),
        dead_letters=tuple((row.consumer_group, row.reason_code, row.letters) for row in dead),
        parked=tuple((row.consumer_group, row.messages) for row in parked),
        workers=tuple(WorkerPart(row.part, row.state, row.detail, row.beat_at, float(row.age)) for row in workers),
    )
