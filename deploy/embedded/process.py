"""One long-running child: it writes to its own log file, dies with us, and stops on its own signal."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Mode = Literal["same", "namespace", "nobody"]
LAUNCH = Path(__file__).with_name("launch.py")


def launch_line(program: Sequence[str], *, death_signal: int, mode: Mode = "same") -> list[str]:
    """Return the command that becomes `program` with the death signal set and the rights of `mode`."""
    parent = os.getpid() if death_signal else 0
    return [sys.executable, "-I", "-S", str(LAUNCH), str(death_signal), mode, str(parent), *program]


def is_alive(pid: int) -> bool:
    """Whether a process runs under this id; one that has ended and waits for its parent (zombie) does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] not in "ZX"
    return True


def started_at(pid: int) -> str | None:
    """Return a mark that a later process under the same id will not have; None when no process runs there."""
    if not is_alive(pid):
        return None
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[19]
    with contextlib.suppress(OSError):
        shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S607 -- ps lies elsewhere on each system
        return shown.stdout.strip() or None
    return None


def tail(path: Path, characters: int = 2000) -> str:
    """Return the end of a log file, or nothing when there is none."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - characters))
        return file.read().decode(errors="replace")
    return ""


@dataclass
class ChildProcess:
    """A program, how it is started and stopped. It has its own session: Ctrl-C reaches the supervisor only."""

    name: str
    program: Sequence[str]
    environment: Mapping[str, str]
    log_file: Path
    stop_signal: signal.Signals = signal.SIGTERM
    last_signal: signal.Signals = signal.SIGKILL
    """What it gets when it did not stop in time; SIGKILL follows two seconds later."""
    mode: Mode = "same"
    working_directory: Path = Path("/")
    _process: asyncio.subprocess.Process | None = field(default=None, init=False, repr=False)

    @property
    def pid(self) -> int | None:
        """The id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    @property
    def exit_code(self) -> int | None:
        """The code with which it ended; negative: killed by that signal; None: runs, or was never started."""
        return None if self._process is None else self._process.returncode

    async def start(self) -> None:
        with self.log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *launch_line(self.program, death_signal=self.stop_signal, mode=self.mode),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.working_directory,
                env=dict(self.environment),
                start_new_session=True,
            )

    async def wait(self) -> int:
        """Wait until it ends and return its exit code."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return await self._process.wait()

    async def stop(self, within: float) -> bool:
        """Ask it to stop; kill it when it has not done so `within` seconds. Return whether asking was enough."""
        process = self._process
        if process is None or process.returncode is not None:
            return True
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(self.stop_signal)
        for patience, harder in ((within, self.last_signal), (2.0, signal.SIGKILL)):
            try:
                await asyncio.wait_for(process.wait(), patience)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(harder)
            else:
                return patience == within
        await process.wait()
        return False


async def run_once(
    program: Sequence[str], *, environment: Mapping[str, str], mode: Mode = "same", within: float = 60
) -> str:
    """Run a program to its end and return what it wrote; raise RuntimeError with its last lines when it fails."""
    process = await asyncio.create_subprocess_exec(
        *launch_line(program, death_signal=signal.SIGKILL, mode=mode),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd="/",
        env=dict(environment),
        start_new_session=True,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), within)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    text = output.decode(errors="replace")
    if process.returncode:
        raise RuntimeError(f"{Path(program[0]).name} failed ({process.returncode}): {text[-2000:].strip()}")
    return text
