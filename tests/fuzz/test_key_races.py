"""A hundred requests at once under one Idempotency-Key, at every door that writes: one thing happens, once."""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.support.event_logs import fetch
from tests.support.province import PROVINCE, import_and_issue, tasks_of
from tests.support.stream import plan_file
from tests.support.system import System, until

RACES = int(os.environ.get("CCHC_TEST_RACES", "20"))  # noqa: TID251 -- a drill's count
MANY, SOME, OTHERS = 100, 20, 3
"""Requests with the same body: so many in every fifth round of the doors, else fewer; and those with other bodies."""
LEAD = "TV-STP"
"""It leads every fourth task of the plan."""
Send = Callable[[str], Awaitable[httpx2.Response]]


@dataclass(frozen=True)
class Race:
    """One door with a write that nobody has made yet: sent with the same text by most, with another by a few."""

    door: str
    send: Send
    happened: Callable[[], Awaitable[int]]
    """Tells how often the write took place."""


@dataclass(frozen=True)
class Ground:
    """A system with an issued plan that has a task for every race."""

    system: System
    plan_id: str
    tasks: list[dict[str, Any]]
    plan: bytes

    def client(self, service: str, role: str, unit: str | None) -> httpx2.AsyncClient:
        headers = {"Authorization": f"Bearer {self.system.token(role, unit)}"}
        limits = httpx2.Limits(max_connections=MANY + OTHERS)
        return httpx2.AsyncClient(
            base_url=self.system.url(service), headers=headers, timeout=60, verify=False, limits=limits
        )


@pytest.fixture(scope="module")
def ground(system: System, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    file = plan_file(tmp_path_factory.mktemp("races") / "plan.tsv", 4 * (RACES // 4 + 1))
    plan_id = import_and_issue(system, title="Kế hoạch để tranh", file=file)
    tasks = [
        task for task in tasks_of(system, plan_id, 4 * (RACES // 4 + 1)).values() if LEAD in str(task["lead_units"])
    ]
    with system.client("reporting", "secretariat", PROVINCE) as reporting:
        until(lambda: reporting.get(f"/v1/plans/{plan_id}/progress").status_code == 200, within=30, what="plan heard")
    return Ground(system, plan_id, tasks, file.read_bytes())


def completion(ground: Ground, number: int, clients: Mapping[str, httpx2.AsyncClient]) -> Race:
    task = ground.tasks[number // len(DOORS)]
    path = f"/v1/tasks/{task['id']}/completions"
    document = {"number": "1/BC", "issued_on": "2023-10-20"}

    async def send(text: str) -> httpx2.Response:
        body = {"completed_on": "2023-10-20", "evidence": [document], "note": text}
        return await clients["tasks"].post(path, json=body, headers={"Idempotency-Key": f"race-{number}"})

    return Race("completion", send, lambda: events(ground, "tasks", task["id"]))


def unit(ground: Ground, number: int, clients: Mapping[str, httpx2.AsyncClient]) -> Race:
    code = f"TV-R{number}"

    async def send(text: str) -> httpx2.Response:
        body = {"code": code, "name": f"Đơn vị {text}", "kind": "department", "parent": PROVINCE}
        return await clients["units"].post("/v1/units", json=body, headers={"Idempotency-Key": f"race-{number}"})

    return Race("unit", send, lambda: events(ground, "plans", code))


def plan(ground: Ground, number: int, clients: Mapping[str, httpx2.AsyncClient]) -> Race:
    async def send(text: str) -> httpx2.Response:
        form = {"unit": PROVINCE, "year": "2031", "title": f"{number} {text}"}
        head = b"\n".join(ground.plan.splitlines()[:3])
        return await clients["plans"].post(
            "/v1/plans/import",
            data=form,
            files={"file": ("plan.tsv", head)},
            headers={"Idempotency-Key": f"race-{number}"},
        )

    async def happened() -> int:
        rows = await fetch(ground.system, "plans", "SELECT count(*) FROM plans WHERE title LIKE $1", f"{number} %")
        return int(rows[0][0])

    return Race("plan", send, happened)


def report(ground: Ground, number: int, clients: Mapping[str, httpx2.AsyncClient]) -> Race:
    async def send(text: str) -> httpx2.Response:
        period = {"name": f"{number} {text}", "from": "2023-01-01", "to": "2023-10-31"}
        body = {"plan_id": ground.plan_id, "period": period}
        return await clients["reporting"].post("/v1/reports", json=body, headers={"Idempotency-Key": f"race-{number}"})

    async def happened() -> int:
        query = "SELECT count(*) FROM reports WHERE period_name LIKE $1"
        return int((await fetch(ground.system, "reporting", query, f"{number} %"))[0][0])

    return Race("report", send, happened)


async def events(ground: Ground, service: str, subject: str) -> int:
    query = "SELECT count(*) FROM outbox WHERE headers ->> 'ce_subject' = $1"
    return int((await fetch(ground.system, service, query, subject))[0][0])


DOORS = (completion, unit, plan, report)


@pytest.mark.timeout(3600)
async def test_one_key_a_hundred_times_at_once_is_one_write_and_another_body_is_refused(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever comes first is written, all others with the same body get his answer, other bodies are refused."""
    people = {
        "tasks": ("tasks", "department", LEAD),
        "units": ("plans", "admin", None),
        "plans": ("plans", "secretariat", PROVINCE),
        "reporting": ("reporting", "secretariat", PROVINCE),
    }
    clients = {name: ground.client(*who) for name, who in people.items()}
    found: Counter[str] = Counter()
    try:
        for number in range(RACES):
            race = DOORS[number % len(DOORS)](ground, number, clients)
            found.update(await run(race, MANY if number // len(DOORS) % 5 == 0 else SOME))
    finally:
        for client in clients.values():
            await client.aclose()
    with capsys.disabled():
        told = ", ".join(f"{what} {count}" for what, count in sorted(found.items()))
        print(f"\n{RACES} races of up to {MANY + OTHERS} requests: {told}")  # noqa: T201 -- the count is the promise


async def run(race: Race, same: int) -> list[str]:
    """Hold one race; return what happened, told by the kind of answer."""
    texts = ["như nhau"] * same
    for number in range(OTHERS):
        texts.insert((number + 1) * same // (OTHERS + 1), f"khác {number}")
    answers = await asyncio.gather(*(race.send(text) for text in texts))
    accepted = {text: answer.json() for text, answer in zip(texts, answers, strict=True) if answer.is_success}
    assert len(accepted) == 1, [(answer.status_code, answer.text[:200]) for answer in answers if not answer.is_success]
    winner = next(iter(accepted))
    for text, answer in zip(texts, answers, strict=True):
        if text == winner:
            assert (answer.is_success, answer.json()) == (True, accepted[winner])
        else:
            assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused"), answer.text
    assert await race.happened() == 1
    return [f"{race.door} {answer.status_code}" for answer in answers]
