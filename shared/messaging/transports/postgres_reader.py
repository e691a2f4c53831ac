"""A member of a group that reads the PostgreSQL event log.

Everything happens on one connection: it holds an advisory lock for each partition that the member reads and a shared
one that says "a member is here". A member that dies loses its connection and with it its locks, so that others may
take over at once, and it can no longer commit.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import asyncpg
from pydantic_core import from_json

from shared.messaging.transports.port import LogUnavailable, Partition, Received, Standing

NEWS = "cchc_log"
"""Channel on which publishers name the topic that they appended to."""
TURNOUT = "cchc_log_members"
"""Channel on which members say that they came, left or let go of a partition."""
DEADLINE = 10.0
BALANCE_EVERY = 1.0
"""Seconds after which a member looks whether others have died."""
MAX_FETCH_BYTES = 16 * 1024 * 1024
"""Of one partition in one fetch, beside its first record."""

_GROUP = """
WITH made AS (INSERT INTO log_groups (name) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id)
SELECT id FROM made UNION ALL SELECT id FROM log_groups WHERE name = $1
"""
_MEMBERS = """
SELECT count(DISTINCT pid) FROM pg_locks
WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND classid = $1::int::oid AND objid = 0::oid
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_FETCH = """
SELECT found.topic, found.partition, found.position, found.key, found.headers, found.value
FROM unnest($1::text[], $2::int[], $3::bigint[]) WITH ORDINALITY AS wanted (topic, partition, position, turn)
CROSS JOIN LATERAL (
    SELECT bounded.*, sum(octet_length(value)) OVER (ORDER BY position) - octet_length(value) AS before
    FROM (
        SELECT r.topic, r.partition, r.position, r.key, r.headers, r.value
        FROM log_records r
        WHERE r.topic = wanted.topic AND r.partition = wanted.partition AND r.position >= wanted.position
        ORDER BY r.position LIMIT $4
    ) bounded
) found
WHERE coalesce(found.before, 0) <= $5
ORDER BY wanted.turn, found.position LIMIT $4
"""
_EXTENT = """
SELECT p.topic, p.partition, p.next_position, coalesce(
    (SELECT min(r.position) FROM log_records r WHERE r.topic = p.topic AND r.partition = p.partition), p.next_position
) AS first
FROM log_partitions p WHERE p.topic = ANY($1::text[])
"""
_COMMIT = """
INSERT INTO log_positions (group_id, partition_id, position) VALUES ($1, $2, $3)
ON CONFLICT (group_id, partition_id) DO UPDATE SET position = excluded.position
"""


@dataclass(frozen=True)
class _Found:
    """Rows, the positions that were asked for, and the epoch in which."""

    rows: list[Any]
    asked: dict[Partition, int]
    epoch: int


class PostgresReader:
    """See `port.Reader`."""

    def __init__(self, dsn: str, group: str, topics: Sequence[str]) -> None:
        self.epoch = 0
        self._dsn = dsn
        self._group = group
        self._topics = frozenset(topics)
        self._connection: asyncpg.Connection | None = None
        self._group_id = 0
        self._ids: dict[Partition, int] = {}
        self._next: dict[Partition, int] = {}
        self._committed: dict[Partition, int] = {}
        self._news = asyncio.Event()
        self._speaking = asyncio.Lock()
        self._ahead: asyncio.Task[_Found] | None = None
        self._balance_at = 0.0
        self._turn = 0

    async def start(self) -> None:
        async with self._connected():
            pass

    async def stop(self) -> None:
        if self._ahead is not None:
            self._ahead.cancel()
        async with self._speaking:
            connection, self._connection = self._connection, None
            self._lose_everything()
            if connection is not None and not connection.is_closed():
                with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await connection.execute(f"SELECT pg_advisory_unlock_all(); NOTIFY {TURNOUT}")
                connection.terminate()

    async def fetch(self, timeout: float, limit: int) -> Sequence[Sequence[Received]]:  # noqa: ASYNC109 -- see port
        found = await self._look(limit)
        if not found.rows:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), timeout)
            found = await self._look(limit)
        batches: list[list[Received]] = []
        for place, rows in groupby(found.rows, lambda row: (row[0], row[1])):
            # What was read ahead may be out of date: after a seek, a rewind or a change of members.
            if found.epoch == self.epoch and found.asked[place] == self._next.get(place):
                batches.append([_received(row) for row in rows])
                self._next[place] = batches[-1][-1].position + 1
        if len(found.rows) >= limit:
            self._ahead = asyncio.create_task(self._read_ahead(limit))
            self._ahead.add_done_callback(_heed)
        return batches

    async def _look(self, limit: int) -> "_Found":
        ahead, self._ahead = self._ahead, None
        found = None if ahead is None else await ahead
        async with self._connected() as connection:
            if time.monotonic() >= self._balance_at:
                await self._balance(connection)
            if found is not None:
                return found
            self._news.clear()
            return await self._read(connection, limit)

    async def _read_ahead(self, limit: int) -> "_Found":
        """Read on while what was read last is being taken in."""
        async with self._connected() as connection:
            return await self._read(connection, limit)

    async def commit(self, topic: str, partition: int, next_position: int) -> None:
        if (topic, partition) not in self._committed:
            return
        async with self._connected() as connection:
            place = (topic, partition)
            if place in self._committed:  # the connection may be a new one
                await connection.execute(_COMMIT, self._group_id, self._ids[place], next_position)
                self._committed[place] = next_position

    async def seek(self, topic: str, partition: int, position: int) -> int | None:
        async with self._connected() as connection:
            place = (topic, partition)
            if place not in self._next:
                return None
            end = await connection.fetchval("SELECT next_position FROM log_partitions WHERE id = $1", self._ids[place])
            self._next[place] = self._committed[place] = position if position <= end else 0
            return self._next[place]

    def rewind(self) -> None:
        self._next = dict(self._committed)

    async def standing(self) -> Mapping[Partition, Standing]:
        async with self._connected() as connection:
            rows = await connection.fetch(_EXTENT, list(self._topics))
        extents = {(row["topic"], row["partition"]): (row["next_position"], row["first"]) for row in rows}
        return {place: Standing(position, *extents.get(place, (0, 0))) for place, position in self._committed.items()}

    async def _read(self, connection: "asyncpg.Connection", limit: int) -> "_Found":
        asked, epoch = dict(self._next), self.epoch
        places = list(asked)
        if not places:
            return _Found([], asked, epoch)
        self._turn = (self._turn + 1) % len(places)  # a full partition must not keep the others waiting
        places = places[self._turn :] + places[: self._turn]
        topics, partitions = [place[0] for place in places], [place[1] for place in places]
        positions = [asked[place] for place in places]
        rows = await connection.fetch(_FETCH, topics, partitions, positions, limit, MAX_FETCH_BYTES)
        return _Found(rows, asked, epoch)

    async def _balance(self, connection: "asyncpg.Connection") -> None:
        """Take a fair share of the partitions: let go of what is too many, try for what is too few."""
        self._balance_at = time.monotonic() + BALANCE_EVERY
        rows = await connection.fetch(
            "SELECT id, topic, partition FROM log_partitions WHERE topic = ANY($1::text[]) ORDER BY partition, topic",
            list(self._topics),
        )
        self._ids = {(row["topic"], row["partition"]): row["id"] for row in rows}
        members = max(1, await connection.fetchval(_MEMBERS, self._group_id))
        share = -(-len(self._ids) // members)
        await self._let_go(connection, list(self._next)[share:])
        for place, number in self._ids.items():
            if len(self._next) >= share:
                break
            if place not in self._next and await self._take(connection, number):
                await self._begin(connection, place, number)

    async def _let_go(self, connection: "asyncpg.Connection", places: Sequence[Partition]) -> None:
        for place in places:
            del self._next[place], self._committed[place]
            await connection.execute("SELECT pg_advisory_unlock($1, $2)", self._group_id, self._ids[place])
        if places:
            self.epoch += 1
            await connection.execute(f"NOTIFY {TURNOUT}")

    async def _take(self, connection: "asyncpg.Connection", number: int) -> bool:
        return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", self._group_id, number))

    async def _begin(self, connection: "asyncpg.Connection", place: Partition, number: int) -> None:
        position = await connection.fetchval(
            "SELECT position FROM log_positions WHERE group_id = $1 AND partition_id = $2", self._group_id, number
        )
        self._next[place] = self._committed[place] = position or 0
        self.epoch += 1

    @asynccontextmanager
    async def _connected(self) -> "AsyncIterator[asyncpg.Connection]":
        """One caller at a time: a connection carries one statement."""
        async with self._speaking:
            try:
                if self._connection is None or self._connection.is_closed():
                    await self._connect()
                yield self._connection
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                if self._connection is not None:
                    self._connection.terminate()  # the locks go with it
                self._connection = None
                self._lose_everything()
                raise LogUnavailable(type(error).__name__) from error

    async def _connect(self) -> None:
        self._lose_everything()
        settings = {
            "application_name": f"cchc-reader-{self._group}"[:60],
            "timezone": "UTC",
            "tcp_keepalives_idle": "10",  # a machine that went away must not keep its partitions for two hours
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "3",
        }
        connection = await asyncpg.connect(
            self._dsn, timeout=DEADLINE, command_timeout=DEADLINE, server_settings=settings
        )
        self._connection = connection
        await connection.add_listener(NEWS, self._heard_news)
        await connection.add_listener(TURNOUT, self._heard_turnout)
        # Another member may be making the group just now: this statement waits for it and yet does not see its row.
        found = await connection.fetchval(_GROUP, self._group) or await connection.fetchval(_GROUP, self._group)
        self._group_id = int(found)
        await connection.execute("SELECT pg_advisory_lock_shared($1, 0)", self._group_id)
        await connection.execute(f"NOTIFY {TURNOUT}")

    def _lose_everything(self) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead is not asyncio.current_task():
            ahead.cancel()
        self._next.clear()
        self._committed.clear()
        self._balance_at = 0.0
        self.epoch += 1

    def _heard_news(self, _connection: object, _pid: int, _channel: str, topic: object) -> None:
        if topic in self._topics:
            self._news.set()

    def _heard_turnout(self, *_: object) -> None:
        self._balance_at = 0.0
        self._news.set()


def _received(row: Any) -> Received:  # noqa: ANN401 -- asyncpg has no types
    topic, partition, position, key, headers, value = row
    return Received(topic, partition, position, key, from_json(headers), value)


def _heed(ahead: "asyncio.Task[_Found]") -> None:
    """Take note of an error that nobody waits for: whoever reads next meets it himself."""
    if not ahead.cancelled():
        ahead.exception()
