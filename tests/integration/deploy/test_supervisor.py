"""`cchc run` and its commands on a system of their own: kills, refusals, stopping, what each process may know."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from deploy.embedded.home import Home
from deploy.embedded.process import is_alive
from deploy.embedded.programs import LOG_ROLE, database_url
from shared.contracts.topics import PLANS
from shared.messaging.transports import create_transport
from shared.messaging.transports.port import Record
from shared.settings import SharedSettings
from tests.support.ports import free_base_port
from tests.support.system import CCHC, ROOT, System, until
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow(80)
SAMPLE = "Kế hoạch cải cách hành chính năm 2023 của tỉnh Trà Vinh"
NAMES = {
    "postgres",
    "plans-api",
    "plans-worker",
    "tasks-api",
    "tasks-worker",
    "reporting-api",
    "reporting-worker",
}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    one = System(tmp_path_factory.mktemp("system"), free_base_port())
    one.start()
    until(lambda: "cchc đang chạy" in run_log(one), within=60, what="the welcome")
    yield one
    one.stop()


def run_log(system: System) -> str:
    return (system.home / "run.log").read_text(encoding="utf-8")


def attempt(system: System, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CCHC, *arguments], cwd=ROOT, env=system.variables(), capture_output=True, text=True, timeout=60, check=False
    )


def plans(system: System) -> list[str]:
    with system.client("plans", "secretariat", "TV") as client:
        return [item["title"] for item in client.get("/v1/plans").json()["items"]]


def test_it_tells_where_it_is_and_has_the_sample_plan(system: System) -> None:
    said = run_log(system)
    assert all(system.url(service) in said for service in ("plans", "tasks", "reporting"))
    assert plans(system) == [SAMPLE]
    assert set(system.processes()) == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_killed_process_comes_back(system: System, name: str) -> None:
    before = system.processes()[name]
    os.kill(before["pid"], signal.SIGKILL)

    def is_back() -> bool:
        now = system.processes()[name]
        return now["restarts"] > before["restarts"] and now["state"] == "running" and is_alive(now["pid"])

    until(is_back, within=20, what=f"{name} runs again")
    system.wait_until_ready(within=30)
    assert SAMPLE in plans(system)


def test_token_command_prints_a_token_that_is_let_in(system: System) -> None:
    printed = system.command("token", "--role", "leader", "--expires", "5m")
    assert printed.count("\n") == 1
    headers = {"Authorization": f"Bearer {printed.strip()}"}
    assert httpx2.get(f"{system.url('plans')}/v1/plans", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("token", "--role", "department"), 1),
        (("token", "--role", "leader", "--expires", "soon"), 1),
        (("token", "--role", "king"), 2),
        (("healthy", "--port", "1"), 1),
    ],
)
def test_refused_command_says_one_sentence(system: System, arguments: tuple[str, ...], code: int) -> None:
    refused = attempt(system, *arguments)
    assert refused.returncode == code
    assert refused.stdout == ""
    assert "Traceback" not in refused.stderr
    if code == 1:
        assert refused.stderr.count("\n") == 1


async def test_dead_letter_is_listed_shown_refused_again_and_discarded(system: System) -> None:
    log = SecretStr(database_url(Home(system.home), LOG_ROLE, system.base + 32))
    transport = create_transport(SharedSettings(log_database_url=log))
    await transport.start()
    broken = Record(PLANS.name, "no-plan", {"ce_type": "cchc.plan.issued.v1"}, "đây không phải JSON".encode())
    assert await transport.publish([broken]) == [None]
    await transport.stop()

    def listed() -> list[dict[str, Any]]:
        return [dict(row) for row in json.loads(system.command("dead-letters", "list", "--service", "tasks", "--json"))]

    await eventually(lambda: asyncio.to_thread(listed), within=20)
    letter = (await asyncio.to_thread(listed))[0]
    chosen = (str(letter["id"]), "--service", "tasks")
    shown = json.loads(await asyncio.to_thread(system.command, "dead-letters", "show", *chosen))
    assert (shown["value"], shown["topic"]) == ("đây không phải JSON", PLANS.name)
    again = await asyncio.to_thread(attempt, system, "dead-letters", "replay", *chosen)
    assert (again.returncode, again.stdout) == (1, f"tasks {letter['id']}: dead\n")
    await asyncio.to_thread(system.command, "dead-letters", "discard", *chosen, "--why", "gửi thử")
    assert await asyncio.to_thread(listed) == []
    gone = await asyncio.to_thread(attempt, system, "dead-letters", "replay", *chosen)
    assert (gone.returncode, gone.stderr.count("\n")) == (1, 1)


def test_refilled_journals_and_a_rebuilt_read_model_change_no_figure(system: System) -> None:
    demo = system.command("demo")
    assert "32/38 = 84,21 %" in demo
    plan_id = demo.split("mã kế hoạch ")[1].split()[0]

    def figures() -> dict[str, Any]:
        with system.client("reporting", "leader", "TV") as client:
            answer = client.get(f"/v1/plans/{plan_id}/progress", params={"cutoff": "2023-10-31"}).json()
        return {name: answer[name] for name in ("total", "done", "done_on_time", "done_late", "due", "overdue")}

    before = figures()
    assert system.command("refill").count("\n") == 3
    assert "sự kiện" in system.command("rebuild")
    assert figures() == before


def test_demo_can_be_repeated_and_saves_its_report(system: System) -> None:
    before = len(plans(system))
    said = system.command("demo")
    report = Path(said.split("[report saved]:")[1].strip())
    assert report.read_bytes().startswith(b"PK")
    assert len(plans(system)) == before + 1


def test_second_start_on_the_same_data_is_refused(system: System) -> None:
    assert system.process is not None
    refused = attempt(system, "run")
    assert refused.returncode == 1
    assert f"pid {system.process.pid}" in refused.stderr
    assert refused.stderr.count("\n") == 1
    system.wait_until_ready(within=5)


def test_ps_tells_what_runs(system: System) -> None:
    told = {row["name"]: (row["pid"], row["state"]) for row in json.loads(system.command("ps", "--json"))}
    assert told == {name: (row["pid"], row["state"]) for name, row in system.processes().items()}
    assert set(told) == NAMES


def test_each_process_knows_its_own_secrets_only(system: System) -> None:
    known = {}
    for name, row in system.processes().items():
        environment = Path(f"/proc/{row['pid']}/environ").read_text(encoding="utf-8", errors="replace")
        known[name] = {
            secret.name
            for secret in (system.home / "secrets").iterdir()
            if secret.read_text(encoding="utf-8").strip() in environment
        }
    assert known == {
        "postgres": set(),
        "plans-api": {"cchc_plans"},
        "plans-worker": {"cchc_plans", "cchc_log"},
        "tasks-api": {"cchc_tasks"},
        "tasks-worker": {"cchc_tasks", "cchc_log"},
        "reporting-api": {"cchc_reporting"},
        "reporting-worker": {"cchc_reporting", "cchc_log"},
    }


def test_nothing_in_the_data_directory_is_open_to_others(system: System) -> None:
    assert system.home.stat().st_mode & 0o077 == 0 or all(
        (system.home / name).stat().st_mode & 0o077 == 0 for name in ("pgdata", "secrets", "keys", "logs", "run")
    )


def test_killed_supervisor_takes_all_down_and_the_next_start_finds_the_data(system: System) -> None:
    assert system.process is not None
    pids = [row["pid"] for row in system.processes().values()]
    system.process.kill()
    system.process.wait()
    until(lambda: not any(is_alive(pid) for pid in pids), within=10, what="every child gone")
    assert attempt(system, "ps").returncode == 3
    system.start()
    assert SAMPLE in plans(system)


def test_start_right_after_a_kill_waits_for_the_old_processes(system: System) -> None:
    assert system.process is not None
    system.process.kill()
    system.process.wait()
    system.start()
    assert SAMPLE in plans(system)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_ends_well_within_ten_seconds(system: System, number: signal.Signals) -> None:
    assert system.process is not None
    pids = [row["pid"] for row in system.processes().values()]
    began = time.monotonic()
    system.process.send_signal(number)
    assert system.process.wait(10) == 0
    assert time.monotonic() - began < 10
    assert not any(is_alive(pid) for pid in pids)
    refused = attempt(system, "ps")
    assert (refused.returncode, refused.stderr.count("\n")) == (3, 1)
    system.start()
    assert SAMPLE in plans(system)


@pytest.mark.parametrize(("name", "offset"), [("tasks", 2), ("postgres", 32)])
def test_occupied_port_is_named_before_anything_starts(tmp_path: Path, name: str, offset: int) -> None:
    one = System(tmp_path / "home", free_base_port())
    with socket.socket() as occupant:
        occupant.bind(("127.0.0.1", one.base + offset))
        occupant.listen()
        refused = attempt(one, "run")
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert f"{one.base + offset} ({name})" in refused.stderr
    assert "CCHC_PORT" in refused.stderr
    assert not (one.home / "pgdata").exists()


def test_without_the_sample_it_starts_with_units_only(tmp_path: Path) -> None:
    one = System(tmp_path / "home", free_base_port(), {"CCHC_SAMPLE": "0"})
    one.start()
    try:
        until(lambda: "cchc đang chạy" in run_log(one), within=60, what="the welcome")
        assert plans(one) == []
        with one.client("plans", "secretariat", "TV") as client:
            assert client.get("/v1/units").json()["items"]
    finally:
        assert one.stop() == 0


def test_asked_to_stop_while_starting_it_stops(tmp_path: Path) -> None:
    one = System(tmp_path / "home", free_base_port())
    one.home.mkdir()
    with (one.home / "run.log").open("ab") as log:
        process = subprocess.Popen([CCHC, "run"], cwd=ROOT, env=one.variables(), stdout=log, stderr=log)
    state = one.home / "run" / "processes.json"
    until(lambda: state.exists() and json.loads(state.read_text())["processes"], within=20, what="first process")
    process.terminate()
    assert process.wait(10) == 0
    assert not any(row["pid"] for row in json.loads(state.read_text())["processes"])
