"""Events that keep to their contract and go to its limits, or nearly, heard by every service: each finds its fate.

An error that the consumer takes for a passing one would hold its partition up for ever, so nothing may be raised; and
who reads a dead letter must find what is wrong with it, so none may say no more than that a handler failed.
"""

import copy
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.plans.consumers import SUBSCRIPTION as PLANS
from services.reporting.consumers import SUBSCRIPTION as REPORTING
from services.tasks.consumers import SUBSCRIPTION as TASKS
from shared.clock import FixedClock
from shared.contracts.access_keys import AccessKeyChangedV1
from shared.database.engine import create_engine
from shared.messaging.intake import Intake
from shared.messaging.sources import LiveBatch
from shared.messaging.subscription import Subscription
from shared.messaging.transports.port import Received
from tests.fuzz.effort import examples
from tests.support.messaging import NOW
from tests.support.postgres import DatabaseFactory
from tests.support.samples import samples

SUBSCRIPTIONS = {"plans": PLANS, "tasks": TASKS, "reporting": REPORTING}
MOMENTS = (
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00Z",
    "1970-01-01T00:00:00.123456789Z",
    "2026-11-22T07:59:59-12:00",
)
LIMITS: dict[str, tuple[Any, ...]] = {
    "number": (0, 1, -1, 2**15, 2**31 - 1, 2**31, 2**63 - 1, -(2**63), 1.0),
    "moment": MOMENTS,
    "day": ("0001-01-01", "9999-12-31", "2024-02-29", "2023-02-29"),
    "text": ("", " ", "x", "ắ" * 500, "ă\u0301" * 250, "😀" * 250, "a\u2028b\u200f", "x" * 4000, "TV", "%_\\"),
    "identifier": ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
}
HEADERS = {
    "ce_id": LIMITS["identifier"],
    "ce_time": MOMENTS,
    "ce_subject": ("x" * 200, "ắ", "\u200f", "../.."),
    "ce_partitionkey": ("k" * 200, "😀"),
    "ce_source": ("/cchc/tasks" * 10, "urn:x"),
    "ce_traceparent": ("", "00-0-0-0", "x" * 10_000, "00-" + "0" * 32 + "-" + "0" * 16 + "-ff"),
    "ce_tracestate": ("a=b,c", "\U000e0001"),
    "ce_unknown": ("x", b"\xff"),
    "other": (b"\xff\xfe", ""),
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 -- JSON
    """Yield the path of everything in a JSON document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in inside:
        yield (*path, name)
        yield from places(inner, (*path, name))


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:  # noqa: ANN401 -- JSON
    """Return a copy with what is at `path` replaced."""
    copied = copy.deepcopy(value)
    inner = copied
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = new
    return copied


@st.composite
def messages(draw: st.DrawFn) -> Received:
    """Draw a golden sample with up to three of its values or headers at a limit."""
    chosen = draw(st.sampled_from(samples()))
    value: Any = chosen.value
    headers: dict[str, bytes | str] = dict(chosen.headers)
    headers["ce_id"] = str(draw(st.uuids()))
    for _ in range(draw(st.integers(0, 3))):
        if draw(st.booleans()):
            path = draw(st.sampled_from(list(places(value))))
            value = changed(value, path, draw(st.sampled_from([each for kind in LIMITS.values() for each in kind])))
        else:
            name = draw(st.sampled_from(sorted(HEADERS)))
            headers[name] = draw(st.sampled_from(HEADERS[name]))
    data = json.dumps(value, ensure_ascii=False).encode()
    return Received(chosen.topic, 0, 0, chosen.key.encode(), headers, data)


class Door:
    """One service's consumer on its own database, taking in one message at a time."""

    def __init__(self, engine: AsyncEngine, subscription: Subscription) -> None:
        self._engine = engine
        self._group = subscription.group
        self._intake = Intake(engine, subscription, FixedClock(NOW), dead_in_a_row=1_000_000)
        self._positions: Counter[str] = Counter()
        self.fates: Counter[str] = Counter()

    async def hear(self, message: Received) -> None:
        """Take it in; whatever it is, it becomes something."""
        if message.topic not in self._positions:
            async with self._engine.begin() as connection:
                row = "INSERT INTO consumer_state VALUES (:group, :topic, 0, 'c', 0)"
                await connection.execute(text(row), {"group": self._group, "topic": message.topic})
        placed = replace(message, position=self._positions[message.topic])
        outcome = await self._intake.take_in(LiveBatch(self._group, "c"), [self._intake.look(placed)])
        self._positions[message.topic] += 1
        assert sum(outcome.counts.values()) == 1
        self.fates.update(outcome.counts)

    async def failures(self) -> list[str]:
        """Return where handlers stumbled over what they should have refused."""
        query = text("SELECT reason FROM dead_letters WHERE reason_code = 'handler-failed'")
        async with self._engine.connect() as connection:
            return list((await connection.execute(query)).scalars())

    async def reasons(self) -> set[str]:
        """Return the reason codes of all dead letters."""
        async with self._engine.connect() as connection:
            return set((await connection.execute(text("SELECT DISTINCT reason_code FROM dead_letters"))).scalars())


@pytest.fixture(params=SUBSCRIPTIONS)
async def door(request: pytest.FixtureRequest, database_factory: DatabaseFactory) -> AsyncIterator[Door]:
    dsn = await database_factory(("shared.messaging", f"services.{request.param}"))
    engine = create_engine(SecretStr(dsn), application_name="fuzz")
    opened = Door(engine, SUBSCRIPTIONS[request.param])
    yield opened
    assert await opened.failures() == []
    await engine.dispose()


@settings(
    max_examples=examples(150),
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(message=messages())
async def test_whatever_is_heard_finds_its_fate(door: Door, message: Received) -> None:
    await door.hear(message)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_a_time_that_utc_does_not_have_is_a_bad_attribute(door: Door, moment: str) -> None:
    for sample in samples():
        await door.hear(replace(sample.received(), headers={**sample.headers, "ce_time": moment}))
    assert await door.reasons() == {"bad-attributes"}


async def test_a_version_that_no_column_holds_is_refused_by_a_reason_of_its_own(door: Door) -> None:
    for sample in samples():
        if "version" in sample.value and sample.type != AccessKeyChangedV1.event_type:  # its contract bounds it
            await door.hear(sample.with_value(version=2**31).received())
    allowed = {"version-absurd", "plan-contradicts-itself", "unit-contradicts-itself"}
    assert await door.reasons() <= allowed
