"""Keeps one child alive: started again when it dies, after a pause that grows with each death in a row."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Protocol

from deploy.embedded.process import ChildProcess, started_at
from deploy.embedded.refusal import StartRefusedError
from deploy.embedded.state import ProcessRow

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds
HEALTHY_AFTER = 60.0  # seconds without a death; then the pause is the first one again


class Keepable(Protocol):
    """What can be kept: the embedded servers, and plain programs (`PlainProgram`)."""

    @property
    def child(self) -> ChildProcess | None: ...

    async def start(self) -> None:
        """Start it; return when it can be used."""

    async def stop(self, within: float) -> None: ...


class PlainProgram:
    """A child that needs no more than to be started."""

    def __init__(self, child: ChildProcess) -> None:
        self.child = child

    async def start(self) -> None:
        await self.child.start()

    async def stop(self, within: float) -> None:
        await self.child.stop(within)


class Keeper:
    """One row of `cchc ps`."""

    def __init__(
        self, name: str, kept: Keepable, *, port: int | None, changed: Callable[[], None], tell: Callable[[str], None]
    ) -> None:
        self.name, self.kept, self.port = name, kept, port
        self.restarts = 0
        self._state = "stopped"
        self._changed, self._tell = changed, tell
        self._watch: asyncio.Task[None] | None = None

    def row(self) -> ProcessRow:
        pid = self.kept.child.pid if self.kept.child is not None else None
        mark = started_at(pid) if pid is not None else None
        return ProcessRow(self.name, pid, self.port, self.restarts, self._state, mark)

    async def start(self) -> None:
        """Start it for the first time; from then on it is kept.

        Raises:
            StartRefusedError: the first start failed.
        """
        await self._start()
        self._watch = asyncio.create_task(self._keep(), name=f"keeper of {self.name}")

    async def stop(self, within: float) -> None:
        """Stop keeping it, ask it to stop, and kill it when it has not `within` seconds."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        await self.kept.stop(within)
        self._enter("stopped")

    async def _start(self) -> None:
        self._enter("starting")
        await self.kept.start()
        self._enter("running")

    async def _keep(self) -> None:
        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            code = await self.kept.child.wait() if self.kept.child is not None else None
            if time.monotonic() - began >= HEALTHY_AFTER:
                pause = FIRST_PAUSE
            self._enter("restarting")
            seconds = f"{pause:.1f}".replace(".", ",")
            self._tell(
                f"{self.name} đã dừng (mã {code}), khởi động lại sau {seconds} giây. "
                f"[ended with {code}, starting again]"
            )
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            self.restarts += 1
            try:
                await self._start()
            except (StartRefusedError, OSError) as error:
                self._tell(f"{self.name}: {error}")

    def _enter(self, state: str) -> None:
        self._state = state
        self._changed()
