"""`cchc doctor` on systems that are broken for real: it names the fault and the remedy, and the remedy works."""

import asyncio
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from deploy.commands.doctor import look
from deploy.commands.doctor_findings import Finding, Level
from deploy.commands.doctor_home import GIB, judge_disk, look_at_home
from deploy.embedded.home import Home
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.state import read_state
from shared.contracts.topics import PLANS
from shared.database.revisions import LOG
from shared.messaging.transports.port import Record
from shared.messaging.transports.postgres_log import PostgresLog
from shared.security import make_issuer
from tests.support.ports import free_base_port, free_port
from tests.support.postgres import DatabaseFactory
from tests.support.system import CCHC, ROOT, System, until

Found = dict[tuple[str, str], Finding]
SERVICES = ("plans", "tasks", "reporting")
PAUSE = 0.3
"""Seconds between two looks; each asks every service and database."""
NOT_JSON = Record(PLANS.name, "no-plan", {"ce_type": "cchc.plan.issued.v1"}, "đây không phải JSON".encode())
AN_OLD_EVENT = """
INSERT INTO outbox (event_id, topic, key, type, headers, value, recorded_at)
SELECT gen_random_uuid(), topic, key, type, headers, value, clock_timestamp() + $1::interval FROM outbox LIMIT 1
"""


def ask(environment: dict[str, str]) -> tuple[int, Found]:
    """Return the exit code that `cchc doctor` would have and what is not well, by check and about."""
    with pytest.MonkeyPatch.context() as patched:
        for name in [name for name in os.environ if name.startswith("CCHC_")]:  # noqa: TID251 -- as a child would have it
            patched.delenv(name)
        for name, value in environment.items():
            patched.setenv(name, value)
        findings = look()
    for each in findings:
        assert re.search(r"\[.+\]$", each.sentence), each
        assert bool(each.remedy) == (each.level is not Level.WELL), each
    return max(each.level for each in findings), {
        (each.check, each.about): each for each in findings if each.level is not Level.WELL
    }


def command(environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CCHC, "doctor", *options], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def follow(remedy: str, pattern: str, **variables: str) -> None:
    """Run the command of the remedy, word for word."""
    found = re.search(pattern, remedy)
    assert found, remedy
    command = shlex.split(found[0].strip("`"))
    program = str(CCHC) if command[0] == "cchc" else command[0]
    subprocess.run([program, *command[1:]], cwd=ROOT, env=variables or None, check=True, capture_output=True)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A running system whose consumers halt at the second dead letter in a row."""
    one = System(
        tmp_path_factory.mktemp("doctor"),
        free_base_port(),
        {"CCHC_SAMPLE": "0", "CCHC_DEAD_LETTERS_IN_A_ROW": "2"},
    )
    one.start()
    yield one
    one.stop()


def pid_of(system: System, name: str) -> int:
    running = read_state(system.home / "run")
    assert running is not None
    (pid,) = [row.pid for row in running.processes if row.name == name]
    assert pid is not None
    return pid


def well(system: System, within: float = 30) -> None:
    until(lambda: ask(system.variables()) == (0, {}), within=within, what="doctor finds nothing wrong", pause=PAUSE)


def execute(dsn: str, *statements: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


def publish(system: System, record: Record) -> None:
    async def run() -> None:
        log = PostgresLog(SecretStr(system.log_dsn()))
        await log.start()
        assert await log.publish([record]) == [None]
        await log.stop()

    asyncio.run(run())


@pytest.mark.slow(40)
def test_hung_worker_behind_a_growing_outbox_is_named_and_killing_it_helps(system: System) -> None:
    well(system)
    pid = pid_of(system, "plans-worker")
    os.kill(pid, 19)  # SIGSTOP
    execute(system.admin_dsn("cchc_plans"), AN_OLD_EVENT.replace("$1", "'-2 minutes'"))
    code, found = ask(system.variables())
    assert code == 2
    assert "bị treo" in found["process", "plans-worker"].sentence
    assert "1 sự kiện của plans chưa phát, cũ nhất 2 phút" in found["outbox", "plans"].sentence
    follow(found["process", "plans-worker"].remedy, r"kill -9 \d+")
    well(system)
    assert pid_of(system, "plans-worker") != pid


@pytest.mark.slow(40)
def test_dead_letters_are_counted_by_reason_and_a_halted_consumer_is_named(system: System) -> None:
    well(system)
    publish(system, NOT_JSON)

    def buried() -> Found:
        code, found = ask(system.variables())
        return found if code == 1 and len(found) == 2 else {}

    found = until(buried, within=20, what="dead letters", pause=PAUSE)
    assert set(found) == {("dead-letters", "tasks/tasks"), ("dead-letters", "reporting/reporting")}
    assert "tasks có 1 thông điệp hỏng, lý do bad-attributes" in found["dead-letters", "tasks/tasks"].sentence

    publish(system, NOT_JSON)

    def halted() -> Found:
        code, found = ask(system.variables())
        return found if code == 2 and ("worker", "tasks/consumer:tasks") in found else {}

    found = until(halted, within=20, what="halted consumers", pause=PAUSE)
    told = found["worker", "tasks/consumer:tasks"]
    assert "đã tự dừng: 2 dead letters in a row" in told.sentence
    for worker in ("tasks-worker", "reporting-worker"):
        assert "kill -9 <pid>" in told.remedy
        follow(f"kill -9 {pid_of(system, worker)}", r"kill -9 \d+")
    until(lambda: ask(system.variables())[0] == 1, within=30, what="running again, dead letters left", pause=PAUSE)
    for service in ("tasks", "reporting"):
        for letter in json.loads(system.command("dead-letters", "list", "--service", service, "--json")):
            system.command("dead-letters", "discard", str(letter["id"]), "--service", service, "--why", "thử")
    well(system)


@pytest.mark.slow(40)
def test_closed_log_is_named_and_opening_it_helps(system: System) -> None:
    well(system)
    execute(
        system.admin_dsn(),
        "ALTER DATABASE cchc_log WITH ALLOW_CONNECTIONS false",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'cchc_log'",
    )

    def away() -> Found:
        code, found = ask(system.variables())
        return found if code == 2 and ("worker", "plans/relay") in found else {}

    found = until(away, within=30, what="relay and log are named", pause=PAUSE)
    assert "Nhật ký sự kiện không trả lời" in found["log", ""].sentence
    assert "cchc_log có cho kết nối không" in found["log", ""].remedy
    assert "đang thử lại" in found["worker", "plans/relay"].sentence
    execute(system.admin_dsn(), "ALTER DATABASE cchc_log WITH ALLOW_CONNECTIONS true")
    well(system)


@pytest.mark.slow(40)
def test_public_key_that_does_not_fit_is_named_and_written_again(system: System, tmp_path: Path) -> None:
    well(system)
    shutil.copy(make_issuer(tmp_path), system.home / "keys" / "jwks.json")
    code, found = ask(system.variables())
    told = found["keys", str(system.home / "keys" / "jwks.json")]
    assert code == 2
    assert "không khớp khóa ký" in told.sentence
    follow(told.remedy, r"`cchc keys`", **system.variables())
    well(system)


@pytest.mark.slow(40)
def test_a_running_system_is_well_and_shows_no_secret(system: System) -> None:
    secrets = [path.read_text(encoding="ascii").strip() for path in (system.home / "secrets").iterdir()]
    secrets.append(json.loads((system.home / "keys" / "issuer.jwk").read_text(encoding="ascii"))["d"])
    well(system)
    plain, machine_readable = command(system.variables()), command(system.variables(), "--json")
    for said in (plain, machine_readable):
        assert (said.returncode, said.stderr) == (0, "")
        assert not [secret for secret in secrets if secret in said.stdout]
    assert {each["level"] for each in json.loads(machine_readable.stdout)["findings"]} == {"well"}


def never_started(home: Path) -> dict[str, str]:
    return System(home, free_base_port()).variables()


@pytest.mark.parametrize("who", ["issuer.jwk", "secrets/cchc_log"])
def test_files_that_others_may_read_are_named_and_closed(tmp_path: Path, who: str) -> None:
    environment = never_started(tmp_path)
    make_issuer(tmp_path / "keys")
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets" / "cchc_log").touch(mode=0o600)
    path = tmp_path / who if "/" in who else tmp_path / "keys" / who
    path.chmod(0o644)
    _, found = ask(environment)
    told = next(each for (_, about), each in found.items() if about == str(path))
    assert "mở cho người khác (quyền 0644)" in told.sentence
    follow(told.remedy, r"`chmod 0600 [^`]+`")
    assert str(path) not in {about for _, about in ask(environment)[1]}


async def test_half_made_data_are_named_and_moving_them_away_lets_it_start(tmp_path: Path) -> None:
    """What `initdb` leaves behind when the machine goes down under it."""
    data = tmp_path / "pgdata"
    for part in ("base", "pg_wal", "global"):
        (data / part).mkdir(parents=True)
    environment = never_started(tmp_path)
    _, found = await asyncio.to_thread(ask, environment)
    told = found["data", str(data)]
    assert "dở dang, thiếu PG_VERSION, global/pg_control" in told.sentence
    await asyncio.to_thread(follow, told.remedy, r"`mv [^`]+?`")
    server = EmbeddedPostgres(tmp_path, free_port(), settings={"fsync": "off"})
    await server.start()
    await server.stop()
    _, found = await asyncio.to_thread(ask, environment)
    assert ("data", str(data)) not in found


def test_data_with_wrong_permissions_are_named(tmp_path: Path) -> None:
    data = tmp_path / "pgdata"
    for part in ("base", "pg_wal", "global"):
        (data / part).mkdir(parents=True)
    (data / "PG_VERSION").touch()
    (data / "global" / "pg_control").touch()
    data.chmod(0o755)
    (told,) = [each for each in look_at_home(Home(tmp_path)) if each.check == "data"]
    assert "quyền" in told.sentence.lower()
    follow(told.remedy, r"`chmod 0700 [^`]+`")
    assert not any(each.remedy for each in look_at_home(Home(tmp_path)) if each.check == "data")


@contextmanager
def occupied(port: int) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", port)):
        yield


def test_occupied_port_is_named_with_who_has_it(tmp_path: Path) -> None:
    environment = never_started(tmp_path)
    port = int(environment["CCHC_PORT"]) + 2
    with occupied(port):
        code, found = ask(environment)
        assert code == 2
        told = found["port", str(port)]
        assert f"Cổng {port} (tasks)" in told.sentence
        assert f"(pid {os.getpid()})" in told.sentence
        assert "đặt CCHC_PORT khác" in told.remedy
        elsewhere = {**environment, "CCHC_PORT": str(free_base_port())}
        assert not [check for check, _ in ask(elsewhere)[1] if check == "port"]
        said = command(environment)
        assert said.returncode == 2
        assert said.stdout.startswith(f"HỎNG: {told.sentence}\n   → {told.remedy}\nCHÚ Ý: ")
    code, found = ask(environment)
    assert (code, set(found)) == (1, {("process", "")})  # it is stopped, and says so


def test_disk_nearly_full_is_named() -> None:
    path = Path("/data")
    assert judge_disk(path, 50 * GIB, 100 * GIB).level == 0
    assert judge_disk(path, 4 * GIB, 100 * GIB).level == 1
    assert judge_disk(path, GIB - 1, 10 * GIB).level == 1
    assert judge_disk(path, GIB // 10, 100 * GIB).level == 2


async def test_databases_behind_are_named_and_migrating_helps(database_factory: DatabaseFactory) -> None:
    urls = {f"CCHC_{name.upper()}_DATABASE_URL": await database_factory(("shared.messaging",)) for name in SERVICES}
    environment = {**os.environ, **urls, "CCHC_LOG_DATABASE_URL": await database_factory((LOG,))}  # noqa: TID251 -- a child's
    code, found = await asyncio.to_thread(ask, environment)
    assert code == 2
    assert set(found) == {("migrations", name) for name in SERVICES}
    await asyncio.to_thread(follow, found["migrations", "tasks"].remedy, r"`cchc migrate`", **environment)
    code, found = await asyncio.to_thread(ask, environment)
    assert (code, set(found)) == (1, {("worker", name) for name in SERVICES})  # migrated; no worker ran yet


async def test_clock_gone_back_messages_that_wait_and_another_log_are_named(database_factory: DatabaseFactory) -> None:
    url = await database_factory(("shared.messaging", "services.tasks"))
    connection = await asyncpg.connect(url)
    await connection.execute(
        "INSERT INTO outbox (event_id, topic, key, type, headers, value, recorded_at, published_at, published_to)"
        " VALUES (gen_random_uuid(), 't', 'k', 'y', '{}', '', clock_timestamp() + interval '2 hours', now(), 'another')"
    )
    await connection.execute(
        "INSERT INTO parked_messages (consumer_group, event_id, cluster_id, topic, partition, position, headers, value,"
        " waits_for, parked_at) VALUES ('tasks', gen_random_uuid(), 'c', 't', 0, 1, '{}', '', 'plan:1',"
        " clock_timestamp() - interval '2 days')"
    )
    await connection.execute("INSERT INTO relay_state (id, cluster_id) VALUES (1, 'another')")
    await connection.execute(
        "INSERT INTO worker_status (part, state, beat_at) VALUES ('relay', 'running', now() - interval '5 minutes')"
    )
    await connection.close()
    log = await database_factory((LOG,))
    connection = await asyncpg.connect(log)
    await connection.execute("INSERT INTO log_partitions (topic, partition) VALUES ('cchc.tasks.v1', 0)")
    await connection.close()
    given = {"CCHC_TASKS_DATABASE_URL": url, "CCHC_LOG_DATABASE_URL": log}
    code, found = await asyncio.to_thread(ask, {**os.environ, **given})  # noqa: TID251 -- a child's
    assert code == 2
    assert "đã bị lùi" in found["clock", "tasks"].sentence
    assert "2 giờ" in found["clock", "tasks"].sentence
    assert "chờ plan:1" in found["parked", "tasks"].sentence
    assert "2 ngày" in found["parked", "tasks"].sentence
    assert "một nhật ký sự kiện khác" in found["journal", "tasks"].sentence
    assert "cchc.tasks.v1: partitions = 1" in found["topics", "cchc.tasks.v1"].sentence
    assert "không báo tín hiệu đã 5 phút" in found["worker", "tasks/relay"].sentence


async def test_database_that_is_away_is_named_without_its_password() -> None:
    given = {
        "CCHC_TASKS_DATABASE_URL": f"postgresql://cchc_tasks:rat-bi-mat@127.0.0.1:{free_port()}/cchc_tasks",
    }
    code, found = await asyncio.to_thread(ask, {**os.environ, **given})  # noqa: TID251 -- a child's
    assert code == 2
    assert "Cơ sở dữ liệu của tasks không trả lời" in found["database", "tasks"].sentence
    assert "rat-bi-mat" not in str(found)
