"""The supervisor's side of deploy/embedded/prepare.py: a child does what needs heavy libraries, then goes away."""

import asyncio
import contextlib
import signal
import sys

from deploy.embedded.home import Home
from deploy.embedded.process import launch_line, tail
from deploy.embedded.programs import SERVICES, service_environment, working_directory
from deploy.embedded.refusal import SettingRefusedError, StartRefusedError
from deploy.embedded.settings import EmbeddedSettings

PREPARED, LOAD, LOADED = b"prepared\n", b"load\n", b"loaded\n"
WITHIN = 120.0  # seconds, for each half


class Preparation:
    """Migrations, keys and topics before the services start; first data once they answer."""

    def __init__(self, settings: EmbeddedSettings, home: Home) -> None:
        self._settings, self._home = settings, home
        self._log_file = home.log_of("prepare")
        self._process: asyncio.subprocess.Process | None = None

    async def prepare(self) -> None:
        """Migrate, make keys and topics.

        Raises:
            StartRefusedError: it failed; the sentence ends with the reason.
        """
        environment = {
            name: value
            for service in SERVICES
            for name, value in service_environment(self._settings, self._home, service, worker=True).items()
        } | {
            "CCHC_HOME": str(self._home.path),
            "CCHC_PORT": str(self._settings.port),
            "CCHC_SAMPLE": str(int(self._settings.with_sample)),
        }
        with self._log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *launch_line([sys.executable, "-m", "deploy.embedded.prepare"], death_signal=signal.SIGKILL),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=working_directory(),
                env=environment,
                start_new_session=True,
            )
        await self._expect(PREPARED)

    async def load(self) -> None:
        """Load units and, once, the sample plan; the services must answer by now.

        Raises:
            StartRefusedError: it failed; the sentence ends with the reason.
        """
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(ConnectionError):
                self._process.stdin.write(LOAD)
                await self._process.stdin.drain()
        await self._expect(LOADED)
        if self._process is not None:
            await self._process.wait()

    async def stop(self) -> None:
        """End it when it is still at work; every step it takes is safe to be cut off and to be repeated."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def _expect(self, answer: bytes) -> None:
        if self._process is None or self._process.stdout is None:
            raise RuntimeError("prepare() comes first")
        late = False
        try:
            async with asyncio.timeout(WITHIN):
                said = await self._process.stdout.readline()
        except TimeoutError:
            said, late = b"", True
        if said != answer:
            code = await self._process.wait() if said == b"" and not late else None
            last = (tail(self._log_file, 4000).strip().splitlines() or [""])[-1]
            if code == SettingRefusedError.code:
                raise SettingRefusedError(last)
            raise StartRefusedError(
                f"Chuẩn bị dữ liệu không xong; xem {self._log_file}: {last} [preparing the data failed; see the log]"
            )
