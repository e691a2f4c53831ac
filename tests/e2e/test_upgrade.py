"""Upgrading while people are at work: from the previous commit to this one, process by process, nothing lost.

The previous state is the commit before HEAD, or HEAD itself when the checkout has changes that are not committed;
CCHC_TEST_UPGRADE_FROM names another one. Without git, or without an earlier commit, the test says so and is skipped.
"""

import asyncio
import io
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from deploy.embedded.home import Home
from deploy.embedded.postgres import EmbeddedPostgres, provision
from deploy.embedded.programs import passwords, programs
from deploy.embedded.settings import EmbeddedSettings
from tests.support.ports import free_base_port
from tests.support.province import import_and_issue, tasks_of
from tests.support.stream import plan_file
from tests.support.system import ROOT, System, until
from tests.support.traffic import SERVICES, Traffic, answers_go_on

TASKS = 200
WORKERS, APIS = ([f"{service}-{part}" for service in SERVICES] for part in ("worker", "api"))


def git(*arguments: str) -> bytes:
    """Return what git answers; skips aloud where it cannot."""
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True).stdout  # noqa: S607 -- the user's git
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"NO UPGRADE TESTED: git {arguments[0]} does not answer ({error})")


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The name of the previous commit, and a directory with its files."""
    named = os.environ.get("CCHC_TEST_UPGRADE_FROM")  # noqa: TID251 -- what this test starts from, not the product
    parts = ["services", "shared", "deploy"]
    from_head = "HEAD" if git("status", "--porcelain", "--", *parts).strip() else "HEAD~1"
    commit = git("rev-parse", "--short", "--verify", f"{named or from_head}^{{commit}}").decode().strip()
    files = set(git("ls-tree", "-r", "--name-only", commit, "--", *parts).decode().splitlines())
    if not {f"services/{service}/{part}.py" for service in SERVICES for part in ("main", "worker")} <= files:
        pytest.skip(f"NO UPGRADE TESTED: {commit} is not a whole system yet")
    tree = tmp_path_factory.mktemp("previous")
    with tarfile.open(fileobj=io.BytesIO(git("archive", commit, "--", *parts))) as archive:
        archive.extractall(tree, filter="data")
    return commit, tree


class ProcessEnded(Exception):  # noqa: N818 -- says what happened
    """A process that was to run has ended."""


@dataclass
class Installation:
    """PostgreSQL and the six processes, each started from the tree that it is to run; laid out as `cchc run` does."""

    system: System
    environments: Mapping[str, Mapping[str, str]]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def run(self, tree: Path, name: str) -> None:
        """Start one process of the system from `tree`."""
        service, _, part = name.partition("-")
        module = f"services.{service}.{'main' if part == 'api' else 'worker'}"
        with (self.system.home / "logs" / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=tree,
                env={**self.environments[name], "PYTHONPATH": str(tree)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def replace(self, tree: Path, name: str) -> None:
        """Ask a process to stop, which it does with 0, and start its successor; an API is waited for."""
        before = self.running[name]
        before.send_signal(signal.SIGTERM)
        assert before.wait(10) == 0, name
        self.run(tree, name)
        if name in APIS:
            self.wait_until_ready([name])

    def wait_until_ready(self, names: list[str]) -> None:
        for name in names:
            until(lambda name=name: self.is_ready(name), within=60, what=f"{name} ready")  # type: ignore[misc]

    def is_ready(self, name: str) -> bool:
        """Whether an API says so.

        Raises:
            ProcessEnded: it will never say so.
        """
        if self.running[name].poll() is not None:
            lines = (self.system.home / "logs" / f"{name}.log").read_text(encoding="utf-8").splitlines()
            raise ProcessEnded(f"{name}: {lines[-1] if lines else 'no word'}")
        url = f"{self.system.url(name.removesuffix('-api'))}/health/ready"
        return httpx2.get(url, timeout=3).status_code == 200

    def command(self, tree: Path, *arguments: str) -> None:
        """Run `cchc ...` of `tree` as the container of an installation does."""
        environment = {k: v for one in self.environments.values() for k, v in one.items()}
        found = subprocess.run(
            [sys.executable, "-m", "deploy.cchc", *arguments],
            cwd=tree,
            env={**environment, "PYTHONPATH": str(tree)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert found.returncode == 0, found.stderr

    def stop(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait(5)


@asynccontextmanager
async def an_installation(directory: Path) -> AsyncIterator[Installation]:
    home, port = Home(directory), free_base_port()
    home.make()
    settings = EmbeddedSettings(directory, port, "postgres", None, with_sample=False, webhook_allowed_networks=())
    postgres = EmbeddedPostgres(directory, settings.port_of("postgres"))
    await postgres.start()
    try:
        await provision(postgres.admin_dsn, passwords(home))
        told = {program.name: program.environment for program in programs(settings, home)}
        installation = Installation(System(directory, port), told)
        try:
            yield installation
        finally:
            installation.stop()
    finally:
        await postgres.stop()


@pytest.mark.slow(40)
@pytest.mark.timeout(300)
async def test_processes_are_replaced_one_by_one_while_people_work(
    previous: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit, old = previous
    async with an_installation(tmp_path / "home") as installation:

        def start_the_old() -> Traffic:
            installation.command(old, "migrate")
            installation.command(old, "keys", "--directory", str(tmp_path / "home" / "keys"))
            installation.command(old, "topics")
            installation.command(old, "seed")
            for name in (*WORKERS, *APIS):
                installation.run(old, name)
            try:
                installation.wait_until_ready(APIS)
            except ProcessEnded as ended:
                pytest.skip(f"NO UPGRADE TESTED: {commit} itself does not start: {ended}")
            file = plan_file(tmp_path / "plan.tsv", TASKS)
            plan_id = import_and_issue(installation.system, title="Nâng cấp khi đang làm việc", file=file)
            return Traffic(installation.system, plan_id, tasks_of(installation.system, plan_id, TASKS, within=60))

        traffic = await asyncio.to_thread(start_the_old)
        stop = asyncio.Event()
        working = asyncio.create_task(traffic.run(stop))
        try:
            await answers_go_on(traffic)
            await asyncio.to_thread(installation.command, ROOT, "migrate")
            await asyncio.to_thread(installation.wait_until_ready, APIS)
            await answers_go_on(traffic)
            for name in (*WORKERS, *APIS):
                await asyncio.to_thread(installation.replace, ROOT, name)
                await answers_go_on(traffic)
        finally:
            stop.set()
            await working
        heard = await asyncio.to_thread(traffic.settle)
        with capsys.disabled():
            sys.stdout.write(
                f"\nupgrade from {commit}: {len(installation.running)} processes replaced one by one, "
                f"{traffic.tally.met['answered']} requests answered, {len(traffic.failures)} failed; "
                f"{heard['events']} events, none lost, none twice\n"
            )
