"""Bad input: a clear refusal with a pointer, nothing stored, never a 5xx."""

from typing import Any

import pytest

from tests.support.tasks_service import TasksService, a_completion

DOCUMENT = {"number": "1/BC", "issued_on": "2023-10-18"}


def evidence(**changed: object) -> dict[str, Any]:
    return a_completion(evidence=[{**DOCUMENT, **changed}])


BAD = {
    "no day": {"evidence": [DOCUMENT]},
    "day that does not exist": a_completion(completed_on="2023-02-30"),
    "day as number": a_completion(completed_on=1697587200),
    "day as moment": a_completion(completed_on="2023-10-18T00:00:00Z"),
    "day as true": a_completion(completed_on=True),
    "day in the Vietnamese way": a_completion(completed_on="18/10/2023"),
    "day null": a_completion(completed_on=None),
    "far future": a_completion(completed_on="9999-12-31"),
    "far past": a_completion(completed_on="0001-01-01"),
    "unknown field": a_completion(done=True),
    "evidence as object": a_completion(evidence=DOCUMENT),
    "evidence as text": a_completion(evidence="1/BC"),
    "evidence null": a_completion(evidence=None),
    "too much evidence": a_completion(evidence=[DOCUMENT] * 51),
    "number missing": a_completion(evidence=[{"issued_on": "2023-10-18"}]),
    "number blank": evidence(number="   "),
    "number as integer": evidence(number=1),
    "number too long": evidence(number="x" * 501),
    "control character": evidence(number="1\x07/BC"),
    "NUL": a_completion(note="a\x00b"),
    "lone surrogate": a_completion(note="\ud800"),
    "note of a megabyte": a_completion(note="x" * 1_000_000),
    "note too long": a_completion(note="x" * 4001),
    "script as link": evidence(url="javascript:alert(1)"),
    "link with blanks": evidence(url="https://a b"),
    "digest in capitals": evidence(sha256="A" * 64),
    "reported later than now": a_completion(reported_at="2023-10-20T09:06:00+07:00"),
    "reported without a zone": a_completion(reported_at="2023-10-20T08:00:00"),
    "reported as number": a_completion(reported_at=0),
    "a list": [a_completion()],
    "null": None,
    "true": True,
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_completion_is_refused_with_its_place(service: TasksService, name: str) -> None:
    import json

    task_id = await service.a_task()
    async with service.department() as health:
        answer = await health.post(
            f"/v1/tasks/{task_id}/completions",
            content=json.dumps(BAD[name]).encode(),
            headers={"Content-Type": "application/json"},
        )
    assert answer.status_code == 422, (name, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["errors"], problem
    assert all(each["pointer"].startswith("/body") and each["message"] for each in problem["errors"])
    assert (await service.count("outbox"), await service.count("completions")) == (0, 0)


@pytest.mark.parametrize("content", [b"", b"{", b'{"completed_on": NaN}', b"\xff", b'{"a":' * 5000, b"1" * 5000])
async def test_what_is_not_json_is_refused(service: TasksService, content: bytes) -> None:
    task_id = await service.a_task()
    async with service.department() as health:
        answer = await health.post(
            f"/v1/tasks/{task_id}/completions", content=content, headers={"Content-Type": "application/json"}
        )
    assert 400 <= answer.status_code < 500, answer.text


@pytest.mark.parametrize("percent", [-1, 101, 1.5, True, "50", 10**30])
async def test_a_percentage_is_an_integer_from_0_to_100(service: TasksService, percent: object) -> None:
    task_id = await service.a_task()
    async with service.department() as health:
        answer = await health.post(f"/v1/tasks/{task_id}/progress", json={"note": "x", "percent": percent})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/body/percent"


async def test_texts_are_stored_composed_and_trimmed(service: TasksService) -> None:
    task_id = await service.a_task()
    async with service.department() as health:
        sent = a_completion(
            note="  Ho\u0061\u0300n   tha\u0300nh ", evidence=[{**DOCUMENT, "title": "", "issuer": None}]
        )
        answer = await health.post(f"/v1/tasks/{task_id}/completions", json=sent)
        assert answer.status_code == 201, answer.text
        [completion] = (await health.get(f"/v1/tasks/{task_id}")).json()["completions"]
    assert completion["note"] == "Hoàn thành"
    assert completion["evidence"] == [DOCUMENT]


@pytest.mark.parametrize("task_id", ["1", "x" * 300, "00000000-0000-0000-0000-00000000000g", "%00"])
async def test_an_identifier_that_is_none_is_refused(service: TasksService, task_id: str) -> None:
    async with service.department() as health:
        assert (await health.get(f"/v1/tasks/{task_id}")).status_code in {404, 422}
