"""A completion takes a short way past the framework when its form is plain: nobody can tell which way was taken."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tests.support.tasks_service import TasksService, a_completion

DOCUMENT = a_completion()["evidence"][0]
BODIES = {
    "in order": json.dumps(a_completion()).encode(),
    "no JSON": b'{"completed_on": ',
    "not UTF-8": b'{"completed_on": "2023-10-18", "note": "\xff"}',
    "a list": b"[]",
    "deep": b"[" * 100_000,
    "unknown field": json.dumps(a_completion(xong=True)).encode(),
    "day of the wrong type": json.dumps(a_completion(completed_on=20231018)).encode(),
    "half a surrogate pair": b'{"completed_on": "2023-10-18", "note": "\\ud800"}',
    "control character": json.dumps(a_completion(note="a\x07b")).encode(),
    "without evidence": json.dumps(a_completion(evidence=[])).encode(),
    "in the future": json.dumps(a_completion(completed_on="2024-01-01")).encode(),
    "too much evidence": json.dumps(a_completion(evidence=[DOCUMENT] * 51)).encode(),
}
MADE_ANEW = {"completion_id", "receipt", "instance"}


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    """A body whose length is not said takes the framework's way."""
    yield body[:5]
    yield body[5:]


def told(answer: httpx2.Response) -> tuple[int, str | None, dict[str, Any]]:
    body = {name: value for name, value in answer.json().items() if name not in MADE_ANEW}
    return answer.status_code, answer.headers.get("content-type"), body


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "một".encode()}, {"Idempotency-Key": b"k"}])
async def test_both_ways_answer_the_same(service: TasksService, body: bytes, headers: dict[str, bytes]) -> None:
    sent = {b"Content-Type": b"application/json", **{name.encode(): value for name, value in headers.items()}}
    async with service.department() as health:
        short = await health.post(f"/v1/tasks/{await service.a_task()}/completions", content=body, headers=sent)
        if b"Idempotency-Key" in sent and short.status_code == 201:
            sent[b"Idempotency-Key"] = b"another"
        framework = await health.post(
            f"/v1/tasks/{await service.a_task()}/completions", content=in_pieces(body), headers=sent
        )
    assert told(short) == told(framework)
    assert {name: short.headers.get(name) for name in ("cache-control", "x-content-type-options")} == {
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }


async def test_answer_of_one_way_is_repeated_by_the_other(service: TasksService) -> None:
    path = f"/v1/tasks/{await service.a_task()}/completions"
    headers = {"Content-Type": "application/json", "Idempotency-Key": "bc-1"}
    async with service.department() as health:
        short = await health.post(path, content=BODIES["in order"], headers=headers)
        framework = await health.post(path, content=in_pieces(BODIES["in order"]), headers=headers)
    assert (short.status_code, short.content) == (framework.status_code, framework.content)
    assert await service.count("outbox") == 1


async def test_short_way_lets_nobody_in_whom_the_edge_refuses(service: TasksService) -> None:
    path = f"/v1/tasks/{await service.a_task()}/completions"
    headers = {"Content-Type": "application/json"}
    async with (
        service.caller("leader") as leader,
        service.department("TV-STP") as other,
        service.department() as health,
    ):
        assert (await leader.post(path, content=BODIES["in order"], headers=headers)).status_code == 403
        assert (await other.post(path, content=BODIES["in order"], headers=headers)).status_code == 403
        assert (await health.post(f"{path}?x=1", content=BODIES["in order"], headers=headers)).status_code == 422
        plain = await health.post(path, content=BODIES["in order"], headers={"Content-Type": "text/plain"})
        assert plain.status_code == 415
        stale = {**headers, "If-Match": '"7"'}
        assert (await health.post(path, content=BODIES["in order"], headers=stale)).status_code == 412
    assert await service.count("outbox") == 0
