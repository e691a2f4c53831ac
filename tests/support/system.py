"""A whole running system, started the way a user starts it (`cchc run`), in a directory and on ports of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2

from deploy.embedded.state import read_state
from shared.clock import SystemClock
from shared.security import issue_token

ROOT = Path(__file__).resolve().parents[2]
CCHC = Path(sys.executable).with_name("cchc")
RUNNING = "[running;"


def until(check: Callable[[], Any], *, within: float, what: str, pause: float = 0.05) -> Any:  # noqa: ANN401 -- the check's
    """Return the first truthy answer of `check`; AssertionError with `what` after `within` seconds."""
    deadline = time.monotonic() + within
    last: Any = None
    while time.monotonic() < deadline:
        try:
            last = check()
        except (OSError, httpx2.HTTPError, subprocess.SubprocessError) as error:
            last = error
        else:
            if last:
                return last
        time.sleep(pause)
    raise AssertionError(f"not within {within} s: {what}; last: {last!r}")


@dataclass
class System:
    """One `cchc run` with its own home."""

    home: Path
    base: int
    environment: Mapping[str, str] = field(default_factory=dict)
    issuer: str = "cchc-embedded"
    process: subprocess.Popen[bytes] | None = None

    def variables(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CCHC_")}  # noqa: TID251 -- a child's
        return {**kept, "CCHC_HOME": str(self.home), "CCHC_PORT": str(self.base), **self.environment}

    def start(self, *, within: float = 90) -> None:
        """Start and wait until it says that it runs (first data loaded) and every service that it is ready."""
        self.home.mkdir(parents=True, exist_ok=True)
        said_before = self.said().count(RUNNING)
        with (self.home / "run.log").open("ab") as log:
            self.process = subprocess.Popen(
                [CCHC, "run"], cwd=ROOT, env=self.variables(), stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

        def runs() -> bool:
            self.require_running()
            return self.said().count(RUNNING) > said_before

        until(runs, within=within, what="cchc run says that it runs")
        self.wait_until_ready(within=within)

    def said(self) -> str:
        """Return what `cchc run` has printed so far."""
        log = self.home / "run.log"
        return log.read_text(encoding="utf-8") if log.exists() else ""

    def require_running(self) -> None:
        assert self.process is None or self.process.poll() is None, f"cchc run ended: {self.said()[-2000:]}"

    def wait_until_ready(self, *, within: float = 60) -> None:
        def ready() -> bool:
            self.require_running()
            return all(
                httpx2.get(f"{self.url(name)}/health/ready", timeout=3).json()["status"] == "ready"
                for name in ("plans", "tasks", "reporting")
            )

        until(ready, within=within, what="all services ready", pause=0.1)

    def stop(self, *, within: float = 10) -> int:
        """Send SIGTERM; return the exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(within)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait(5)
            self.process = None

    def command(self, *arguments: str, within: float = 60) -> str:
        """Run `cchc ...` against this system; return what it printed."""
        found = subprocess.run(
            [CCHC, *arguments],
            cwd=ROOT,
            env=self.variables(),
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )
        assert found.returncode == 0, f"cchc {' '.join(arguments)}: {found.stdout}\n{found.stderr}"
        return found.stdout

    def processes(self) -> dict[str, dict[str, Any]]:
        """Return the processes by name, as `cchc ps --json` tells, which reads the same file."""
        found = read_state(self.home / "run")
        assert found is not None, "nothing runs here"
        return {row.name: asdict(row) for row in found.processes}

    def admin_dsn(self, database: str = "postgres") -> str:
        """Return the administrator's address of a database of this system."""
        password = (self.home / "secrets" / "postgres-app").read_text(encoding="ascii").strip()
        return f"postgresql://app:{password}@127.0.0.1:{self.base + 32}/{database}"

    def log_dsn(self) -> str:
        """Return the address of the PostgreSQL event log, as its role."""
        password = (self.home / "secrets" / "cchc_log").read_text(encoding="ascii").strip()
        return f"postgresql://cchc_log:{password}@127.0.0.1:{self.base + 32}/cchc_log"

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.base + {'plans': 1, 'tasks': 2, 'reporting': 3}[service]}"

    def token(self, role: str, unit: str | None = None) -> str:
        """Return a bearer token of the embedded issuer."""
        return issue_token(
            self.home / "keys",
            issuer=self.issuer,
            audience="cchc",
            role=role,
            unit=unit,
            name=f"Thử {role}",
            expires=timedelta(hours=2),
            now=SystemClock().now(),
        )

    def client(self, service: str, role: str, unit: str | None = None) -> httpx2.Client:
        return httpx2.Client(
            base_url=self.url(service),
            headers={"Authorization": f"Bearer {self.token(role, unit)}"},
            timeout=30,
            verify=False,  # plain HTTP on loopback; spares reading all certificates for every client
        )
