"""Work that waits is done together: who comes while one transaction is under way shares the next with all who wait.

Under load the cost of a round trip and of a flush to disk is divided among them; alone, nobody waits for company.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_TOGETHER: Final = 64
"""Items of one transaction; measured, more gains nothing, and the first would wait for the last."""


CarryOut = Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]]
"""Does a batch and returns a result or an exception for each item, in order; what it raises, all of them get."""


@dataclass(eq=False)
class _Waiting(Generic[Item, Result]):
    item: Item
    marks: frozenset[Hashable]
    result: asyncio.Future[Result]


class Gathering(Generic[Item, Result]):
    """Gathers what comes at once, for `carry_out`."""

    def __init__(self, carry_out: CarryOut[Item, Result]) -> None:
        self._carry_out = carry_out
        self._waiting: list[_Waiting[Item, Result]] = []
        self._work: asyncio.Task[None] | None = None

    async def do(self, item: Item, marks: frozenset[Hashable]) -> Result:
        """Return what became of `item`, or raise it. Who stops waiting does not stop the work.

        Args:
            item: what to do.
            marks: what two items of a batch must not share. Items with a common mark are done in the order in which
                they came, each in a batch of its own.
        """
        loop = asyncio.get_running_loop()
        waiting: _Waiting[Item, Result] = _Waiting(item, marks, loop.create_future())
        self._waiting.append(waiting)
        if self._work is None:  # in a context of its own: a batch belongs to no single request
            self._work = loop.create_task(self._work_off(), context=Context())
        return await waiting.result

    async def _work_off(self) -> None:
        batch: list[_Waiting[Item, Result]] = []
        try:
            while self._waiting:
                batch = self._next_batch()
                await self._settle(batch)
        finally:
            self._work = None
            for waiting in (*batch, *self._waiting):  # left only where the process is being stopped
                waiting.result.cancel()

    def _next_batch(self) -> list[_Waiting[Item, Result]]:
        batch: list[_Waiting[Item, Result]] = []
        left: list[_Waiting[Item, Result]] = []
        taken: set[Hashable] = set()
        for waiting in self._waiting:
            fits = len(batch) < MOST_TOGETHER and taken.isdisjoint(waiting.marks)
            (batch if fits else left).append(waiting)
            taken |= waiting.marks  # also of who is left: nobody with the same mark may overtake it
        self._waiting = left
        return batch

    async def _settle(self, batch: Sequence[_Waiting[Item, Result]]) -> None:
        results: Sequence[Result | Exception]
        try:
            results = await self._carry_out([waiting.item for waiting in batch])
        except Exception as trouble:  # noqa: BLE001 -- each is owed an answer
            results = [trouble] * len(batch)
        for waiting, result in zip(batch, results, strict=True):
            if waiting.result.done():  # its caller has gone
                continue
            if isinstance(result, Exception):
                waiting.result.set_exception(result)
            else:
                waiting.result.set_result(result)
