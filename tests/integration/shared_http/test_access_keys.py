"""Access keys at the door of any service: which hold, what they are good for, and what a use costs."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from shared.access_keys import AccessKey, Verb, digest, new_key, read_key
from shared.clock import SystemClock, vietnam_date
from shared.database.access_keys import SqlAccessKeys
from shared.http.caller import Role
from shared.ids import TimeOrderedIds
from shared.key_check import FRESH_SECONDS
from tests.support.postgres import DatabaseFactory
from tests.support.tiny_service import PERMISSIONS, TinyService
from tests.support.waiting import eventually

VERBS = {"list_tasks": Verb.READ, "read_task": Verb.READ, "report_completion": Verb.REPORT}
REPORT = {"completed_on": "2023-10-18", "share": 100}
BOTH = frozenset(Verb)
NOW = SystemClock().now()


@pytest.fixture
async def tiny(tmp_path: Path, database_factory: DatabaseFactory) -> AsyncIterator[TinyService]:
    found = TinyService(tmp_path, await database_factory(("shared.messaging",)), verbs=VERBS)
    yield found
    await found.engine.dispose()


async def a_key(
    tiny: TinyService, *, verbs: frozenset[Verb] = BOTH, hours: float = 1, revoked: bool = False
) -> tuple[str, AccessKey]:
    """Bring a key of Sở Y tế into the service's database; return its text and its state."""
    key_id = TimeOrderedIds().new()
    shown = new_key(key_id)
    expires_at = SystemClock().now() + timedelta(hours=hours)
    key = AccessKey(key_id, 1, digest(shown), "TV-SYT", verbs, expires_at, revoked)
    await learn(tiny, key)
    return shown, key


async def learn(tiny: TinyService, key: AccessKey) -> None:
    async with tiny.engine.begin() as connection:
        await SqlAccessKeys(connection).learn(key)


@asynccontextmanager
async def program(tiny: TinyService, key: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with tiny.client(None) as client:
        client.headers["authorization"] = f"Bearer {key}"
        yield client


async def status(tiny: TinyService, key: str, path: str = "/v1/tasks/1") -> int:
    async with program(tiny, key) as client:
        return (await client.get(path)).status_code


async def used_on(tiny: TinyService, key_id: UUID) -> object:
    async with tiny.engine.connect() as connection:
        return await connection.scalar(text("SELECT used_on FROM access_keys WHERE id = :id"), {"id": key_id})


async def test_a_key_speaks_for_its_unit_as_a_department(tiny: TinyService) -> None:
    shown, _ = await a_key(tiny)
    async with program(tiny, shown) as client:
        read = await client.get("/v1/tasks/7")
        reported = await client.post("/v1/tasks/7/completions", json=REPORT)
    assert (read.status_code, read.json()["unit"]) == (200, "TV-SYT")
    assert reported.status_code == 201, reported.text


@pytest.mark.parametrize("verb", Verb)
async def test_a_verb_that_the_key_has_not_is_refused(tiny: TinyService, verb: Verb) -> None:
    shown, _ = await a_key(tiny, verbs=frozenset({verb}))
    async with program(tiny, shown) as client:
        answers = {
            Verb.READ: await client.get("/v1/tasks/7"),
            Verb.REPORT: await client.post("/v1/tasks/7/completions", json=REPORT),
        }
    for needed, answer in answers.items():
        assert (answer.status_code < 400) == (needed is verb)
    (refused,) = (answer for needed, answer in answers.items() if needed is not verb)
    assert (refused.status_code, refused.json()["code"]) == (403, "verb-required")


async def test_a_route_that_names_no_verb_is_closed_to_keys(tiny: TinyService) -> None:
    """Denied by default: a route that its author has not opened to programs takes a person."""
    shown, _ = await a_key(tiny)
    open_to_departments = {name for name, roles in PERMISSIONS.items() if Role.DEPARTMENT in roles} - VERBS.keys()
    assert open_to_departments == {"read_key", "fail"}
    async with program(tiny, shown) as client:
        for path in ("/v1/keys", "/v1/fail/domain"):
            answer = await client.post(path)
            assert (answer.status_code, answer.json()["code"]) == (403, "verb-required")


async def test_keys_that_do_not_hold_are_told_apart_by_nobody(tiny: TinyService) -> None:
    """Unknown, wrong, revoked, expired, malformed: the same answer, byte for byte but for the trace."""
    shown, key = await a_key(tiny)
    other, _ = await a_key(tiny)
    revoked, _ = await a_key(tiny, revoked=True)
    expired, _ = await a_key(tiny, hours=-0.001)
    unknown = new_key(TimeOrderedIds().new())
    bad = [
        f"cchc_{key.id.hex}_{other[-43:]}",
        f"cchc_{key.id.hex.upper()}_{shown[-43:]}",
        shown[:-1],
        f"{shown}A",
        shown[:-1] + ("A" if shown[-1] != "A" else "B"),
        f"cchc_{key.id}_{shown[-43:]}",
        "cchc_",
        "cchc_" + "x" * 9000,
        revoked,
        expired,
        unknown,
    ]
    answers = []
    async with tiny.client(None) as client:
        for each in bad:
            answer = await client.get("/v1/tasks/1", headers={"authorization": f"Bearer {each}"})
            assert answer.status_code == 401, each
            answers.append({**answer.json(), "instance": ""})
            assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert all(answer == answers[0] for answer in answers)
    assert await status(tiny, shown) == 200


async def test_a_revoked_key_is_refused_within_seconds(tiny: TinyService) -> None:
    shown, key = await a_key(tiny)
    assert await status(tiny, shown) == 200
    await learn(tiny, replace(key, version=2, revoked=True))

    async def is_refused() -> bool:
        return await status(tiny, shown) == 401

    await eventually(is_refused, within=FRESH_SECONDS + 1)


async def test_an_older_state_does_not_bring_a_revoked_key_back(tiny: TinyService) -> None:
    shown, key = await a_key(tiny)
    await learn(tiny, replace(key, version=2, revoked=True))
    await learn(tiny, key)
    assert await status(tiny, shown) == 401


async def test_a_key_that_was_unknown_is_let_in_as_soon_as_it_is_learnt(tiny: TinyService) -> None:
    key_id = TimeOrderedIds().new()
    shown = new_key(key_id)
    assert await status(tiny, shown) == 401
    await learn(tiny, AccessKey(key_id, 1, digest(shown), "TV", BOTH, NOW + timedelta(days=1)))
    assert await status(tiny, shown) == 200


async def test_many_requests_ask_the_database_once(tiny: TinyService) -> None:
    shown, _ = await a_key(tiny)
    asked: list[str] = []

    @event.listens_for(tiny.engine.sync_engine, "before_cursor_execute")
    def count(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "SELECT access_keys" in statement:
            asked.append(statement)

    async with program(tiny, shown) as client:
        answers = await asyncio.gather(*(client.get("/v1/tasks/1") for _ in range(50)))
        answers += [await client.get("/v1/tasks/1") for _ in range(50)]
    assert {answer.status_code for answer in answers} == {200}
    assert len(asked) <= 3

    asked.clear()
    async with tiny.client(None) as stranger:
        invented = [{"authorization": f"Bearer {new_key(TimeOrderedIds().new())}"} for _ in range(200)]
        answers = await asyncio.gather(*(stranger.get("/v1/tasks/1", headers=headers) for headers in invented))
    assert {answer.status_code for answer in answers} == {401}
    assert len(asked) <= 10


async def test_the_last_use_is_noted_once_a_day_and_not_in_the_requests_way(tiny: TinyService) -> None:
    shown, key = await a_key(tiny)
    async with tiny.engine.connect() as lock:
        await lock.execute(text("SELECT 1 FROM access_keys WHERE id = :id FOR UPDATE"), {"id": key.id})
        assert await status(tiny, shown) == 200  # the row is locked, and the request does not wait for it
    today = vietnam_date(SystemClock().now())

    async def is_noted() -> bool:
        return await used_on(tiny, key.id) == today

    await eventually(is_noted)
    async with tiny.engine.connect() as connection:
        before = await connection.scalar(text("SELECT xmin FROM access_keys"))
        for _ in range(20):
            assert await status(tiny, shown) == 200
        assert await connection.scalar(text("SELECT xmin FROM access_keys")) == before


async def test_nothing_of_a_key_is_in_the_log(tiny: TinyService, caplog: pytest.LogCaptureFixture) -> None:
    shown, key = await a_key(tiny)
    with caplog.at_level(logging.DEBUG):
        assert await status(tiny, shown) == 200
        assert await status(tiny, f"{shown}x") == 401
    assert caplog.text
    for secret in (shown, shown[-43:], key.sha256.hex()):
        assert secret not in caplog.text


async def test_a_database_that_is_away_is_told_as_such(tmp_path: Path) -> None:
    answer_of = TinyService(tmp_path, verbs=VERBS)
    async with program(answer_of, new_key(TimeOrderedIds().new())) as client:
        answer = await client.get("/v1/tasks/1")
    assert (answer.status_code, answer.json()["code"]) == (503, "database-unavailable")


BAD_ROWS: dict[str, dict[str, Any]] = {
    "ck_access_keys_version_counts": {"version": 0},
    "ck_access_keys_digest_is_whole": {"sha256": b"short"},
    "ck_access_keys_verbs_known": {"verbs": ["confirm"]},
}


@pytest.mark.parametrize("constraint", BAD_ROWS)
async def test_the_table_refuses_what_no_key_can_be(tiny: TinyService, constraint: str) -> None:
    row = {"id": TimeOrderedIds().new(), "version": 1, "sha256": bytes(32), "verbs": ["read"], **BAD_ROWS[constraint]}
    statement = text(
        "INSERT INTO access_keys (id, version, sha256, unit, verbs, expires_at, revoked)"
        " VALUES (:id, :version, :sha256, 'TV', :verbs, now(), false)"
    )
    async with tiny.engine.connect() as connection:
        with pytest.raises(IntegrityError, match=constraint):
            await connection.execute(statement, row)


def test_a_key_has_256_random_bits_and_says_which_it_is() -> None:
    made = [new_key(TimeOrderedIds().new()) for _ in range(1000)]
    assert len({key[-43:] for key in made}) == 1000
    for key in made:
        shown = read_key(key)
        assert shown is not None
        assert key.startswith(f"cchc_{shown.id.hex}_")
        assert shown.sha256 == digest(key)
