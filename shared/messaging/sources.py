"""Where messages come from: the log, the parked ones, a dead letter that is replayed.

Each says inside the intake's transaction what it means for itself that a message was taken in, waits or is refused.
"""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database.tables import consumer_state, dead_letters, parked_messages
from shared.messaging.fates import Dead, Item
from shared.messaging.letters import bury, park
from shared.messaging.transports.port import LOG_TRIMMED


class Displaced(Exception):  # noqa: N818 -- errors say the refusal
    """Somebody else has taken these messages in; nothing is to be done with them."""


class Source(Protocol):
    """See the module."""

    async def open(self, connection: AsyncConnection, items: Sequence[Item]) -> None:
        """Claim `items` within the transaction.

        Raises:
            Displaced: they are somebody else's, or done.
        """

    async def done(self, connection: AsyncConnection, item: Item) -> None:
        """`item` is applied, or there was nothing to do."""

    async def wait(self, connection: AsyncConnection, item: Item, waits_for: str) -> None:
        """`item` waits."""

    async def refuse(self, connection: AsyncConnection, item: Item, why: Dead) -> None:
        """`item` is refused."""


class LiveBatch:
    """Messages of one partition, in order. The position moves in the transaction of the results."""

    def __init__(self, group: str, cluster: str) -> None:
        self._group, self._cluster = group, cluster

    async def open(self, connection: AsyncConnection, items: Sequence[Item]) -> None:
        first, last = items[0].received, items[-1].received
        state = consumer_state.c
        moved = await connection.execute(
            update(consumer_state)
            .where(
                state.consumer_group == self._group,
                state.topic == first.topic,
                state.partition == first.partition,
                state.cluster_id == self._cluster,
                state.position <= first.position,
            )
            .values(position=last.position + 1)
        )
        if moved.rowcount != 1:
            raise Displaced

    async def done(self, connection: AsyncConnection, item: Item) -> None:
        """The position says it."""

    async def wait(self, connection: AsyncConnection, item: Item, waits_for: str) -> None:
        await park(connection, self._group, self._cluster, item, waits_for)

    async def refuse(self, connection: AsyncConnection, item: Item, why: Dead) -> None:
        await bury(connection, self._group, self._cluster, item, why)


class ParkedBatch:
    """Messages that waited. `ids` and `clusters` are those of their rows, in the order of the items."""

    def __init__(self, group: str, rows: dict[int, tuple[int, str]]) -> None:
        self._group = group
        self._rows = rows  # by id(item)

    async def open(self, connection: AsyncConnection, items: Sequence[Item]) -> None:
        wanted = [self._rows[id(item)][0] for item in items]
        kept = parked_messages.c
        locked = select(kept.id).where(kept.id.in_(wanted)).order_by(kept.id).with_for_update(skip_locked=True)
        if len((await connection.execute(locked)).all()) != len(wanted):
            raise Displaced

    async def done(self, connection: AsyncConnection, item: Item) -> None:
        await connection.execute(delete(parked_messages).where(parked_messages.c.id == self._rows[id(item)][0]))

    async def wait(self, connection: AsyncConnection, item: Item, waits_for: str) -> None:
        row = parked_messages.c.id == self._rows[id(item)][0]
        await connection.execute(update(parked_messages).where(row).values(waits_for=waits_for))

    async def refuse(self, connection: AsyncConnection, item: Item, why: Dead) -> None:
        await bury(connection, self._group, self._rows[id(item)][1], item, why)
        await self.done(connection, item)


class Replay:
    """One dead letter that an operator sends again."""

    def __init__(self, group: str, cluster: str, number: int) -> None:
        self._group, self._cluster, self._number = group, cluster, number

    async def open(self, connection: AsyncConnection, items: Sequence[Item]) -> None:
        del items
        letter = dead_letters.c
        locked = select(letter.id).where(letter.id == self._number, letter.resolved_at.is_(None)).with_for_update()
        if (await connection.execute(locked)).one_or_none() is None:
            raise Displaced

    async def done(self, connection: AsyncConnection, item: Item) -> None:
        del item
        await self._resolve(connection, "replayed")

    async def wait(self, connection: AsyncConnection, item: Item, waits_for: str) -> None:
        await park(connection, self._group, self._cluster, item, waits_for)
        await self._resolve(connection, "parked")

    async def refuse(self, connection: AsyncConnection, item: Item, why: Dead) -> None:
        del item
        await connection.execute(
            update(dead_letters).where(dead_letters.c.id == self._number).values(replays=dead_letters.c.replays + 1)
        )
        await connection.execute(
            update(dead_letters)
            .where(dead_letters.c.id == self._number, dead_letters.c.reason_code != LOG_TRIMMED)
            .values(reason_code=why.code, reason=why.reason)
        )

    async def _resolve(self, connection: AsyncConnection, resolution: str) -> None:
        await connection.execute(
            update(dead_letters)
            .where(dead_letters.c.id == self._number)
            .values(replays=dead_letters.c.replays + 1, resolved_at=func.clock_timestamp(), resolution=resolution)
        )
