"""The embedded PostgreSQL: what it survives, and what it refuses with one sentence."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from deploy.embedded import postgres
from deploy.embedded.postgres import EmbeddedPostgres, provision
from deploy.embedded.process import is_alive
from deploy.embedded.refusal import StartRefusedError
from tests.support.ports import free_port
from tests.support.postgres import DatabaseFactory, named

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that others may enter; pytest's own may be entered by its owner only."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        Path(place).chmod(0o755)
        yield Path(place)


async def ask(dsn: str, question: str) -> object:
    connection = await asyncpg.connect(dsn, ssl=False)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_data_outlive_a_stop_and_a_start(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path, free_port())
    await server.start()
    await ask(server.admin_dsn, "CREATE TABLE kept AS SELECT 1 AS one")
    assert await server.child.stop(10), "a fast shutdown needs no kill"
    again = EmbeddedPostgres(tmp_path, free_port())
    await again.start()
    assert await ask(again.admin_dsn, "SELECT one FROM kept") == 1
    assert await ask(again.admin_dsn, "SELECT lower('ĐƯỜNG ẤP')") == "đường ấp"
    await again.stop()


async def test_data_outlive_kill_9_of_the_server(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path, free_port())
    await server.start()
    await ask(server.admin_dsn, "CREATE TABLE kept AS SELECT 1 AS one")
    pid = server.child.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await server.child.wait()
    await server.start()
    assert await ask(server.admin_dsn, "SELECT one FROM kept") == 1
    await server.stop()


async def test_cut_off_initdb_is_made_again(tmp_path: Path) -> None:
    unfinished = tmp_path / "pgdata.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n", encoding="ascii")
    (tmp_path / "pgdata").mkdir()
    server = EmbeddedPostgres(tmp_path, free_port())
    await server.start()
    assert await ask(server.admin_dsn, "SELECT 1") == 1
    await server.stop()
    assert not unfinished.exists()


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [("PG_VERSION", "17\n", "was made by PostgreSQL 17"), ("thesis.docx", "", "holds files but no PostgreSQL data")],
)
async def test_foreign_data_are_refused_and_left_alone(tmp_path: Path, file: str, content: str, sentence: str) -> None:
    data = tmp_path / "pgdata"
    data.mkdir()
    (data / file).write_text(content, encoding="ascii")
    with pytest.raises(StartRefusedError, match=sentence) as refusal:
        await EmbeddedPostgres(tmp_path, free_port()).start()
    assert "\n" not in str(refusal.value)
    assert [path.name for path in data.iterdir()] == [file]


async def test_lock_file_naming_a_living_stranger_does_not_stop_the_start(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path, free_port())
    await server.start()
    await server.stop()
    stranger = f"{os.getpid()}\n{server.data}\n1700000000\n{server.port}\n\n127.0.0.1\n"
    (server.data / "postmaster.pid").write_text(stranger, encoding="ascii")
    await server.start()
    assert await ask(server.admin_dsn, "SELECT 1") == 1
    await server.stop()


async def test_server_dies_with_its_launcher_and_the_next_one_finds_the_data(tmp_path: Path) -> None:
    port = free_port()
    launcher = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import asyncio, sys; from pathlib import Path; from deploy.embedded.postgres import EmbeddedPostgres\n"
        "async def main():\n"
        "    server = EmbeddedPostgres(Path(sys.argv[1]), int(sys.argv[2]))\n"
        "    await server.start()\n"
        "    print(server.child.pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())",
        str(tmp_path),
        str(port),
        cwd=PROJECT,
        stdout=subprocess.PIPE,
    )
    assert launcher.stdout is not None
    server_pid = int(await launcher.stdout.readline())
    assert is_alive(server_pid)
    launcher.kill()
    await launcher.wait()
    successor = EmbeddedPostgres(tmp_path, port)
    await successor.start()
    assert not is_alive(server_pid)
    assert await ask(successor.admin_dsn, "SELECT 1") == 1
    await successor.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
async def test_root_without_user_namespaces_runs_it_as_nobody(
    monkeypatch: pytest.MonkeyPatch, open_directory: Path
) -> None:
    monkeypatch.setattr(postgres, "_mode_for_postgres", lambda: "nobody")
    server = EmbeddedPostgres(open_directory / "home", free_port())
    await server.start()
    assert await ask(server.admin_dsn, "SELECT 1") == 1
    assert server.data.owner() == "nobody"
    assert await server.child.stop(10)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
async def test_nobody_is_not_sent_into_a_closed_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(postgres, "_mode_for_postgres", lambda: "nobody")
    with pytest.raises(StartRefusedError, match="set CCHC_HOME"):
        await EmbeddedPostgres(tmp_path / "home", free_port()).start()


async def test_a_role_opens_its_own_database_only(postgres_server: str) -> None:
    passwords = {"cchc_trial_one": "first'\"secret", "cchc_trial_two": "second"}
    await provision(postgres_server, passwords)
    await provision(postgres_server, passwords)
    address = urlsplit(postgres_server)
    own = f"postgresql://cchc_trial_two:second@{address.hostname}:{address.port}/cchc_trial_two"
    assert await ask(own, "SELECT current_user || '/' || current_database()") == "cchc_trial_two/cchc_trial_two"
    await ask(own, "CREATE TABLE mine (id int)")
    for foreign in ("cchc_trial_one", "postgres"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ask(named(own, foreign), "SELECT 1")
    for role in passwords:
        await ask(postgres_server, f"DROP DATABASE {role} WITH (FORCE)")
        await ask(postgres_server, f"DROP ROLE {role}")


async def test_each_test_database_is_its_own(database_factory: DatabaseFactory) -> None:
    first, second = await database_factory(()), await database_factory(())
    await ask(first, "CREATE TABLE only_here (id int)")
    assert await ask(second, "SELECT to_regclass('only_here')") is None
