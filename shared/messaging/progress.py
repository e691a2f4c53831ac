"""How far a consumer is, written about once a second: reports say from it how far behind they may be."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts.envelope import Event
from shared.database.tables import consumer_progress
from shared.messaging.transports.port import Partition, Reader, Standing

MOMENT = 0.5
"""Seconds."""


class Progress:
    """Positions and event times of one member since its start."""

    def __init__(self, engine: AsyncEngine, group: str) -> None:
        self._engine = engine
        self._group = group
        self._taken: dict[Partition, int] = {}
        self._times: dict[Partition, datetime] = {}
        self._writing: asyncio.Task[None] | None = None

    def note(self, place: Partition, next_position: int, last: Event[Any] | None) -> None:
        """Remember that everything before `next_position` is taken in, and when the last event of it happened."""
        self._taken[place] = next_position
        if last is not None:
            self._times[place] = last.attributes.time

    async def go_on(self, reader: Reader) -> None:
        """Begin to write how far the reader is, unless that is still under way.

        Beside the taking in: a broker that is asked where its log ends answers when its long poll is over.

        Raises:
            LogUnavailable: the log did not answer the last time.
            sqlalchemy.exc.DBAPIError: the database did not.
        """
        if self._writing is not None and not self._writing.done():
            return
        written, self._writing = self._writing, None
        if written is not None:
            await written
        self._writing = asyncio.create_task(self._ask_and_write(reader))

    async def stop(self) -> None:
        """End what is under way, a moment given."""
        writing, self._writing = self._writing, None
        if writing is not None:
            await asyncio.wait([writing], timeout=MOMENT)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def _ask_and_write(self, reader: Reader) -> None:
        await self.write(await reader.standing())

    async def write(self, standing: Mapping[Partition, Standing]) -> None:
        """Write a row for each partition that this member has, with news or without.

        Raises:
            sqlalchemy.exc.DBAPIError: the database does not answer.
        """
        if not standing:
            return
        rows = [
            {
                "consumer_group": self._group,
                "topic": place[0],
                "partition": place[1],
                "position": position,
                "lag": max(0, each.end - position),
                "last_event_time": self._times.get(place),
                "checked_at": func.clock_timestamp(),
            }
            for place, each in sorted(standing.items())
            for position in [self._taken.get(place, each.position)]
        ]
        written = insert(consumer_progress).values(rows)
        new = written.excluded
        known = written.on_conflict_do_update(
            index_elements=["consumer_group", "topic", "partition"],
            set_={
                "position": new.position,
                "lag": new.lag,
                "last_event_time": func.coalesce(new.last_event_time, consumer_progress.c.last_event_time),
                "checked_at": new.checked_at,
            },
        )
        async with self._engine.begin() as connection:
            await connection.execute(known)
