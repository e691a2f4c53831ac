"""Where a consumer goes on: after a kill, after a restore, with another log, beside another member."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.envelope import Event
from shared.contracts.tasks import TaskProgressedV1
from shared.contracts.topics import TASKS
from shared.messaging.consumer import Consumer, Subscription
from shared.messaging.transports.port import Received
from shared.messaging.transports.postgres_reader import PostgresReader
from tests.support.messaging import World, a_progress, record_of, write_note
from tests.support.waiting import eventually


async def always_new(_connection: AsyncConnection, _heard: Event[Any], _received: Received) -> bool:
    """Remember nothing: these tests are about positions alone."""
    return True


def forgetful(world: World) -> Subscription:
    return world.subscription(remember=always_new)


async def publish(world: World, *notes: str) -> None:
    await world.publish(*(record_of(a_progress(note)) for note in notes))


async def notes_are(world: World, *notes: str) -> bool:
    return await world.notes() == list(notes)


async def log_position(world: World) -> int:
    async with world.log._connection() as connection:
        return int(await connection.fetchval("SELECT coalesce(sum(position), 0) FROM log_positions"))


async def in_log(world: World, *statements: str) -> None:
    async with world.log._connection() as connection:
        for statement in statements:
            await connection.execute(statement)
    world.log._partitions.clear()


async def die_at(consumer: Consumer, monkeypatch_commit: Callable[..., Any]) -> None:
    """Run `consumer` until the patched commit has cancelled it, as a kill would."""
    task = asyncio.create_task(consumer.run(asyncio.Event()))
    monkeypatch_commit(task)
    await asyncio.wait([task], timeout=10)
    assert task.cancelled()


async def test_a_kill_between_our_commit_and_the_offset_repeats_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(world, "a", "b", "c")

    def dying(task: asyncio.Task[None]) -> None:
        async def commit(self: PostgresReader, *_: object) -> None:
            if self._connection is not None:
                self._connection.terminate()
            task.cancel()
            await asyncio.sleep(1)

        monkeypatch.setattr(PostgresReader, "commit", commit)

    await die_at(world.consumer(forgetful(world)), dying)
    monkeypatch.undo()
    assert await log_position(world) == 0
    await publish(world, "d")
    async with world.running(world.consumer(forgetful(world))):
        await eventually(lambda: notes_are(world, "a", "b", "c", "d"))
        await eventually(lambda: _log_position_is(world, 4))


async def test_a_kill_inside_the_handler_leaves_nothing_and_everything_comes_again(world: World) -> None:
    died = asyncio.Event()

    async def dying(connection: AsyncConnection, heard: Event[Any]) -> None:
        await write_note(connection, heard)
        if heard.data.note == "b" and not died.is_set():
            died.set()
            await asyncio.Event().wait()

    await publish(world, "a", "b", "c")
    subscription = world.subscription({TaskProgressedV1.event_type: dying}, remember=always_new)
    task = asyncio.create_task(world.consumer(subscription).run(asyncio.Event()))
    await asyncio.wait_for(died.wait(), 10)
    task.cancel()
    await asyncio.wait([task])
    assert await world.notes() == []
    async with world.running(world.consumer(subscription)):
        await eventually(lambda: notes_are(world, "a", "b", "c"))


async def test_a_database_restored_from_a_backup_goes_on_where_it_was(world: World) -> None:
    await publish(world, "a", "b", "c", "d")
    async with world.running(world.consumer(forgetful(world))):
        await eventually(lambda: _log_position_is(world, 4))
    await world.execute("DELETE FROM applied WHERE note IN ('c', 'd')")
    await world.execute("UPDATE consumer_state SET position = 2 WHERE position = 4")
    async with world.running(world.consumer(forgetful(world))):
        await eventually(lambda: notes_are(world, "a", "b", "c", "d"))


async def test_an_empty_database_hears_everything_from_the_beginning(world: World) -> None:
    await publish(world, "a", "b")
    async with world.running(world.consumer()):
        await eventually(lambda: _log_position_is(world, 2))
    await world.execute("TRUNCATE applied, inbox, consumer_state")
    async with world.running(world.consumer()):
        await eventually(lambda: notes_are(world, "a", "b"))


@pytest.mark.parametrize("heard_before", [0, 2])
async def test_a_database_emptied_while_the_consumer_runs_hears_everything(world: World, heard_before: int) -> None:
    before = [str(number) for number in range(heard_before)]
    if before:
        await publish(world, *before)
    async with world.running(world.consumer()):
        await eventually(lambda: notes_are(world, *before))
        await eventually(lambda: _is_agreed(world))
        await world.execute("TRUNCATE applied, inbox, consumer_state")
        await publish(world, "a", "b")
        await eventually(lambda: notes_are(world, *before, "a", "b"), within=20)


async def _is_agreed(world: World) -> bool:
    return bool(await world.rows("SELECT 1 FROM consumer_state"))


async def test_another_log_is_read_from_its_beginning_while_the_consumer_runs(world: World) -> None:
    old = [record_of(a_progress(note)) for note in ("a", "b", "c")]
    await world.publish(*old)
    consumer = world.consumer()
    async with world.running(consumer):
        await eventually(lambda: notes_are(world, "a", "b", "c"))
        await in_log(
            world,
            "TRUNCATE log_records, log_positions, log_partitions",
            "UPDATE log_cluster SET cluster_id = 'another'",
        )
        await world.publish(*old, record_of(a_progress("d")), record_of(a_progress("e")))
        consumer._due["cluster"] = 0.0
        await eventually(lambda: notes_are(world, "a", "b", "c", "d", "e"), within=20)
        await eventually(lambda: _has_taken_in(world, "another", 5))


async def test_a_log_that_was_wiped_and_kept_its_name_is_read_from_its_beginning(world: World) -> None:
    old = [record_of(a_progress(note)) for note in ("a", "b", "c")]
    await world.publish(*old)
    async with world.running(world.consumer()):
        await eventually(lambda: notes_are(world, "a", "b", "c"))
    await in_log(world, "TRUNCATE log_records, log_positions, log_partitions")
    await world.publish(old[0], record_of(a_progress("d")))
    async with world.running(world.consumer()):
        await eventually(lambda: notes_are(world, "a", "b", "c", "d"))


async def test_two_members_take_every_event_in_once_though_they_come_and_go(world: World) -> None:
    total = 600
    stop = asyncio.Event()

    async def coming_and_going() -> None:
        while not stop.is_set():
            leave = asyncio.Event()
            member = asyncio.create_task(world.consumer().run(leave))
            await asyncio.wait([asyncio.create_task(stop.wait())], timeout=0.4)
            leave.set()
            await member

    async with world.running(world.consumer()):
        guest = asyncio.create_task(coming_and_going())
        for start in range(0, total, 30):
            await world.publish(
                *(record_of(a_progress(str(number)), key=f"k{number % 12}") for number in range(start, start + 30))
            )
            await eventually(lambda start=start: _applied(world, start + 30), within=30)  # type: ignore[misc]
        stop.set()
        await guest
    notes = [int(note) for note in await world.notes()]
    assert sorted(notes) == list(range(total))
    for key in range(12):
        mine = [note for note in notes if note % 12 == key]
        assert mine == sorted(mine)
    assert TASKS.partitions == len(await world.rows("SELECT 1 FROM consumer_state"))


async def test_the_log_away_is_told_and_waited_out(world: World) -> None:
    consumer = world.consumer()
    async with world.running(consumer):
        await publish(world, "a")
        await eventually(lambda: notes_are(world, "a"))
        await in_log(world, "ALTER TABLE log_records RENAME TO gone")
        await eventually(lambda: consumer.status.state == "retrying")
        assert consumer.status.detail.startswith("log: ")
        await in_log(world, "ALTER TABLE gone RENAME TO log_records")
        await publish(world, "b")
        await eventually(lambda: notes_are(world, "a", "b"))
        await eventually(lambda: consumer.status.state == "running")


async def _log_position_is(world: World, position: int) -> bool:
    return await log_position(world) == position


async def _applied(world: World, count: int) -> bool:
    (found,) = await world.rows("SELECT count(*) AS count FROM applied")
    return int(found[0]) == count


async def _has_taken_in(world: World, cluster: str, position: int) -> bool:
    found = await world.rows("SELECT cluster_id, position FROM consumer_state WHERE position > 0")
    return [tuple(row) for row in found] == [(cluster, position)]
