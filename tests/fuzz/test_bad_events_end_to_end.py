"""Every named bad event on the log of a running system: refused by its reason wherever it is heard; the rest goes on.

A neighbour that is broken as well waits as a dead letter until somebody mends it and replays it; then it counts.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr

from services.plans.consumers import SUBSCRIPTION as PLANS
from services.reporting.consumers import SUBSCRIPTION as REPORTING
from services.tasks.consumers import SUBSCRIPTION as TASKS
from shared.messaging.transports import create_transport
from shared.messaging.transports.port import Record, RecordRefused, Transport
from shared.settings import SharedSettings
from tests.support.bad_events import BadEvent, bad_events
from tests.support.event_logs import fetch
from tests.support.province import PROVINCE, import_and_issue, progress, tasks_of
from tests.support.samples import sample
from tests.support.stream import plan_file
from tests.support.system import System
from tests.support.waiting import eventually

HEARD = {"plans": PLANS, "tasks": TASKS, "reporting": REPORTING}
CASE = "x-case"
"""A header of ours: which case a dead letter is."""


@pytest.fixture
async def log(system: System) -> AsyncIterator[Transport]:
    transport = create_transport(SharedSettings(log_database_url=SecretStr(system.log_dsn())))
    await transport.start()
    yield transport
    await transport.stop()


def record_of(case: BadEvent, number: int) -> Record | None:
    """Return what our own publisher would send; None for what only another could (no value, bytes in a header)."""
    headers = {name: value for name, value in case.received.headers.items() if isinstance(value, str)}
    if case.received.value is None or len(headers) != len(case.received.headers):
        return None
    key = (case.received.key or b"").decode()
    return Record(case.received.topic, key, {**headers, CASE: str(number)}, case.received.value)


def is_refused_by(service: str, case: BadEvent) -> bool:
    """Tell whether the service listens there and has anything to do with the type, or cannot even tell the type."""
    heard = HEARD[service]
    kind = case.received.headers.get("ce_type")
    return case.received.topic in {topic.name for topic in heard.topics} and (not kind or kind in heard.handlers)


async def letters(system: System, service: str) -> dict[int, str]:
    """Return the reason codes of all cases that the service has put aside."""
    query = f"SELECT headers ->> '{CASE}' AS number, reason_code FROM dead_letters WHERE headers ? '{CASE}'"  # noqa: S608 -- our own constant
    return {int(row["number"]): row["reason_code"] for row in await fetch(system, service, query)}


async def test_each_is_a_dead_letter_with_its_reason_or_never_gets_into_the_log(
    system: System, log: Transport, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = bad_events()
    records = {number: record for number, case in enumerate(cases) if (record := record_of(case, number)) is not None}
    refused = set()
    for number, record in records.items():  # one by one: the log holds back what comes after a refused one
        (answer,) = await log.publish([record])
        if isinstance(answer, RecordRefused):
            refused.add(number)
        else:
            assert answer is None, (cases[number].name, answer)
    in_the_log = records.keys() - refused
    expected = {
        service: {number: cases[number].code for number in in_the_log if is_refused_by(service, cases[number])}
        for service in HEARD
    }

    async def all_put_aside() -> bool:
        for service, wanted in expected.items():
            assert await letters(system, service) == wanted, service
        return True

    assert await eventually(all_put_aside, within=90)
    assert len(in_the_log) >= 200
    with capsys.disabled():
        told = Counter({service: len(wanted) for service, wanted in expected.items()})
        print(f"\n{len(cases)} bad events: {len(refused)} refused by the log; dead letters {dict(told)}")  # noqa: T201 -- the count is the promise


@dataclass(frozen=True)
class Reported:
    """A completion as its publisher should have sent it, and as it did."""

    good: bytes
    broken: Record


def a_completion(plan_id: str, task: dict[str, Any]) -> Reported:
    model = sample("cchc.task.completed.v1")
    value = {**model.value, "plan_id": plan_id, "task_id": task["id"], "version": 1}
    headers = {**model.headers, "ce_id": task["id"], "ce_subject": task["id"], "ce_partitionkey": plan_id}
    broken = {**value, "completed_on": "30/02/2026"}
    return Reported(json.dumps(value).encode(), Record(model.topic, plan_id, headers, json.dumps(broken).encode()))


def a_progress(plan_id: str, task: dict[str, Any]) -> Record:
    """Return what comes last: heard, it says that all before it was."""
    model = sample("cchc.task.progressed.v1")
    value = {**model.value, "plan_id": plan_id, "task_id": task["id"], "version": 2}
    headers = {**model.headers, "ce_id": plan_id, "ce_subject": task["id"], "ce_partitionkey": plan_id}
    return Record(model.topic, plan_id, headers, json.dumps(value).encode())


async def mend(system: System, service: str, good: bytes, task_id: str) -> None:
    """Put the right value into the kept message, as an operator does with the publisher's consent."""
    query = (
        "UPDATE dead_letters SET value = $1 WHERE headers ->> 'ce_subject' = $2 AND resolved_at IS NULL RETURNING id"
    )
    assert len(await fetch(system, service, query, good, task_id)) == 1


async def open_letters_of(system: System, task_id: str) -> Sequence[str]:
    query = "SELECT 1 FROM dead_letters WHERE headers ->> 'ce_subject' = $1 AND resolved_at IS NULL"
    return [service for service in HEARD if await fetch(system, service, query, task_id)]


async def test_a_mended_letter_is_replayed_into_every_figure_and_a_second_replay_changes_nothing(
    system: System, log: Transport, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Three completions in one partition, the middle one broken: two count at once, all three after the repair."""
    plan_id = import_and_issue(
        system, title="Kế hoạch có báo cáo hỏng", file=plan_file(tmp_path_factory.mktemp("bad") / "plan.tsv", 3)
    )
    tasks = list(tasks_of(system, plan_id, 3).values())
    reported = [a_completion(plan_id, task) for task in tasks]
    sent = [
        Record(each.broken.topic, plan_id, each.broken.headers, each.broken.value if number == 1 else each.good)
        for number, each in enumerate(reported)
    ]

    def awaiting() -> int:
        return int(progress(system, plan_id, cutoff="2026-12-31")["awaiting_confirmation"])

    await eventually(lambda: bool(progress(system, plan_id)), within=30)
    assert await log.publish(sent) == [None, None, None]
    await eventually(lambda: awaiting() == 2, within=30)
    broken = tasks[1]["id"]

    async def put_aside() -> bool:
        return await open_letters_of(system, broken) == ["plans", "reporting"]

    await eventually(put_aside, within=30)
    for service in ("plans", "reporting"):
        await mend(system, service, reported[1].good, broken)
        query = "SELECT id FROM dead_letters WHERE headers ->> 'ce_subject' = $1"
        number = str((await fetch(system, service, query, broken))[0]["id"])
        told = system.command("dead-letters", "replay", number, "--service", service)
        assert told == f"{service} {number}: handled\n"
    assert awaiting() == 3
    again = [sent[0], Record(sent[1].topic, plan_id, sent[1].headers, reported[1].good), a_progress(plan_id, tasks[2])]
    assert await log.publish(again) == [None, None, None]
    query = "SELECT type FROM ledger WHERE plan_id = $1::uuid AND type LIKE 'cchc.task.%' ORDER BY seq DESC"

    async def kinds() -> list[str]:
        found = [row["type"] for row in await fetch(system, "reporting", query, plan_id)]
        return found if found[0] == "cchc.task.progressed.v1" else []

    assert await eventually(kinds, within=30) == ["cchc.task.progressed.v1"] + ["cchc.task.completed.v1"] * 3
    assert awaiting() == 3
    assert await open_letters_of(system, broken) == []
    with system.client("plans", "secretariat", PROVINCE) as plans:
        assert plans.get(f"/v1/plans/{plan_id}").json()["progress"] == {"total": 3, "done": 0}
