"""Each row of the table of fates (docs/architecture.md), on a real database and the PostgreSQL log."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.envelope import Event
from shared.contracts.tasks import TaskCompletedV1, TaskProgressedV1
from shared.contracts.topics import TASKS
from shared.messaging.consumer import NotYet, Refused, release
from shared.messaging.sources import LiveBatch
from shared.messaging.transports.port import Received, Record
from tests.support.messaging import IDS, World, a_progress, record_of, write_note
from tests.support.waiting import eventually

PROGRESSED = TaskProgressedV1.event_type


async def position_is(world: World, position: int) -> bool:
    """Whether our database and the log both say that everything before `position` is taken in."""
    ours = await world.rows("SELECT sum(position) AS total FROM consumer_state")
    async with world.log._connection() as connection:
        theirs = await connection.fetchval("SELECT sum(position) FROM log_positions")
    return bool(ours[0].total == position and theirs == position)


async def letters(world: World) -> list[str]:
    return [row.reason_code for row in await world.rows("SELECT reason_code FROM dead_letters ORDER BY id")]


async def test_nothing_wrong_result_and_seen_then_the_offset(world: World) -> None:
    await world.publish(*(record_of(a_progress(str(number))) for number in range(5)))
    async with world.running(world.consumer()):
        await eventually(lambda: position_is(world, 5))
    assert await world.notes() == ["0", "1", "2", "3", "4"]
    assert len(await world.rows("SELECT 1 FROM inbox")) == 5


async def test_seen_before_nothing_to_do(world: World) -> None:
    once, twice = record_of(a_progress("once")), record_of(a_progress("twice"))
    await world.publish(twice, once, twice)
    await world.publish(twice)
    async with world.running(world.consumer()):
        await eventually(lambda: position_is(world, 4))
    assert await world.notes() == ["twice", "once"]


async def test_type_unknown_is_passed(world: World) -> None:
    newer = record_of(a_progress("newer"), ce_type="cchc.task.progressed.v9")
    nobody = record_of(
        TaskCompletedV1.model_validate(
            a_progress().model_dump(exclude={"note"})
            | {"completion_id": IDS.new(), "completed_on": "2026-11-01", "reported_at": a_progress().recorded_at}
        )
    )
    await world.publish(newer, nobody, record_of(a_progress("after")))
    async with world.running(world.consumer()):
        await eventually(lambda: position_is(world, 3))
    assert await world.notes() == ["after"]
    assert await letters(world) == []


async def test_undecodable_is_a_dead_letter_and_its_neighbours_go_through(world: World) -> None:
    good = record_of(a_progress("good"))
    bad = Record(good.topic, good.key, dict(good.headers) | {"ce_id": str(IDS.new())}, b'{"plan_id": NaN}')
    await world.publish(record_of(a_progress("before")), bad, good)
    async with world.running(world.consumer()):
        await eventually(lambda: position_is(world, 3))
    assert await world.notes() == ["before", "good"]
    (letter,) = await world.rows("SELECT * FROM dead_letters")
    assert (letter.reason_code, letter.value, letter.type) == ("not-a-number", bad.value, PROGRESSED)
    assert (letter.event_id, letter.position, letter.key) == (bad.headers["ce_id"], 1, b"plan-1")


async def test_a_message_without_anything_is_a_dead_letter(world: World) -> None:
    """Other programs write to the log, too: no key, no value, headers that are not text."""
    await world.log.ensure_topics([TASKS])
    async with world.log._connection() as connection:
        await connection.execute(
            "INSERT INTO log_records (topic, partition, position, headers) VALUES ($1, 0, 0, '{}')", TASKS.name
        )
        await connection.execute("UPDATE log_partitions SET next_position = 1 WHERE partition = 0")
    async with world.running(world.consumer()):
        await eventually(lambda: position_is(world, 1))
    assert await letters(world) == ["no-type"]


async def test_a_domain_rules_refusal_is_a_dead_letter_and_leaves_nothing_else(world: World) -> None:
    async def refusing(connection: AsyncConnection, heard: Event[Any]) -> None:
        await write_note(connection, heard)
        if heard.data.note == "bad":
            raise Refused("task-of-another-plan", "the task belongs to another plan")

    await world.publish(*(record_of(a_progress(note)) for note in ("a", "bad", "b", "bad", "c")))
    async with world.running(world.consumer(world.subscription({PROGRESSED: refusing}))):
        await eventually(lambda: position_is(world, 5))
    assert await world.notes() == ["a", "b", "c"]
    assert await letters(world) == ["task-of-another-plan"] * 2
    assert len(await world.rows("SELECT 1 FROM inbox")) == 3


async def test_a_handlers_own_fault_is_a_dead_letter_that_says_where(world: World) -> None:
    async def broken(connection: AsyncConnection, heard: Event[Any]) -> None:
        if heard.data.note == "bad":
            await connection.execute(text("SELECT 1/0"))
        await write_note(connection, heard)

    await world.publish(*(record_of(a_progress(note)) for note in ("a", "bad", "b")))
    async with world.running(world.consumer(world.subscription({PROGRESSED: broken}))):
        await eventually(lambda: position_is(world, 3))
    assert await world.notes() == ["a", "b"]
    (letter,) = await world.rows("SELECT * FROM dead_letters")
    assert letter.reason_code == "handler-failed"
    assert "22012" in letter.reason
    assert "test_consumer_fates.py" in letter.reason


async def test_a_violation_found_at_commit_only_hits_its_own_message(world: World) -> None:
    await world.execute("ALTER TABLE applied ADD CONSTRAINT once UNIQUE (note) DEFERRABLE INITIALLY DEFERRED")
    await world.publish(*(record_of(a_progress(note)) for note in ("a", "b", "a", "c")))
    async with world.running(world.consumer()):
        await eventually(lambda: position_is(world, 4))
    assert await world.notes() == ["a", "b", "c"]
    assert await letters(world) == ["handler-failed"]


async def test_an_earlier_event_missing_is_kept_and_applied_when_it_comes(world: World) -> None:
    known: set[str] = set()

    async def needs_plan(connection: AsyncConnection, heard: Event[Any]) -> None:
        note: str = heard.data.note
        if "/" not in note:
            known.add(note)
            release(note)
        elif note.partition("/")[0] not in known:
            raise NotYet(note.partition("/")[0])
        await write_note(connection, heard)

    early = [record_of(a_progress(f"plan1/{number}"), key="k") for number in range(3)]
    other = record_of(a_progress("plan2/0"), key="k")
    subscription = world.subscription({PROGRESSED: needs_plan})
    async with world.running(world.consumer(subscription)):
        await world.publish(*early, other)
        await eventually(lambda: position_is(world, 4))
        assert await world.notes() == []
        assert len(await world.rows("SELECT 1 FROM parked_messages")) == 4
        await world.publish(early[1])  # a repeat of what waits changes nothing
        await world.publish(record_of(a_progress("plan1"), key="another"))
        await eventually(lambda: _notes_are(world, ["plan1", "plan1/0", "plan1/1", "plan1/2"]))
    (left,) = await world.rows("SELECT waits_for FROM parked_messages")
    assert left.waits_for == "plan2"
    known.add("plan2")
    async with world.running(world.consumer(subscription)):  # the sweep of the start
        await eventually(lambda: _notes_are(world, ["plan1", "plan1/0", "plan1/1", "plan1/2", "plan2/0"]))
    assert await world.rows("SELECT 1 FROM parked_messages") == []


async def test_what_waited_and_is_refused_then_becomes_a_dead_letter(world: World) -> None:
    ready = False

    async def refusing_later(_connection: AsyncConnection, _heard: Event[Any]) -> None:
        if not ready:
            raise NotYet("plan1")
        raise Refused("plan-closed")

    subscription = world.subscription({PROGRESSED: refusing_later})
    await world.publish(record_of(a_progress("early")))
    async with world.running(world.consumer(subscription)):
        await eventually(lambda: position_is(world, 1))
    ready = True
    async with world.running(world.consumer(subscription)):
        await eventually(lambda: _letters_are(world, ["plan-closed"]))
    assert await world.rows("SELECT 1 FROM parked_messages") == []


async def test_database_away_the_same_message_again_and_nothing_later(world: World) -> None:
    tried: list[str] = []

    async def unlucky(connection: AsyncConnection, heard: Event[Any]) -> None:
        tried.append(heard.data.note)
        if heard.data.note == "b" and tried.count("b") <= 2:
            await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        await write_note(connection, heard)

    await world.publish(*(record_of(a_progress(note)) for note in ("a", "b", "c")))
    consumer = world.consumer(world.subscription({PROGRESSED: unlucky}))
    async with world.running(consumer):
        await eventually(lambda: consumer.status.state == "retrying")
        assert await letters(world) == []
        await eventually(lambda: position_is(world, 3))
        await eventually(lambda: consumer.status.state == "running")
    assert await world.notes() == ["a", "b", "c"]
    assert tried.index("c") > max(number for number, note in enumerate(tried) if note == "b")


async def test_a_deadlock_or_a_serialization_failure_is_tried_again(world: World) -> None:
    tried = 0

    async def unlucky(connection: AsyncConnection, heard: Event[Any]) -> None:
        nonlocal tried
        tried += 1
        if tried == 1:
            await connection.execute(text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$"))
        await write_note(connection, heard)

    await world.publish(record_of(a_progress("a")))
    async with world.running(world.consumer(world.subscription({PROGRESSED: unlucky}))):
        await eventually(lambda: position_is(world, 1))
    assert await world.notes() == ["a"]
    assert await letters(world) == []


async def test_a_table_that_is_not_there_yet_is_waited_for(world: World) -> None:
    """A database that was made anew is migrated while the worker runs; what is heard meanwhile is no bad event."""
    await world.execute("ALTER TABLE applied RENAME TO elsewhere")
    await world.publish(*(record_of(a_progress(note)) for note in ("a", "b")))
    consumer = world.consumer()
    async with world.running(consumer):
        await eventually(lambda: consumer.status.state == "retrying")
        assert await letters(world) == []
        await world.execute("ALTER TABLE elsewhere RENAME TO applied")
        await eventually(lambda: position_is(world, 2))
    assert await world.notes() == ["a", "b"]
    assert await letters(world) == []


async def test_many_dead_letters_in_a_row_halt_and_a_restart_goes_on(world: World) -> None:
    broken = True

    async def failing(connection: AsyncConnection, heard: Event[Any]) -> None:
        if broken:
            raise KeyError
        await write_note(connection, heard)

    await world.publish(*(record_of(a_progress(str(number))) for number in range(10)))
    subscription = world.subscription({PROGRESSED: failing})
    consumer = world.consumer(subscription, dead_letters_in_a_row=5)
    async with world.running(consumer):
        await eventually(lambda: consumer.status.state == "halted")
        assert await letters(world) == ["handler-failed"] * 4
        (state,) = await world.rows("SELECT position FROM consumer_state WHERE position > 0")
        assert state.position == 4
    broken = False
    async with world.running(world.consumer(subscription, dead_letters_in_a_row=5)):
        await eventually(lambda: _notes_are(world, [str(number) for number in range(4, 10)]))


async def test_good_messages_between_bad_ones_do_not_halt(world: World) -> None:
    async def failing(connection: AsyncConnection, heard: Event[Any]) -> None:
        if heard.data.note == "bad":
            raise Refused("bad")
        await write_note(connection, heard)

    notes = ["bad", "bad", "good"] * 10
    await world.publish(*(record_of(a_progress(note)) for note in notes))
    async with world.running(world.consumer(world.subscription({PROGRESSED: failing}), dead_letters_in_a_row=3)):
        await eventually(lambda: position_is(world, 30))
    assert len(await letters(world)) == 20


async def test_header_values_that_are_no_text_are_kept_in_the_letter(world: World) -> None:
    intake = world.consumer()._intake
    odd = Received(TASKS.name, 0, 0, None, {"ce_type": PROGRESSED, "ce_id": b"\xff\xfe", "x": "a\0b"}, None)
    item = intake.look(odd)
    await world.execute("INSERT INTO consumer_state VALUES ('test', :topic, 0, 'c', 0)", topic=TASKS.name)
    await intake.take_in(LiveBatch("test", "c"), [item])
    (letter,) = await world.rows("SELECT * FROM dead_letters")
    assert letter.reason_code == "not-utf8"
    assert letter.headers == {"ce_type": PROGRESSED, "ce_id": {"base64": "//4="}, "x": {"base64": "YQBi"}}


async def _notes_are(world: World, notes: list[str]) -> bool:
    return await world.notes() == notes


async def _letters_are(world: World, codes: list[str]) -> bool:
    return await letters(world) == codes
