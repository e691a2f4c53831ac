"""Dead letters for operators: list, show, replay after repair, discard with a reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.clock import Clock, SystemClock
from shared.database.tables import dead_letters
from shared.messaging.intake import Intake
from shared.messaging.letters import received_from, select_kept
from shared.messaging.parked import apply_parked
from shared.messaging.sources import Displaced, Replay
from shared.messaging.subscription import Subscription
from shared.messaging.transports.port import Received


class NoSuchLetter(LookupError):  # noqa: N818 -- errors say the refusal
    """No dead letter of this service has that number, or it is resolved already."""


@dataclass(frozen=True)
class DeadLetter:
    """One line of the list: what it claims to be and why it was refused, nothing of its content."""

    id: int
    group: str
    topic: str
    partition: int
    position: int
    event_id: str | None
    type: str | None
    reason_code: str
    reason: str
    dead_at: datetime
    replays: int
    resolution: str | None


async def list_letters(
    engine: AsyncEngine, *, group: str | None = None, resolved: bool = False, after: int = 0, limit: int = 100
) -> Sequence[DeadLetter]:
    """Return open dead letters (with `resolved` the resolved ones too) with numbers above `after`, oldest first."""
    letter = dead_letters.c
    wanted = _select().where(letter.id > after).order_by(letter.id).limit(limit)
    if group is not None:
        wanted = wanted.where(letter.consumer_group == group)
    if not resolved:
        wanted = wanted.where(letter.resolved_at.is_(None))
    async with engine.connect() as connection:
        return [DeadLetter(*row) for row in await connection.execute(wanted)]


async def show_letter(engine: AsyncEngine, number: int) -> tuple[DeadLetter, Received]:
    """Return a dead letter and the whole message, resolved or not.

    Raises:
        NoSuchLetter: there is none.
    """
    async with engine.connect() as connection:
        line = (await connection.execute(_select().where(dead_letters.c.id == number))).one_or_none()
        kept = (await connection.execute(select_kept(dead_letters).where(dead_letters.c.id == number))).one_or_none()
    if line is None or kept is None:
        raise NoSuchLetter(number)
    return DeadLetter(*line), received_from(kept)


async def replay_letter(
    engine: AsyncEngine, subscription: Subscription, number: int, *, clock: Clock | None = None
) -> str:
    """Send a dead letter the way of every message again; safe beside running consumers.

    Returns what became of it: `handled`; `repeated` (its event was applied meanwhile); `passed` (its type has no
    handler); `parked` (kept, waiting for an earlier event); `dead` (refused again, the letter stays with the new
    reason). All but the last resolve the letter.

    Raises:
        NoSuchLetter: there is no open letter of that number in the subscription's group.
    """
    wanted = select_kept(dead_letters).where(
        dead_letters.c.id == number,
        dead_letters.c.consumer_group == subscription.group,
        dead_letters.c.resolved_at.is_(None),
    )
    async with engine.connect() as connection:
        row = (await connection.execute(wanted)).one_or_none()
    if row is None:
        raise NoSuchLetter(number)
    intake = Intake(engine, subscription, clock or SystemClock(), dead_in_a_row=2)
    try:
        outcome = await intake.take_in(
            Replay(subscription.group, row.cluster_id, number), [intake.look(received_from(row))]
        )
    except Displaced as error:
        raise NoSuchLetter(number) from error
    if names := outcome.released | outcome.waiting:
        await apply_parked(engine, intake, subscription.group, names)
    (fate,) = outcome.counts
    return fate


async def discard_letter(engine: AsyncEngine, number: int, why: str) -> None:
    """Resolve a dead letter without applying it; the message and the reason stay.

    Raises:
        NoSuchLetter: there is no open letter of that number.
    """
    letter = dead_letters.c
    async with engine.begin() as connection:
        done = await connection.execute(
            update(dead_letters)
            .where(letter.id == number, letter.resolved_at.is_(None))
            .values(resolved_at=func.clock_timestamp(), resolution=f"discarded: {why}")
        )
    if done.rowcount != 1:
        raise NoSuchLetter(number)


def _select() -> Select[*tuple[Any, ...]]:
    letter = dead_letters.c
    return select(
        letter.id,
        letter.consumer_group,
        letter.topic,
        letter.partition,
        letter.position,
        letter.event_id,
        letter.type,
        letter.reason_code,
        letter.reason,
        letter.dead_at,
        letter.replays,
        letter.resolution,
    )
