"""Waiting for outcomes: a deadline, never a fixed pause."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")
PAUSE = 0.02


@overload
async def eventually(check: Callable[[], Awaitable[T | None]], within: float = 10, *, tell: str = "") -> T: ...


@overload
async def eventually(check: Callable[[], T | None], within: float = 10, *, tell: str = "") -> T: ...


async def eventually(check: Callable[[], Any], within: float = 10, *, tell: str = "") -> Any:
    """Call `check` until it returns something true, and return that.

    An AssertionError of `check` counts as "not yet"; the last one is raised when the time is over.

    Raises:
        AssertionError: nothing true came within `within` seconds.
    """
    deadline = time.monotonic() + within
    while True:
        failed: AssertionError | None = None
        found: object = None
        try:
            answer = check()
            found = await answer if inspect.isawaitable(answer) else answer
        except AssertionError as error:
            failed = error
        if found:
            return found
        if time.monotonic() > deadline:
            raise failed or AssertionError(f"not within {within} s: {tell or check}; last answer: {found!r}")
        await asyncio.sleep(PAUSE)
