"""Dead letters in an operator's hands."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.envelope import Event
from shared.contracts.tasks import TaskProgressedV1
from shared.messaging.consumer import NotYet, Refused, release
from shared.messaging.dead_letters import NoSuchLetter, discard_letter, list_letters, replay_letter, show_letter
from tests.support.messaging import World, a_progress, record_of, write_note
from tests.support.waiting import eventually

PROGRESSED = TaskProgressedV1.event_type


class Office:
    """A handler whose mood the test sets."""

    def __init__(self) -> None:
        self.mood: Exception | None = Refused("closed", "the office is closed")
        self.releases: str | None = None

    async def handle(self, connection: AsyncConnection, heard: Event[Any]) -> None:
        if self.mood is not None:
            raise self.mood
        await write_note(connection, heard)
        if self.releases:
            release(self.releases)


async def refused(world: World, office: Office, *notes: str) -> list[int]:
    """Have `office` refuse messages; returns the letters' numbers."""
    await world.publish(*(record_of(a_progress(note)) for note in notes))
    async with world.running(world.consumer(world.subscription({PROGRESSED: office.handle}))):
        await eventually(lambda: _open_letters(world, len(notes)))
    return [letter.id for letter in await list_letters(world.engine)]


async def test_a_list_shows_what_was_refused_and_why_and_nothing_of_its_content(world: World) -> None:
    numbers = await refused(world, Office(), "bí mật", "khác")
    found = await list_letters(world.engine, group="test")
    assert [(letter.reason_code, letter.reason, letter.type) for letter in found] == [
        ("closed", "the office is closed", PROGRESSED)
    ] * 2
    assert "bí mật" not in repr(found)
    assert await list_letters(world.engine, group="other") == []
    assert [letter.id for letter in await list_letters(world.engine, after=numbers[0])] == numbers[1:]
    letter, message = await show_letter(world.engine, numbers[0])
    assert letter == found[0]
    assert "bí mật" in (message.value or b"").decode()
    with pytest.raises(NoSuchLetter):
        await show_letter(world.engine, 99)


async def test_replay_after_repair_applies_the_message_once(world: World) -> None:
    office = Office()
    (number,) = await refused(world, office, "a")
    subscription = world.subscription({PROGRESSED: office.handle})
    assert await replay_letter(world.engine, subscription, number) == "dead"
    office.mood = None
    assert await replay_letter(world.engine, subscription, number) == "handled"
    assert await world.notes() == ["a"]
    with pytest.raises(NoSuchLetter):
        await replay_letter(world.engine, subscription, number)
    assert await list_letters(world.engine) == []
    (letter,) = await list_letters(world.engine, resolved=True)
    assert (letter.replays, letter.resolution) == (2, "replayed")


async def test_a_replay_of_what_was_applied_meanwhile_changes_nothing(world: World) -> None:
    office = Office()
    (number,) = await refused(world, office, "a")
    office.mood = None
    subscription = world.subscription({PROGRESSED: office.handle})
    _, message = await show_letter(world.engine, number)
    await world.publish(record_of(a_progress("a"), event_id=None, **dict(message.headers)))  # type: ignore[arg-type]
    async with world.running(world.consumer(subscription)):
        await eventually(lambda: _noted(world, 1))
    assert await replay_letter(world.engine, subscription, number) == "repeated"
    assert await world.notes() == ["a"]


async def test_a_replay_that_is_too_early_is_parked_and_a_replay_releases_others(world: World) -> None:
    office = Office()
    first, second = await refused(world, office, "a", "b")
    subscription = world.subscription({PROGRESSED: office.handle})
    office.mood = NotYet("plan1")
    assert await replay_letter(world.engine, subscription, first) == "parked"
    office.mood, office.releases = None, "plan1"
    assert await replay_letter(world.engine, subscription, second) == "handled"
    assert await world.notes() == ["b", "a"]
    assert await list_letters(world.engine) == []


async def test_discarding_needs_a_reason_and_keeps_the_message(world: World) -> None:
    (number,) = await refused(world, Office(), "a")
    await discard_letter(world.engine, number, "gửi thử, không phải của tỉnh")
    assert await list_letters(world.engine) == []
    letter, message = await show_letter(world.engine, number)
    assert letter.resolution == "discarded: gửi thử, không phải của tỉnh"
    assert message.value
    with pytest.raises(NoSuchLetter):
        await discard_letter(world.engine, number, "lần nữa")


async def _open_letters(world: World, count: int) -> bool:
    return len(await list_letters(world.engine)) == count


async def _noted(world: World, count: int) -> bool:
    return len(await world.notes()) == count
