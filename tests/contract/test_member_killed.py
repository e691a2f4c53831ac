"""A member of a group is killed with -9: the others take its partitions over."""

import asyncio
import os
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest

from shared.contracts.topics import Topic
from shared.messaging.transports.port import Reader, Record, Transport
from shared.settings import SharedSettings
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow(14)

ROOT = Path(__file__).parents[2]
MEMBER = """
import asyncio, sys
from shared.contracts.topics import Topic
from shared.messaging.transports import create_transport
from shared.settings import SharedSettings

async def main():
    transport = create_transport(SharedSettings())
    await transport.start()
    reader = transport.reader("killed", [Topic(sys.argv[1], "tests", 6, "")])
    await reader.start()
    while True:
        for batch in await reader.fetch(0.2, 100):
            await reader.commit(batch[-1].topic, batch[-1].partition, batch[-1].position + 1)
            print(batch[0].partition, flush=True)

asyncio.run(main())
"""


async def test_the_partitions_of_a_member_killed_with_9_are_taken_over_within_ten_seconds(
    transport: Transport, log_settings: SharedSettings, topic: Topic
) -> None:
    await transport.ensure_topics([topic])
    chosen = (
        {"CCHC_KAFKA_BOOTSTRAP": log_settings.kafka_bootstrap}
        if log_settings.transport == "kafka"
        else {"CCHC_LOG_DATABASE_URL": log_settings.log_database_url.get_secret_value()}
    )
    environment = os.environ | chosen | {"PYTHONPATH": str(ROOT), "CCHC_TRANSPORT": log_settings.transport}  # noqa: TID251 -- a child's environment
    member = await asyncio.create_subprocess_exec(
        sys.executable, "-c", MEMBER, topic.name, env=environment, stdout=asyncio.subprocess.PIPE
    )
    reader = transport.reader("killed", [topic])
    await reader.start()
    try:
        await _killed_member_is_replaced(transport, reader, member, topic)
    finally:
        await reader.stop()
        if member.returncode is None:
            member.kill()
            await member.wait()


async def _killed_member_is_replaced(
    transport: Transport, reader: Reader, member: asyncio.subprocess.Process, topic: Topic
) -> None:
    taken: defaultdict[int, list[int]] = defaultdict(list)
    sent = 0

    async def one_round() -> None:
        nonlocal sent
        records = [Record(topic.name, f"key-{number}", {}, b"{}") for number in range(60)]
        assert await transport.publish(records) == [None] * 60
        sent += 60
        for batch in await reader.fetch(0.2, 100):
            taken[batch[0].partition] += [each.position for each in batch]
            await reader.commit(topic.name, batch[-1].partition, batch[-1].position + 1)

    async def members_share() -> bool:
        await one_round()
        return len(await reader.standing()) == 3 and bool(taken)

    assert member.stdout is not None
    await eventually(members_share, within=30)
    await asyncio.wait_for(member.stdout.readline(), 20)
    member.kill()
    await member.wait()
    began = time.monotonic()

    async def everything_is_mine() -> bool:
        await one_round()
        return len(await reader.standing()) == 6 and set(taken) == set(range(6))

    await eventually(everything_is_mine, within=20)
    assert time.monotonic() - began < 10
    assert all(positions == sorted(set(positions)) for positions in taken.values())
    assert sum(len(positions) for positions in taken.values()) <= sent
