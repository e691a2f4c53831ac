"""Many events at once are copied into the ledger, unless one is known; either way the same rows are there."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from services.reporting.adapters import ledger
from services.reporting.adapters.ledger import Heard, SqlLedger
from services.reporting.consumers import take_in
from services.reporting.queries import GROUP
from shared.contracts.envelope import Event
from shared.messaging.fates import is_passing
from shared.messaging.transports.port import Received
from tests.support.reporting_service import IDS, ReportingService, completed, message, the_sample_plan

Batch = list[tuple[Event[Any], Received]]
ROWS = """
SELECT event_id, type, source, subject, plan_id, task_id, version, time, headers, data, cluster_id, topic, partition,
    position
FROM ledger WHERE topic = 'cchc.tasks.v1' AND position >= 1000 ORDER BY seq
"""


def many(first: int, count: int = 120) -> Batch:
    """Completions of one plan; every third has a header of others that is no text."""
    plan_id = IDS.new()
    return [
        message(
            completed(plan_id, "TV23-03", date(2023, 10, 20), f"{number}/BC")[0],
            first + number,
            **({"odd": b"\xff"} if number % 3 == 0 else {}),
        )
        for number in range(count)
    ]


async def write(service: ReportingService, batch: Batch) -> set[Any]:
    async with service.engine.begin() as connection:
        heard = [Heard(event.attributes, received, event.data) for event, received in batch]
        return await SqlLedger(connection).write(heard, group=GROUP)


def ids(batch: Sequence[tuple[Event[Any], Received]]) -> list[Any]:
    return [event.attributes.id for event, _ in batch]


async def test_copied_and_asked_for_one_by_one_the_rows_are_the_same(
    service: ReportingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = many(1000)
    monkeypatch.setattr(ledger, "_WRITE", None)  # nothing but copying is left
    assert await write(service, batch) == set(ids(batch))
    copied = await service.rows(ROWS)
    monkeypatch.undo()
    monkeypatch.setattr(ledger, "_WORTH_COPYING", len(batch) + 1)
    again = [(event, Received(*_parts(received, 1000))) for event, received in many(1000)]
    assert await write(service, again) == set(ids(again))
    asked = (await service.rows(ROWS))[len(copied) :]
    assert [row["event_id"] for row in copied] == ids(batch)
    assert [row["event_id"] for row in asked] == ids(again)
    own = {"event_id", "subject", "plan_id", "task_id", "headers", "data", "position"}
    assert [{name: row[name] for name in row if name not in own} for row in copied] == [
        {name: row[name] for name in row if name not in own} for row in asked
    ]
    for row, (event, received) in zip([*copied, *asked], [*batch, *again], strict=True):
        assert (row["plan_id"], row["task_id"]) == (event.data.plan_id, event.data.task_id)
        assert (row["subject"], row["position"]) == (event.attributes.subject, received.position)
        assert row["headers"] == {
            name: value if isinstance(value, str) else {"base64": "/w=="} for name, value in received.headers.items()
        }


def _parts(received: Received, more: int) -> tuple[Any, ...]:
    position = received.position + more
    return received.topic, received.partition, position, received.key, received.headers, received.value


async def test_repeats_among_many_are_written_once_and_only_the_new_are_told(service: ReportingService) -> None:
    known, new = many(1000), many(2000)
    await write(service, known)
    mixed = [*new[:60], known[5], *new[60:], new[0]]
    assert await write(service, mixed) == set(ids(new))
    assert [row["event_id"] for row in await service.rows(ROWS)] == [*ids(known), *ids(new)]


async def test_plans_among_many_events_are_learnt_once(service: ReportingService) -> None:
    plan_id = IDS.new()
    plans = [message(the_sample_plan(plan_id, version=number), number) for number in range(1, 61)]
    for _ in range(2):
        async with service.engine.begin() as connection:
            await take_in(connection, plans)
    assert await service.rows("SELECT version FROM plans WHERE plan_id = :p", p=plan_id) == [{"version": 60}]
    assert await service.rows("SELECT count(*) AS n FROM ledger WHERE plan_id = :p", p=plan_id) == [{"n": 60}]


async def test_what_the_database_refuses_among_many_is_no_passing_trouble(service: ReportingService) -> None:
    batch = many(1000)
    batch[70][1].headers = {**batch[70][1].headers, "other": "a\0b"}
    with pytest.raises(DBAPIError) as refused:
        await write(service, batch)
    assert not is_passing(refused.value)
    assert await service.rows(ROWS) == []
