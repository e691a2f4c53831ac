"""The event log in PostgreSQL: for one machine without Kafka.

Positions are handed out under the partition's row lock, which is held until commit: they become visible in their order
and without gaps, so a reader may remember one number a partition.
"""

import json
import zlib
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg
from pydantic import SecretStr

from shared.contracts.topics import Topic
from shared.messaging.transports.port import (
    MAX_RECORD_BYTES,
    LogUnavailable,
    NotSent,
    Partition,
    Reader,
    Record,
    RecordRefused,
    Shortfall,
)
from shared.messaging.transports.postgres_reader import NEWS, TURNOUT, PostgresReader

DEADLINE = 10.0
"""Seconds after which a call to the log is given up."""

_LOCK = """
SELECT topic, partition FROM log_partitions
WHERE (topic, partition) IN (SELECT * FROM unnest($1::text[], $2::int[]))
ORDER BY topic, partition FOR UPDATE
"""
_APPEND = """
WITH sent AS (
    SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[], $5::text[], $6::bytea[])
        AS s (topic, partition, nth, key, headers, value)
), moved AS (
    UPDATE log_partitions p SET next_position = p.next_position + counted.number
    FROM (SELECT topic, partition, count(*) AS number FROM sent GROUP BY topic, partition) counted
    WHERE p.topic = counted.topic AND p.partition = counted.partition
    RETURNING p.topic, p.partition, p.next_position - counted.number AS first
)
INSERT INTO log_records (topic, partition, position, key, headers, value)
SELECT topic, partition, moved.first + sent.nth, sent.key, sent.headers::jsonb, sent.value
FROM sent JOIN moved USING (topic, partition)
"""
_TELL = "SELECT pg_notify($2, topic) FROM (SELECT DISTINCT unnest($1::text[]) AS topic) named"
_MAKE = """
INSERT INTO log_partitions (topic, partition)
SELECT $1::text, number FROM generate_series(0, $2::int - 1) AS number
WHERE NOT EXISTS (SELECT FROM log_partitions WHERE topic = $1::text)
ON CONFLICT DO NOTHING
"""


class PostgresLog:
    """Transport over the tables of `log_tables`."""

    def __init__(self, url: SecretStr, *, deadline: float = DEADLINE) -> None:
        self._dsn = url.get_secret_value().replace("+asyncpg", "", 1)
        self._deadline = deadline
        self._pool: asyncpg.Pool | None = None
        self._partitions: dict[str, int] = {}

    async def start(self) -> None:
        self._pool = await asyncpg.create_pool(
            self._dsn,
            min_size=0,
            max_size=4,
            timeout=self._deadline,
            command_timeout=self._deadline,
            reset=_nothing_to_reset,
            server_settings={"application_name": "cchc-log", "timezone": "UTC"},
        )

    async def stop(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def cluster_id(self) -> str:
        async with self._connection() as connection:
            return str(await connection.fetchval("SELECT cluster_id FROM log_cluster"))

    async def ensure_topics(self, topics: Sequence[Topic]) -> None:
        self._partitions.clear()
        async with self._connection() as connection, connection.transaction():
            for topic in sorted(topics, key=lambda each: each.name):
                await connection.execute(_MAKE, topic.name, topic.partitions)
            await connection.execute(f"NOTIFY {TURNOUT}")

    async def shortfalls(self, topics: Sequence[Topic]) -> Sequence[Shortfall]:
        async with self._connection() as connection:
            rows = await connection.fetch("SELECT topic, count(*) AS number FROM log_partitions GROUP BY topic")
        found = {row["topic"]: row["number"] for row in rows}
        return [
            Shortfall(topic.name, "partitions", str(topic.partitions), str(found[topic.name]))
            for topic in topics
            if found.get(topic.name, topic.partitions) < topic.partitions
        ]

    async def is_empty(self, topic: str) -> bool:
        async with self._connection() as connection:
            held = await connection.fetchval("SELECT sum(next_position) FROM log_partitions WHERE topic = $1", topic)
            return not held

    def reader(self, group: str, topics: Sequence[Topic]) -> Reader:
        return PostgresReader(self._dsn, group, [topic.name for topic in topics])

    async def publish(self, records: Sequence[Record]) -> list[Exception | None]:
        try:
            async with self._connection() as connection:
                await self._know_partitions(connection, {record.topic for record in records})
                outcome = self._sift(records)
                chosen = [record for record, refusal in zip(records, outcome, strict=True) if refusal is None]
                if chosen:
                    await self._append(connection, chosen)
        except LogUnavailable as error:
            self._partitions.clear()
            return [error] * len(records)
        return outcome

    def _sift(self, records: Sequence[Record]) -> list[Exception | None]:
        """Find what can never be appended, and what would overtake it."""
        stopped: set[tuple[str, str]] = set()
        outcome: list[Exception | None] = []
        for record in records:
            key = (record.topic, record.key)
            refusal = NotSent(record.key) if key in stopped else self._refusal(record)
            outcome.append(refusal)
            if refusal is not None:
                stopped.add(key)
        return outcome

    def _refusal(self, record: Record) -> RecordRefused | None:
        if len(record.value) > MAX_RECORD_BYTES:
            return RecordRefused(f"value of {len(record.value)} bytes, at most {MAX_RECORD_BYTES}")
        if any("\0" in text for pair in record.headers.items() for text in pair):
            return RecordRefused("NUL in a header")
        if record.topic not in self._partitions:
            return RecordRefused(f"no topic {record.topic}")
        return None

    async def _know_partitions(self, connection: "asyncpg.Connection", topics: set[str]) -> None:
        if not topics <= self._partitions.keys():
            rows = await connection.fetch("SELECT topic, count(*) AS number FROM log_partitions GROUP BY topic")
            self._partitions = {row["topic"]: row["number"] for row in rows}

    async def _append(self, connection: "asyncpg.Connection", records: Sequence[Record]) -> None:
        places = [partition_of(record, self._partitions) for record in records]
        nth = _count_up(places)
        topics, partitions = [place[0] for place in places], [place[1] for place in places]
        async with connection.transaction():
            await connection.fetch(_LOCK, topics, partitions)  # in one order for all publishers: no deadlock
            done = await connection.execute(
                _APPEND,
                topics,
                partitions,
                nth,
                [record.key.encode() for record in records],
                [json.dumps(record.headers) for record in records],
                [record.value for record in records],
            )
            if done != f"INSERT 0 {len(records)}":
                raise LogUnavailable("a topic has gone")
            await connection.execute(_TELL, topics, NEWS)

    @asynccontextmanager
    async def _connection(self) -> "AsyncIterator[asyncpg.Connection]":
        if self._pool is None:
            raise LogUnavailable("not started")
        try:
            async with self._pool.acquire(timeout=self._deadline) as connection:
                yield connection
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise LogUnavailable(type(error).__name__) from error


async def _nothing_to_reset(_connection: "asyncpg.Connection") -> None:
    """Save a round trip: nothing here changes its session."""


def partition_of(record: Record, partitions: Mapping[str, int]) -> Partition:
    """Return where `record` belongs; the same for every process and release."""
    return record.topic, zlib.crc32(record.key.encode()) % partitions[record.topic]


def _count_up(places: Sequence[Partition]) -> list[int]:
    counted: defaultdict[Partition, int] = defaultdict(int)
    numbers = []
    for place in places:
        numbers.append(counted[place])
        counted[place] += 1
    return numbers
