"""/metrics over a real database: the gauges show the tables at the moment of the scrape."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert

from shared.database.tables import consumer_progress, dead_letters, outbox, parked_messages
from shared.ids import TimeOrderedIds
from tests.support.postgres import DatabaseFactory
from tests.support.tiny_service import TinyService

NOW = datetime(2026, 11, 22, tzinfo=UTC)  # of rows whose age does not count


def an_event(age_seconds: int, **more: object) -> dict[str, Any]:
    recorded_at = func.clock_timestamp() - timedelta(seconds=age_seconds)
    content = {"topic": "t", "key": "k", "type": "y", "headers": {}, "value": b""}
    return {**content, "event_id": TimeOrderedIds().new(), "recorded_at": recorded_at, **more}


def a_dead_letter(position: int, reason_code: str, **more: object) -> dict[str, Any]:
    place = {"consumer_group": "reporting", "cluster_id": "c", "topic": "t", "partition": 0, "position": position}
    return {**place, "headers": {}, "reason_code": reason_code, "reason": "", **more}


ROWS = (
    insert(outbox).values(an_event(90)),
    insert(outbox).values(an_event(0)),
    insert(outbox).values(an_event(3600, published_at=NOW, published_to="c")),
    insert(consumer_progress).values(
        consumer_group="reporting", topic="cchc.tasks.v1", partition=2, position=1, lag=7, checked_at=NOW
    ),
    insert(dead_letters).values(a_dead_letter(1, "undecodable")),
    insert(dead_letters).values(a_dead_letter(2, "refused", resolved_at=NOW, resolution="replayed")),
    insert(parked_messages).values(
        consumer_group="reporting",
        event_id=TimeOrderedIds().new(),
        cluster_id="c",
        topic="t",
        partition=0,
        position=3,
        headers={},
        value=b"",
        waits_for="plan:1",
    ),
)


async def scrape(tiny: TinyService) -> str:
    async with tiny.client(None) as scraper:
        answer = await scraper.get("/metrics")
    assert answer.status_code == 200
    return answer.text


def value(metrics: str, series: str) -> float:
    (line,) = [line for line in metrics.splitlines() if line.startswith(series + " ")]
    return float(line.rpartition(" ")[2])


async def test_gauges_show_the_tables(tmp_path: Path, database_factory: DatabaseFactory) -> None:
    tiny = TinyService(tmp_path, await database_factory(("shared.messaging",)))
    assert value(await scrape(tiny), "cchc_outbox_unpublished") == 0
    async with tiny.engine.begin() as connection:
        for statement in ROWS:
            await connection.execute(statement)
    metrics = await scrape(tiny)
    await tiny.engine.dispose()
    assert value(metrics, "cchc_outbox_unpublished") == 2
    assert 90 <= value(metrics, "cchc_outbox_oldest_unpublished_age_seconds") < 150
    assert value(metrics, 'cchc_consumer_lag{group="reporting",partition="2",topic="cchc.tasks.v1"}') == 7
    assert value(metrics, 'cchc_dead_letters_open{group="reporting",reason_code="undecodable"}') == 1
    assert 'reason_code="refused"' not in metrics
    assert value(metrics, 'cchc_parked_messages{group="reporting"}') == 1
    assert value(metrics, "cchc_database_up") == 1
    assert "# HELP cchc_outbox_unpublished Events in the outbox" in metrics


async def test_scrape_without_a_database_answers_and_says_so(tmp_path: Path) -> None:
    metrics = await scrape(TinyService(tmp_path))
    assert value(metrics, "cchc_database_up") == 0
    assert "cchc_outbox_unpublished " not in metrics
