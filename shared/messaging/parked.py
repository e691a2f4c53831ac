"""Messages that came too early, tried again when what they wait for is there."""

from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database.tables import parked_messages
from shared.messaging.fates import Item, Outcome
from shared.messaging.intake import Intake
from shared.messaging.letters import received_from, select_kept
from shared.messaging.sources import Displaced, ParkedBatch

BATCH = 200


async def apply_parked(engine: AsyncEngine, intake: Intake, group: str, names: Iterable[str] | None = None) -> int:
    """Take in what `group` has parked under `names` (None: under any); returns how many messages were tried.

    Of each name the oldest is tried first: while it still waits, the others of that name need not be touched. What is
    applied may release further names.

    Raises:
        Exception: the database is away (`fates.is_passing`).
    """
    waiting = deque(sorted(names) if names is not None else await _names(engine, group))
    tried = 0
    while waiting:
        name = waiting.popleft()
        after, size = 0, 1
        while rows := await _rows(engine, group, name, after, size):
            outcome = await _take_in(intake, group, rows)
            tried += len(rows)
            waiting.extend(sorted(outcome.released))
            if name in outcome.waiting:
                break
            after, size = rows[-1].id, BATCH
    return tried


async def _take_in(intake: Intake, group: str, rows: Sequence[Row[*tuple[Any, ...]]]) -> Outcome:
    items: list[Item] = []
    kept: dict[int, tuple[int, str]] = {}
    for row in rows:
        item = intake.look(received_from(row))
        items.append(item)
        kept[id(item)] = (row.id, row.cluster_id)
    with suppress(Displaced):  # another member is at it
        return await intake.take_in(ParkedBatch(group, kept), items)
    return Outcome()


async def _names(engine: AsyncEngine, group: str) -> list[str]:
    wanted = select(parked_messages.c.waits_for).where(parked_messages.c.consumer_group == group).distinct()
    async with engine.connect() as connection:
        return sorted((await connection.execute(wanted)).scalars())


async def _rows(engine: AsyncEngine, group: str, name: str, after: int, size: int) -> Sequence[Row[*tuple[Any, ...]]]:
    kept = parked_messages.c
    wanted = (
        select_kept(parked_messages)
        .where(kept.consumer_group == group, kept.waits_for == name, kept.id > after)
        .order_by(kept.id)
        .limit(size)
    )
    async with engine.connect() as connection:
        return (await connection.execute(wanted)).all()
