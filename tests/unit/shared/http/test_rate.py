"""A rate for each caller: how much is let through, what is told of the rest, and that memory stays bounded."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from starlette.types import Scope

from shared.http import rate
from shared.http.rate import Rates, TooManyRequests, rate_headers
from tests.support.tiny_service import TinyService


class Seconds:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def taken(rates: Rates, caller: str, times: int = 1) -> int:
    """Return how many of so many requests were let through."""
    count = 0
    for _ in range(times):
        try:
            rates.take({}, caller)
            count += 1
        except TooManyRequests:
            pass
    return count


def test_a_burst_and_then_the_rate() -> None:
    seconds = Seconds()
    rates = Rates(2, 10, now=seconds)
    assert taken(rates, "a", 100) == 10
    for _ in range(20):
        seconds.now += 1
        assert taken(rates, "a", 100) == 2
    seconds.now += 3600
    assert taken(rates, "a", 100) == 10


def test_callers_do_not_take_from_each_other() -> None:
    rates = Rates(1, 3, now=Seconds())
    assert (taken(rates, "a", 9), taken(rates, "b", 9)) == (3, 3)


def test_what_is_told_holds() -> None:
    """`r` requests more are let through now; after Retry-After seconds at least one is."""
    seconds = Seconds()
    rates = Rates(0.25, 4, now=seconds)
    for left in (3, 2, 1, 0):
        scope: Scope = {}
        rates.take(scope, "a")
        policy, found = rate_headers(scope)
        assert policy == (b"ratelimit-policy", b'"default";q=4;w=16')
        assert found == (b"ratelimit", b'"default";r=%d;t=%d' % (left, (4 - left) * 4))
    with pytest.raises(TooManyRequests) as refused:
        rates.take({}, "a")
    seconds.now += refused.value.retry_after
    assert taken(rates, "a", 2) == 1


def test_zero_is_off() -> None:
    rates = Rates(0, 1)
    scope: Scope = {}
    for _ in range(1000):
        rates.take(scope, "a")
    assert (rate_headers(scope), len(rates)) == ((), 0)


def test_memory_is_bounded_and_the_busy_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "MOST_CALLERS", 50)
    rates = Rates(1, 2, now=Seconds())
    assert taken(rates, "busy", 5) == 2
    for number in range(1000):
        taken(rates, f"caller {number}")
        assert taken(rates, "busy") == 0
    assert len(rates) == 50


@pytest.fixture
async def tiny(tmp_path: Path) -> AsyncIterator[TinyService]:
    found = TinyService(tmp_path, rate_per_second=0.01, rate_burst=3)
    yield found
    await found.engine.dispose()


async def test_every_answer_to_a_caller_tells_what_is_left(tiny: TinyService) -> None:
    async with tiny.client("secretariat") as caller:
        answers = [await caller.get(path) for path in ("/v1/tasks/1", "/v1/nothing", "/v1/tasks/x")]
        over = await caller.get("/v1/tasks/1")
    assert [answer.status_code for answer in answers] == [200, 404, 422]
    assert [left(answer) for answer in [*answers, over]] == [2, 1, 0, 0]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"default";q=3;w=300'}
    assert (over.status_code, over.json()["code"]) == (429, "too-many-requests")
    assert 1 <= int(over.headers["retry-after"]) <= 100
    assert over.headers["retry-after"] in over.json()["detail"]
    assert over.headers["content-language"] == "vi"


async def test_a_role_that_may_not_is_counted_too(tiny: TinyService) -> None:
    async with tiny.client("leader") as leader:
        codes = [(await leader.post("/v1/forms")).status_code for _ in range(4)]
    assert codes == [403, 403, 403, 429]


async def test_open_paths_and_strangers_have_no_rate(tiny: TinyService) -> None:
    async with tiny.client(None) as stranger:
        for path, status in (("/health/live", 200), ("/v1/tasks/1", 401)):
            for _ in range(10):
                answer = await stranger.get(path)
                assert answer.status_code == status
                assert "ratelimit" not in answer.headers


async def test_people_are_told_apart_by_their_subject_not_by_their_token(tiny: TinyService) -> None:
    """A new token for the same person is no new bucket."""
    codes = []
    for _ in range(4):
        async with tiny.client("secretariat") as same:
            codes.append((await same.get("/v1/tasks/1")).status_code)
    async with tiny.client("leader") as other:
        codes.append((await other.get("/v1/tasks/1")).status_code)
    assert codes == [200, 200, 200, 429, 200]


def left(answer: httpx2.Response) -> int:
    found = re.fullmatch(r'"default";r=(\d+);t=\d+', answer.headers["ratelimit"])
    assert found is not None, answer.headers
    return int(found[1])
