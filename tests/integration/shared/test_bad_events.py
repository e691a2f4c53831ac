"""Every named bad event becomes a dead letter with its reason; repaired, it is applied (reliability, B3)."""

from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.clock import FixedClock
from shared.contracts.envelope import Event
from shared.contracts.registry import CONTRACTS
from shared.contracts.topics import ALL
from shared.messaging.dead_letters import list_letters, replay_letter, show_letter
from shared.messaging.intake import Intake
from shared.messaging.sources import LiveBatch
from shared.messaging.subscription import Subscription
from tests.support.bad_events import BadEvent, bad_events
from tests.support.messaging import NOW, World
from tests.support.samples import sample


async def test_every_bad_event_is_a_dead_letter_with_its_reason_and_none_is_lost(world: World) -> None:
    heard: list[str] = []

    async def hear(_connection: AsyncConnection, event: Event[Any]) -> None:
        heard.append(event.attributes.type)

    subscription = Subscription(group="test", topics=ALL, handlers=dict.fromkeys(CONTRACTS, hear))
    intake = Intake(world.engine, subscription, FixedClock(NOW), dead_in_a_row=10_000)
    expected: dict[tuple[str, int], BadEvent] = {}
    for topic in ALL:
        cases = [case for case in bad_events() if case.received.topic == topic.name]
        await world.execute("INSERT INTO consumer_state VALUES ('test', :topic, 0, 'c', 0)", topic=topic.name)
        messages = [replace(case.received, position=number) for number, case in enumerate(cases)]
        outcome = await intake.take_in(LiveBatch("test", "c"), [intake.look(message) for message in messages])
        assert outcome.counts == {"dead": len(cases)}
        expected |= {(topic.name, number): case for number, case in enumerate(cases)}
    letters = await list_letters(world.engine, limit=10_000)
    assert {(letter.topic, letter.position): letter.reason_code for letter in letters} == {
        place: case.code for place, case in expected.items()
    }
    assert len(letters) >= 200
    for letter in letters[:: len(letters) // 50]:
        _, kept = await show_letter(world.engine, letter.id)
        assert kept.value == expected[letter.topic, letter.position].received.value
    assert heard == []


async def test_a_letter_whose_cause_is_repaired_goes_through(world: World) -> None:
    """The publisher's fault: an operator mends the kept message. Ours: a newer program reads it as it is."""
    heard: list[Any] = []

    async def hear(_connection: AsyncConnection, event: Event[Any]) -> None:
        heard.append(event.data.note)

    good = sample("cchc.task.progressed.v1")
    subscription = Subscription(group="test", topics=ALL, handlers={good.type: hear})
    intake = Intake(world.engine, subscription, FixedClock(NOW), dead_in_a_row=10)
    await world.execute("INSERT INTO consumer_state VALUES ('test', :topic, 0, 'c', 0)", topic=good.topic)
    await intake.take_in(LiveBatch("test", "c"), [intake.look(good.with_value(version="7").received())])
    (letter,) = await list_letters(world.engine)
    clock = FixedClock(NOW)
    assert await replay_letter(world.engine, subscription, letter.id, clock=clock) == "dead"
    await world.execute("UPDATE dead_letters SET value = :value", value=good.data)
    assert await replay_letter(world.engine, subscription, letter.id, clock=clock) == "handled"
    assert heard == [good.value["note"]]
