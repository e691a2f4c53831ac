"""The relay on a real database and the PostgreSQL log: order by key, no row passed over, one at a time, refill."""

import asyncio
from collections import defaultdict

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts.plans import (
    DeadlineKind,
    DeadlineV1,
    DocumentV1,
    PlanIssuedV1,
    PlanTaskV1,
    UnitKind,
    UnitRef,
)
from shared.contracts.tasks import TaskProgressedV1
from shared.contracts.topics import TASKS
from shared.database.tables import outbox
from shared.messaging.outbox import EventTooLarge, Outbox
from shared.messaging.relay import Relay, refill
from shared.messaging.relay_seat import RelaySeat
from shared.messaging.transports.port import MAX_RECORD_BYTES
from tests.support.messaging import IDS, NOW, World, a_progress
from tests.support.waiting import eventually


def relay_of(world: World) -> Relay:
    return Relay(world.engine, world.log, [TASKS])


async def logged_notes(world: World) -> dict[str, list[str]]:
    grouped: defaultdict[str, list[str]] = defaultdict(list)
    for row in await world.logged():
        grouped[row["key"].decode()].append(TaskProgressedV1.model_validate_json(row["value"]).note)
    return grouped


async def insert_too_large(engine: AsyncEngine, key: str) -> None:
    """Write, past the outbox's own door, an event that no log takes."""
    async with engine.begin() as connection:
        await connection.execute(
            insert(outbox).values(
                event_id=IDS.new(),
                topic=TASKS.name,
                key=key,
                type="cchc.task.progressed.v1",
                headers={},
                value=b"x" * (MAX_RECORD_BYTES + 1),
            )
        )


async def test_events_of_a_key_are_published_in_order_and_marked(world: World) -> None:
    for number in range(60):
        await world.add(a_progress(str(number)), key=f"plan-{number % 3}")
    async with world.running(relay_of(world)):
        await eventually(lambda: _all_published(world, 60))
    assert await logged_notes(world) == {
        f"plan-{key}": [str(number) for number in range(60) if number % 3 == key] for key in range(3)
    }
    cluster = await world.log.cluster_id()
    assert {row.published_to for row in await world.rows("SELECT published_to FROM outbox")} == {cluster}


async def test_an_event_committed_while_the_relay_sleeps_is_published_at_once(world: World) -> None:
    relay = relay_of(world)
    async with world.running(relay):
        await world.add(a_progress("first"))
        await eventually(lambda: _all_published(world, 1))
        await eventually(lambda: _is_asleep(world))
        began = asyncio.get_running_loop().time()
        await world.add(a_progress("second"))
        await eventually(lambda: _all_published(world, 2))
        assert asyncio.get_running_loop().time() - began < 0.5  # a sleeper that nobody wakes looks once a second


async def test_a_row_with_a_smaller_id_that_commits_later_is_published(world: World) -> None:
    async with world.running(relay_of(world)):
        await world.add(a_progress("zero"))
        await eventually(lambda: _all_published(world, 1))
        async with world.engine.connect() as slow:
            await slow.begin()
            await Outbox(slow, source="/cchc/tasks", ids=IDS).add(
                a_progress("slow"), subject="task-1", key="plan-slow", time=NOW
            )
            await world.add(a_progress("fast"), key="plan-fast")
            await eventually(lambda: _all_published(world, 2))
            await slow.commit()
        await eventually(lambda: _all_published(world, 3))
    ids = [row.id for row in await world.rows("SELECT id FROM outbox ORDER BY published_at")]
    assert ids == [1, 3, 2]


async def test_a_refused_event_stops_its_key_and_no_other(world: World) -> None:
    await world.add(a_progress("before"), key="stopped")
    await insert_too_large(world.engine, "stopped")
    await world.add(a_progress("behind"), key="stopped")
    await world.add(a_progress("other"), key="free")
    relay = relay_of(world)
    async with world.running(relay):
        await eventually(lambda: _published_are(world, [1, 4]))
        await world.add(a_progress("later"), key="free")
        await eventually(lambda: _published_are(world, [1, 4, 5]))
        await eventually(lambda: relay.status.state == "retrying" and "1 keys stopped" in relay.status.detail)
        await world.execute("DELETE FROM outbox WHERE id = 2")
        await eventually(lambda: _published_are(world, [1, 3, 4, 5]))
        await eventually(lambda: relay.status.state == "running")
    assert (await logged_notes(world))["stopped"] == ["before", "behind"]


async def test_of_two_relays_one_publishes_and_the_other_takes_over(world: World) -> None:
    first, second = asyncio.Event(), asyncio.Event()
    relays = [relay_of(world), relay_of(world)]
    tasks = [asyncio.create_task(relays[0].run(first)), asyncio.create_task(relays[1].run(second))]
    for number in range(200):
        await world.add(a_progress(str(number)), key=f"plan-{number % 5}")
    await eventually(lambda: _all_published(world, 200))
    assert len(await world.logged()) == 200
    assert [relay.status.silent for relay in relays].count(True) == 1
    working = 0 if not relays[0].status.silent else 1
    stops = (first, second)
    stops[working].set()
    await tasks[working]
    await world.add(a_progress("after"))
    await eventually(lambda: _all_published(world, 201))
    stops[1 - working].set()
    await tasks[1 - working]
    assert len(await world.logged()) == 201


async def test_a_relay_whose_connection_is_cut_gives_its_right_up(world: World) -> None:
    relay = relay_of(world)
    async with world.running(relay):
        await world.add(a_progress("one"))
        await eventually(lambda: _all_published(world, 1))
        await world.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await world.engine.dispose()  # the test's own connections were cut as well
        await world.add(a_progress("two"))
        await eventually(lambda: _all_published(world, 2))
    async with RelaySeat(world.engine) as seat:
        assert await seat.wait_for_turn(asyncio.Event())


async def test_no_wake_up_is_lost_while_writers_race_with_a_relay_that_lies_down(world: World) -> None:
    """Each commit finds the relay at another moment of falling asleep; none may wait for the once-a-second look."""
    async with world.running(relay_of(world)):
        await world.add(a_progress("warm"))
        await eventually(lambda: _all_published(world, 1))
        waits = []
        for number in range(60):
            await asyncio.sleep(0.045 + number * 0.0005)  # the moment is what is tested
            began = asyncio.get_running_loop().time()
            await world.add(a_progress(str(number)))
            count = number + 2
            await eventually(lambda count=count: _all_published(world, count))  # type: ignore[misc]
            waits.append(asyncio.get_running_loop().time() - began)
    assert max(waits) < 0.6


async def test_an_event_that_no_log_takes_is_refused_before_it_stops_its_key(world: World) -> None:
    unit = UnitRef(code="TV-SNV", name="Sở Nội vụ", kind=UnitKind.DEPARTMENT)
    deadline = DeadlineV1(phrase="Thường xuyên", kind=DeadlineKind.CONTINUOUS)
    task = PlanTaskV1(
        id=IDS.new(), code="1", number="1", field="a", title="x" * 4000, lead_units=(unit,), deadline=deadline
    )
    plan = PlanIssuedV1(
        plan_id=IDS.new(),
        version=1,
        unit=unit,
        year=2026,
        title="Kế hoạch",
        programme="NQ76",
        fields=(),
        document=DocumentV1(number="1", issued_on=NOW.date()),
        issued_at=NOW,
        tasks=(task,) * 1100,
    )
    with pytest.raises(EventTooLarge):
        await world.add(plan)
    assert await world.rows("SELECT 1 FROM outbox") == []


async def test_refill_publishes_the_whole_journal_again_in_order(world: World) -> None:
    for number in range(10):
        await world.add(a_progress(str(number)))
    async with world.running(relay_of(world)):
        await eventually(lambda: _all_published(world, 10))
        assert await refill(world.engine) == 10
        await eventually(lambda: _all_published(world, 10))
    notes = (await logged_notes(world))["plan-1"]
    assert notes == [str(number) for number in range(10)] * 2


async def test_another_log_is_filled_from_the_journal(world: World) -> None:
    for number in range(10):
        await world.add(a_progress(str(number)))
    async with world.running(relay_of(world)):
        await eventually(lambda: _all_published(world, 10))
    await _execute_in_log(
        world,
        "TRUNCATE log_records, log_positions, log_partitions",
        "UPDATE log_cluster SET cluster_id = 'another'",
    )
    async with world.running(relay_of(world)):
        await eventually(lambda: _published_to(world, "another", 10))
    assert (await logged_notes(world))["plan-1"] == [str(number) for number in range(10)]


async def test_a_topic_that_lost_everything_is_filled_again_though_the_log_keeps_its_name(world: World) -> None:
    for number in range(10):
        await world.add(a_progress(str(number)))
    async with world.running(relay_of(world)):
        await eventually(lambda: _all_published(world, 10))
    await _execute_in_log(world, "TRUNCATE log_records, log_positions, log_partitions")
    async with world.running(relay_of(world)):
        await eventually(lambda: _log_has(world, 10))
    assert (await logged_notes(world))["plan-1"] == [str(number) for number in range(10)]


async def _execute_in_log(world: World, *statements: str) -> None:
    async with world.log._connection() as connection:
        for statement in statements:
            await connection.execute(statement)
    world.log._partitions.clear()


async def _all_published(world: World, count: int) -> bool:
    return len(await world.published()) == count


async def _published_are(world: World, ids: list[int]) -> bool:
    return await world.published() == ids


async def _published_to(world: World, cluster: str, count: int) -> bool:
    found = await world.rows("SELECT 1 FROM outbox WHERE published_to = :cluster", cluster=cluster)
    return len(found) == count


async def _log_has(world: World, count: int) -> bool:
    return len(await world.logged()) == count


async def _is_asleep(world: World) -> bool:
    return bool(await world.rows("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 7263003 AND granted"))
