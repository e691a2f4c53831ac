"""Readiness over a real database: what makes a service degraded, and what makes it unready."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.support.postgres import DatabaseFactory
from tests.support.tiny_service import TinyService

HISTORIES = ("shared.messaging",)
HEARTBEAT = "INSERT INTO worker_status (part, state, beat_at) VALUES ('relay', 'running', clock_timestamp())"


@pytest.fixture
async def tiny(tmp_path: Path, database_factory: DatabaseFactory) -> AsyncIterator[TinyService]:
    made = TinyService(tmp_path, await database_factory(HISTORIES), histories=HISTORIES)
    yield made
    await made.engine.dispose()


async def execute(tiny: TinyService, *statements: str) -> None:
    async with tiny.engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def readiness(tiny: TinyService) -> tuple[int, str, Mapping[str, Mapping[str, Any]]]:
    async with tiny.client(None) as probe:
        answer = await probe.get("/health/ready")
    body = answer.json()
    return answer.status_code, body["status"], {check["name"]: check for check in body["checks"]}


async def test_service_with_a_living_worker_is_ready(tiny: TinyService) -> None:
    await execute(tiny, HEARTBEAT)
    status, verdict, checks = await readiness(tiny)
    assert (status, verdict) == (200, "ready")
    assert set(checks) == {"database", "migrations", "signing-keys", "worker", "outbox", "consumer"}
    assert all(check["detail"].endswith(".") for check in checks.values())


async def test_worker_that_never_ran_degrades(tiny: TinyService) -> None:
    status, verdict, checks = await readiness(tiny)
    assert (status, verdict, checks["worker"]["status"]) == (200, "degraded", "degraded")


OLD_EVENT = """INSERT INTO outbox (event_id, topic, key, type, headers, value, recorded_at)
    VALUES (gen_random_uuid(), 't', 'k', 'y', '{}', '', clock_timestamp() - interval '61 seconds')"""
YOUNG_EVENT = """INSERT INTO outbox (event_id, topic, key, type, headers, value)
    VALUES (gen_random_uuid(), 't', 'k', 'y', '{}', '')"""
TRIMMED = """INSERT INTO dead_letters
        (consumer_group, cluster_id, topic, partition, position, headers, reason_code, reason)
    VALUES ('g', 'c', 't', 0, 0, '{}', 'log-trimmed', 'records 0 to 9')"""
LARGE_LAG = """INSERT INTO consumer_progress (consumer_group, topic, partition, position, lag, checked_at)
    VALUES ('g', 't', 0, 1, 1000, now())"""


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ("UPDATE worker_status SET beat_at = clock_timestamp() - interval '16 seconds'", "worker"),
        ("UPDATE worker_status SET state = 'halted'", "worker"),
        ("UPDATE worker_status SET state = 'retrying', detail = 'log: away'", "worker"),
        ("UPDATE worker_status SET detail = 'cchc.tasks.v1: partitions = 3'", "worker"),
        (OLD_EVENT, "outbox"),
        (TRIMMED, "consumer"),
        (LARGE_LAG, "consumer"),
    ],
    ids=["silent worker", "halted worker", "retrying", "weak topic", "old outbox", "trimmed log", "large lag"],
)
async def test_flow_of_events_that_stands_still_degrades_and_serves_on(
    tiny: TinyService, change: str, part: str
) -> None:
    await execute(tiny, HEARTBEAT, change)
    status, verdict, checks = await readiness(tiny)
    assert (status, verdict) == (200, "degraded")
    assert [name for name, check in checks.items() if check["status"] != "ready"] == [part]


async def test_young_outbox_and_small_lag_are_ordinary(tiny: TinyService) -> None:
    await execute(tiny, HEARTBEAT, YOUNG_EVENT, LARGE_LAG.replace("1000", "999"))
    assert (await readiness(tiny))[1] == "ready"


async def test_database_without_its_migrations_is_unready(tmp_path: Path, database_factory: DatabaseFactory) -> None:
    tiny = TinyService(tmp_path, await database_factory(()), histories=HISTORIES)
    status, verdict, checks = await readiness(tiny)
    await tiny.engine.dispose()
    assert (status, verdict) == (503, "unready")
    assert "cchc migrate" in checks["migrations"]["detail"]


async def test_missing_keys_are_unready(tiny: TinyService) -> None:
    (tiny.directory / "jwks.json").unlink()
    status, verdict, checks = await readiness(tiny)
    assert (status, verdict, checks["signing-keys"]["status"]) == (503, "unready", "unready")


async def test_database_that_is_away_is_unready_and_tells_no_address(tmp_path: Path) -> None:
    tiny = TinyService(tmp_path, "postgresql://cchc:very-secret@127.0.0.1:1/cchc_tiny", histories=HISTORIES)
    async with tiny.client(None) as probe:
        answer = await probe.get("/health/ready")
        alive = await probe.get("/health/live")
    assert (answer.status_code, answer.json()["status"]) == (503, "unready")
    assert answer.headers["retry-after"]
    for secret in ("very-secret", "127.0.0.1", "cchc_tiny", "Error"):
        assert secret not in answer.text
    assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
