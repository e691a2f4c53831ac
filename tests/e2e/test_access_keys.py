"""An access key in a running system: made by plans, good at all three services, refused by all three when revoked."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx2
import pytest

from shared.clock import SystemClock, vietnam_date
from tests.support.ports import free_base_port
from tests.support.province import PROVINCE, import_and_issue, tasks_of
from tests.support.system import System, until

SERVICES = {"plans": "/v1/plans", "tasks": "/v1/tasks", "reporting": "/v1/reports"}
TODAY = vietnam_date(SystemClock().now())
SECONDS = 5
"""Within which every service must refuse a revoked key: its event's way, and two seconds of memory."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    started = System(tmp_path_factory.mktemp("keys"), free_base_port(), {"CCHC_SAMPLE": "0"})
    try:
        started.start()
        yield started
    finally:
        started.stop()


def program(system: System, service: str, key: str) -> httpx2.Client:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx2.Client(base_url=system.url(service), headers=headers, timeout=30, verify=False)


def statuses(system: System, key: str) -> dict[str, int]:
    found = {}
    for service, path in SERVICES.items():
        with program(system, service, key) as client:
            found[service] = client.get(path).status_code
    return found


def a_key(system: System, unit: str, *verbs: str) -> dict[str, str]:
    body = {"name": "Phần mềm", "unit": unit, "verbs": verbs, "expires_on": (TODAY + timedelta(days=9)).isoformat()}
    with system.client("plans", "admin", PROVINCE) as admin:
        answer = admin.post("/v1/access-keys", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, str] = answer.json()
    until(lambda: set(statuses(system, made["key"]).values()) <= {200, 403}, within=SECONDS, what="known everywhere")
    return made


def test_a_departments_program_reports_until_its_key_is_revoked(system: System, tell: Callable[[str], None]) -> None:
    tasks = tasks_of(system, import_and_issue(system, title="Kế hoạch CCHC năm 2023"), 38)
    task = next(each for each in tasks.values() if [unit["code"] for unit in each["lead_units"]] == ["TV-STP"])
    done = {"completed_on": "2023-02-24", "evidence": [{"number": "33/KH", "issued_on": "2023-02-24"}]}
    other, made = a_key(system, "TV-SYT", "read", "report"), a_key(system, "TV-STP", "read", "report")
    with program(system, "tasks", other["key"]) as stranger:
        assert stranger.post(f"/v1/tasks/{task['id']}/completions", json=done).status_code == 404
    with program(system, "tasks", made["key"]) as own:
        answer = own.post(f"/v1/tasks/{task['id']}/completions", json=done, headers={"Idempotency-Key": "1"})
        assert answer.status_code == 201, answer.text
        confirm = f"/v1/tasks/{task['id']}/completions/{answer.json()['completion_id']}/confirm"
        assert own.post(confirm, json={}).status_code == 403

    with system.client("plans", "admin", PROVINCE) as admin:
        assert admin.delete(f"/v1/access-keys/{made['id']}").status_code == 204
    started = time.monotonic()
    until(lambda: set(statuses(system, made["key"]).values()) == {401}, within=SECONDS, what="refused everywhere")
    tell(f"access key revoked: refused by 3 services of 3 after {time.monotonic() - started:.1f} s (limit {SECONDS} s)")
    assert set(statuses(system, other["key"]).values()) == {200}


@pytest.mark.parametrize("service", ["tasks", "reporting"])
def test_a_use_at_another_service_is_seen_in_the_list(system: System, service: str) -> None:
    made = a_key_used_nowhere(system)

    def last_used() -> str | None:
        with system.client("plans", "admin", PROVINCE) as admin:
            items = admin.get("/v1/access-keys", params={"unit": "TV-SNV"}).json()["items"]
        (found,) = (item["last_used_on"] for item in items if item["id"] == made["id"])
        return found if found is None else str(found)

    assert last_used() is None

    def is_let_in() -> bool:
        with program(system, service, made["key"]) as client:
            return client.get(SERVICES[service]).status_code == 200

    until(is_let_in, within=SECONDS, what="the key is known")
    until(last_used, within=10, what="the use is told")
    assert last_used() == TODAY.isoformat()


def a_key_used_nowhere(system: System) -> dict[str, str]:
    """Make a key at the machine itself."""
    day = (TODAY + timedelta(days=9)).isoformat()
    key = system.command("access-keys", "create", "--name", "Phần mềm", "--unit", "TV-SNV", "--expires-on", day)
    return {"id": f"{key[5:13]}-{key[13:17]}-{key[17:21]}-{key[21:25]}-{key[25:37]}", "key": key.strip()}


def test_the_command_makes_lists_and_revokes_keys(system: System) -> None:
    made = a_key_used_nowhere(system)
    listed = {item["id"]: item for item in json.loads(system.command("access-keys", "list", "--json"))}
    assert (listed[made["id"]]["verbs"], listed[made["id"]]["revoked_at"]) == (["read", "report"], None)
    assert made["id"] in system.command("access-keys", "list")
    system.command("access-keys", "revoke", made["id"])
    until(lambda: set(statuses(system, made["key"]).values()) == {401}, within=SECONDS, what="refused everywhere")
    listed = {item["id"]: item for item in json.loads(system.command("access-keys", "list", "--json"))}
    assert listed[made["id"]]["revoked_at"] is not None
