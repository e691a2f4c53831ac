"""docker-compose.yml is not a guess: its commands, with its environment and in its order, run here as plain processes.

Where a Docker engine is missing, PostgreSQL and Kafka of the same kind are started without it, and only what names the
compose network is replaced: host names, ports, the keys' directory.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from deploy.embedded.kafka import EmbeddedKafka
from deploy.embedded.postgres import EmbeddedPostgres
from tests.support.ports import free_base_port
from tests.support.province import import_and_issue, report_all, wait_for_done
from tests.support.system import ROOT, System, until

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
BY_PROFILE = {name for name, service in COMPOSE["services"].items() if "profiles" in service}
"""Started on request only; `docker compose up` leaves them alone, and so do these tests."""
SECRETS = {
    name: f"bi-mat-{name.lower()}"
    for name in re.findall(r"^(CCHC_[A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
}
LONG_RUNNING = [f"{service}-{part}" for service in ("plans", "tasks", "reporting") for part in ("api", "worker")]

pytestmark = [pytest.mark.kafka, pytest.mark.slow(20)]


def interpolate(value: str) -> str:
    """Fill `${NAME}`, `${NAME:-default}`, `${NAME:?}` as compose does."""

    def fill(found: re.Match[str]) -> str:
        name, operator, rest = found.group(1), found.group(2), found.group(3)
        if name in SECRETS:
            return SECRETS[name]
        assert operator == ":-", f"${{{name}}} is neither in .env.example nor has it a default"
        return rest

    return re.sub(r"\$\{([A-Z_]+)(?:(:-|:\?)([^}]*))?\}", fill, value)


@dataclass
class Composition:
    """The processes of docker-compose.yml on this machine."""

    folder: Path
    base: int
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def environment(self, name: str) -> dict[str, str]:
        given = COMPOSE["services"][name].get("environment", {})
        replaced = {
            key: interpolate(str(value))
            .replace("postgres:5432", f"127.0.0.1:{self.base + 32}")
            .replace("kafka:9092", f"127.0.0.1:{self.base + 92}")
            .replace("/run/cchc", str(self.folder))
            .replace("0.0.0.0", "127.0.0.1")  # noqa: S104 -- compose binds inside a container
            for key, value in given.items()
        }
        ports = {f"CCHC_{service.upper()}_PORT": str(self.base + offset) for service, offset in PORTS.items()}
        return {"PATH": f"{Path(sys.executable).parent}:{os.defpath}", **ports, **replaced}

    def command(self, name: str) -> list[str]:
        service = COMPOSE["services"][name]
        given = [*service.get("entrypoint", ()), *service.get("command", ())]
        words = [word.replace("/run/cchc", str(self.folder)) for word in given]
        return [sys.executable if words[0] == "python" else str(Path(sys.executable).with_name(words[0])), *words[1:]]

    def run_once(self, name: str, *arguments: str) -> str:
        found = subprocess.run(
            [*self.command(name), *arguments],
            env=self.environment(name),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert found.returncode == 0, f"{name}: {found.stdout}\n{found.stderr}"
        return found.stdout

    def start(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                self.command(name), env=self.environment(name), cwd=ROOT, stdout=log, stderr=log
            )

    def stop(self) -> dict[str, int]:
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        return {name: process.wait(15) for name, process in self.running.items()}


PORTS = {"plans": 1, "tasks": 2, "reporting": 3}


def needs(name: str) -> set[str]:
    return set(COMPOSE["services"][name].get("depends_on", {}))


async def init_databases(postgres: EmbeddedPostgres) -> None:
    """Run deploy/postgres/init.sql with psql, as the image's entry point does."""
    psql = postgres.binaries / "psql"
    variables = {**SECRETS, "PATH": os.defpath}
    found = subprocess.run(  # noqa: ASYNC221 -- nothing else runs in this loop
        [str(psql), postgres.admin_dsn, "-f", str(ROOT / "deploy" / "postgres" / "init.sql")],
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 0, found.stderr


@pytest.fixture(scope="module")
async def composition(tmp_path_factory: pytest.TempPathFactory, kafka_libraries: Path) -> Any:  # noqa: ANN401, ARG001 -- a generator; the libraries skip
    folder = tmp_path_factory.mktemp("compose")
    base = free_base_port()
    postgres = EmbeddedPostgres(folder / "postgres", base + 32)
    kafka = EmbeddedKafka(folder / "kafka", base + 92)
    await postgres.start()
    await kafka.start()
    await init_databases(postgres)
    composed = Composition(folder, base)
    try:
        yield composed
    finally:
        composed.stop()
        await kafka.stop()
        await postgres.stop()


def start_in_order(composed: Composition) -> Iterator[str]:
    """Start what the file describes, each only after all that it depends on; yield the order."""
    finished = {"postgres", "kafka"}
    waiting = [name for name in COMPOSE["services"] if name not in finished | BY_PROFILE]
    while waiting:
        name = next(name for name in waiting if needs(name) <= finished)
        if name in LONG_RUNNING:
            composed.start(name)
        else:
            composed.run_once(name)
        finished.add(name)
        waiting.remove(name)
        yield name


def passes(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_every_process_of_the_file_is_known() -> None:
    assert (
        set(LONG_RUNNING) | {"postgres", "kafka", "keys", "migrate", "topics", "seed"}
        == set(COMPOSE["services"]) - BY_PROFILE
    )


def test_each_process_sees_the_keys_that_it_needs() -> None:
    """Who signs tokens, and what opens the secrets of webhooks, is not in the reach of every service."""
    seen = {
        name: {volume.partition(":")[0] for volume in service.get("volumes", ())}
        for name, service in COMPOSE["services"].items()
    }
    reporting = {"reporting-api", "reporting-worker", "migrate"}  # the last one reads every service's settings
    assert {name for name, volumes in seen.items() if "issuer" in volumes} == {"keys", "token"}
    assert {name for name, volumes in seen.items() if "webhook" in volumes} == {"keys", *reporting}
    writers = {name for name in LONG_RUNNING for volume in COMPOSE["services"][name]["volumes"] if "ro" not in volume}
    assert writers == set()


def test_only_loopback_is_published() -> None:
    for name, service in COMPOSE["services"].items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name


@pytest.mark.timeout(300)
def test_the_described_processes_do_the_main_job(composition: Composition) -> None:
    order = list(start_in_order(composition))
    assert order.index("migrate") < order.index("plans-api")
    for service, offset in PORTS.items():
        health = COMPOSE["services"][f"{service}-api"]["healthcheck"]["test"]
        port = str(composition.base + offset)
        command = [str(Path(sys.executable).with_name("cchc")), *health[2:-1], port]
        until(partial(passes, command), within=60, what=f"{service} healthy by its own health check")
    token = composition.run_once("token", "--role", "secretariat", "--unit", "TV").strip()
    with httpx2.Client(headers={"Authorization": f"Bearer {token}"}) as secretariat:
        assert secretariat.get(f"http://127.0.0.1:{composition.base + 1}/v1/plans").status_code == 200
    shutil.copy(composition.folder / "issuer" / "issuer.jwk", composition.folder / "keys")  # where `System` looks
    system = System(composition.folder, composition.base, {"CCHC_TRANSPORT": "kafka"}, issuer="cchc-compose")
    plan_id = import_and_issue(system, title="Kế hoạch CCHC năm 2023")
    report_all(system, plan_id)
    figures = wait_for_done(system, plan_id, 32, cutoff="2023-10-31")
    assert (figures["total"], figures["done"], figures["due"], figures["done_on_time"]) == (38, 32, 33, 29)


def test_every_process_stops_cleanly_on_sigterm(composition: Composition) -> None:
    assert composition.running, "the main job started them"
    codes = composition.stop()
    composition.running.clear()
    assert set(codes.values()) == {0}, codes
