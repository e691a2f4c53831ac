"""Growing pauses with jitter, cut short when the process shall stop."""

import asyncio
import random
from contextlib import suppress


class Backoff:
    """Doubles from `first` to `most` seconds; each pause is between half and all of it, so that many do not meet."""

    def __init__(self, *, first: float = 0.1, most: float = 10.0) -> None:
        self._first, self._most, self._next = first, most, first

    def reset(self) -> None:
        self._next = self._first

    def draw(self) -> float:
        """Return the next pause in seconds."""
        pause = self._next * random.uniform(0.5, 1)  # noqa: S311 -- spreads load, guards nothing
        self._next = min(self._most, self._next * 2)
        return pause

    async def wait(self, stop: asyncio.Event) -> None:
        """Pause, or return at once when `stop` is set."""
        await pause(stop, self.draw())


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait for `seconds` or until `stop` is set."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
