"""Members of a new group that start at the same moment all become members of it."""

import asyncio

import asyncpg
from pydantic import SecretStr

from shared.contracts.topics import Topic
from shared.database.revisions import LOG
from shared.messaging.transports.postgres_log import PostgresLog
from tests.support.postgres import DatabaseFactory
from tests.support.waiting import eventually

TOPIC = Topic("test.members.v1", "tests", 2, "")


async def test_a_member_that_meets_another_making_the_group_gets_partitions(database_factory: DatabaseFactory) -> None:
    dsn = await database_factory((LOG,))
    log = PostgresLog(SecretStr(dsn))
    await log.start()
    member = log.reader("group", [TOPIC])
    other, looking = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        await log.ensure_topics([TOPIC])
        making = other.transaction()
        await making.start()
        await other.execute("INSERT INTO log_groups (name) VALUES ('group')")
        starting = asyncio.create_task(member.start())
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%log_groups%'"
        await eventually(lambda: looking.fetchval(waiting))
        await making.commit()
        await starting
        await member.fetch(0.05, 10)
        assert len(await member.standing()) == TOPIC.partitions
    finally:
        await member.stop()
        await other.close()
        await looking.close()
        await log.stop()
