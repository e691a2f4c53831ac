"""Relay and consumer through a real Kafka broker that goes away, is killed, and is lost with all it kept."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.clock import FixedClock
from shared.contracts.topics import TASKS
from shared.messaging.consumer import Consumer
from shared.messaging.relay import Relay
from shared.messaging.transports.kafka import KafkaTransport
from tests.support.kafka import PrivateBroker, PrivateBrokerFactory
from tests.support.messaging import NOW, World, a_progress
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.slow(40)]


@pytest.fixture
async def broker(private_broker: PrivateBrokerFactory) -> PrivateBroker:
    return await private_broker()


@pytest.fixture
async def transports(broker: PrivateBroker) -> AsyncIterator[list[KafkaTransport]]:
    made = [KafkaTransport(broker.bootstrap, deadline=5) for _ in range(2)]
    for each in made:
        await each.start()
    yield made
    for each in made:
        await each.stop()


def parts(world: World, transports: list[KafkaTransport]) -> tuple[Relay, Consumer]:
    publishing, reading = transports
    return (
        Relay(world.engine, publishing, [TASKS]),
        Consumer(world.engine, reading, world.subscription(), clock=FixedClock(NOW)),
    )


async def add(world: World, numbers: range) -> None:
    for number in numbers:
        await world.add(a_progress(str(number)), key=f"plan-{number % 4}")


async def all_applied_once_and_in_order(world: World, count: int) -> bool:
    notes = [int(note) for note in await world.notes()]
    assert len(notes) == len(set(notes))
    by_key = [[note for note in notes if note % 4 == key] for key in range(4)]
    assert all(mine == sorted(mine) for mine in by_key)
    return len(notes) == count


async def test_events_reported_while_the_broker_is_away_or_killed_arrive_once_and_in_order(
    world: World, broker: PrivateBroker, transports: list[KafkaTransport]
) -> None:
    relay, consumer = parts(world, transports)
    async with world.running(relay, consumer):
        await add(world, range(20))
        await eventually(lambda: all_applied_once_and_in_order(world, 20), within=30)
        await broker.stop()
        await add(world, range(20, 40))
        await eventually(lambda: relay.status.state == "retrying", within=30)
        await broker.start()
        await eventually(lambda: all_applied_once_and_in_order(world, 40), within=60)
        adding = asyncio.create_task(add(world, range(40, 140)))
        await broker.kill()
        await adding
        await broker.start()
        await eventually(lambda: all_applied_once_and_in_order(world, 140), within=60)
        await eventually(lambda: relay.status.state == consumer.status.state == "running", within=30)
    assert await world.rows("SELECT 1 FROM dead_letters") == []


async def test_a_lost_broker_is_filled_again_and_nothing_is_counted_twice(
    world: World, broker: PrivateBroker, transports: list[KafkaTransport]
) -> None:
    relay, consumer = parts(world, transports)
    async with world.running(relay, consumer):
        await add(world, range(40))
        await eventually(lambda: all_applied_once_and_in_order(world, 40), within=30)
        before = await transports[0].cluster_id()
        await broker.wipe()
        await add(world, range(40, 60))
        await broker.start()
        await eventually(lambda: all_applied_once_and_in_order(world, 60), within=90)
        after = await transports[0].cluster_id()
        assert after != before

        async def everything_is_there() -> bool:
            rows = await world.rows("SELECT count(*) AS rows, min(published_to) AS to FROM outbox")
            taken = await world.rows(
                "SELECT sum(position) AS position FROM consumer_state WHERE cluster_id = :id", id=after
            )
            return (rows[0][0], rows[0][1]) == (60, after) and (taken[0].position or 0) >= 60

        await eventually(everything_is_there, within=60)
    assert await all_applied_once_and_in_order(world, 60)
