"""Ways of taking in: whole batches, an own memory, the trace, progress."""

from collections.abc import Sequence
from typing import Any

from opentelemetry import trace
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.envelope import Event
from shared.contracts.tasks import TaskProgressedV1
from shared.contracts.topics import TASKS
from shared.messaging.consumer import Refused
from shared.messaging.transports.port import Received
from tests.support.messaging import NOW, World, a_progress, record_of, write_note
from tests.support.waiting import eventually

PROGRESSED = TaskProgressedV1.event_type
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def letters(world: World) -> list[str]:
    return [row.reason_code for row in await world.rows("SELECT reason_code FROM dead_letters ORDER BY id")]


async def position_is(world: World, position: int) -> bool:
    (ours,) = await world.rows("SELECT sum(position) AS total FROM consumer_state")
    return bool(ours.total == position)


async def test_a_batch_is_handled_at_once_and_a_bad_one_alone(world: World) -> None:
    sizes: list[int] = []

    async def in_bulk(connection: AsyncConnection, heard: Sequence[tuple[Event[Any], Received]]) -> None:
        sizes.append(len(heard))
        for event, _ in heard:
            await one(connection, event)

    async def one(connection: AsyncConnection, event: Event[Any]) -> None:
        if event.data.note == "bad":
            raise Refused("bad")
        await write_note(connection, event)

    subscription = world.subscription({PROGRESSED: one}, in_bulk=in_bulk)
    await world.publish(*(record_of(a_progress(str(number))) for number in range(20)))
    async with world.running(world.consumer(subscription)):
        await eventually(lambda: position_is(world, 20))
        assert sizes == [20]
        await world.publish(*(record_of(a_progress(note)) for note in ("a", "bad", "b")))
        await eventually(lambda: position_is(world, 23))
    assert await world.notes() == [str(number) for number in range(20)] + ["a", "b"]
    assert await letters(world) == ["bad"]


async def test_an_own_memory_is_asked_instead_of_the_inbox(world: World) -> None:
    asked: list[tuple[str, int]] = []

    async def remember(_connection: AsyncConnection, heard: Event[Any], received: Received) -> bool:
        asked.append((heard.data.note, received.position))
        new: bool = heard.data.note != "known"
        return new

    await world.publish(record_of(a_progress("known")), record_of(a_progress("new")))
    async with world.running(world.consumer(world.subscription(remember=remember))):
        await eventually(lambda: position_is(world, 2))
    assert await world.notes() == ["new"]
    assert asked == [("known", 0), ("new", 1)]
    assert await world.rows("SELECT 1 FROM inbox") == []


async def test_the_handler_sees_the_trace_of_the_event(world: World) -> None:
    seen: list[int] = []

    async def handler(_connection: AsyncConnection, _heard: Event[Any]) -> None:
        seen.append(trace.get_current_span().get_span_context().trace_id)

    await world.publish(record_of(a_progress("traced"), ce_traceparent=TRACE))
    async with world.running(world.consumer(world.subscription({PROGRESSED: handler}))):
        await eventually(lambda: position_is(world, 1))
    assert [f"{number:032x}" for number in seen] == [TRACE.split("-")[1]]


async def test_progress_tells_position_lag_and_the_time_of_the_last_event(world: World) -> None:
    await world.publish(*(record_of(a_progress(str(number))) for number in range(3)))

    async def told() -> bool:
        rows = await world.rows("SELECT * FROM consumer_progress WHERE position = 3 AND lag = 0")
        return [row.last_event_time for row in rows] == [NOW]

    async with world.running(world.consumer()):
        await eventually(told)
        assert len(await world.rows("SELECT 1 FROM consumer_progress")) == TASKS.partitions
        (before,) = await world.rows("SELECT min(checked_at) AS at FROM consumer_progress")

        async def checked_again() -> bool:
            (now,) = await world.rows("SELECT min(checked_at) AS at FROM consumer_progress")
            newer: bool = now[0] > before[0]
            return newer

        await eventually(checked_again)
