"""Clients of a running system, with plans to work on, who remember what they were told."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2

from tests.support.province import PROVINCE, import_and_issue, tasks_of
from tests.support.stream import Stream, plan_file
from tests.support.system import System

TASKS_A_PLAN = 1000


class Flow:
    """Several clients that take tasks from one queue, report and confirm them, and repeat until answered."""

    def __init__(
        self, system: System, clients: list[httpx2.AsyncClient], readers: dict[str, httpx2.AsyncClient]
    ) -> None:
        self.system = system
        self.readers = readers
        """By service, for whoever counts."""
        self.streams: list[Stream] = []
        self._left: deque[tuple[Stream, dict[str, Any]]] = deque()
        self._clients = clients

    @property
    def sent(self) -> int:
        """Completions acknowledged and confirmed, as the clients know."""
        return sum(len(stream.confirmed) for stream in self.streams)

    @property
    def surprises(self) -> list[str]:
        return [each for stream in self.streams for each in stream.surprises]

    async def prepare(self, folder: Path, tasks: int) -> None:
        """Issue plans with so many tasks together, and wait until the tasks service has learnt them."""
        while tasks > 0:
            number = min(tasks, TASKS_A_PLAN)
            file = await asyncio.to_thread(plan_file, folder / f"plan-{number}.tsv", number)
            title = f"Diễn tập {len(self.streams) + 1}"
            plan_id = await asyncio.to_thread(import_and_issue, self.system, title=title, file=file)
            found = await asyncio.to_thread(tasks_of, self.system, plan_id, number, within=60)
            stream = Stream(self.system, plan_id)
            self.streams.append(stream)
            self._left.extend((stream, task) for task in found.values())
            tasks -= number

    async def send(self, count: int) -> None:
        """Report and confirm the next tasks, all clients at once; return when each has its answer.

        Raises:
            AssertionError: there are no tasks left, or a client never got an answer.
        """
        assert len(self._left) >= count, "the drill has run out of tasks"
        wanted = deque(self._left.popleft() for _ in range(count))

        async def work(client: httpx2.AsyncClient) -> None:
            while wanted:
                stream, task = wanted.popleft()
                await stream.report_and_confirm(client, task)

        async with asyncio.TaskGroup() as group:
            for client in self._clients[:count]:
                group.create_task(work(client))


@contextlib.asynccontextmanager
async def open_flow(system: System, *, clients: int = 4) -> AsyncIterator[Flow]:
    """Yield clients; their connections are closed at the end."""
    reads = {"Authorization": f"Bearer {system.token('secretariat', PROVINCE)}"}
    async with contextlib.AsyncExitStack() as stack:

        async def client(service: str, headers: dict[str, str]) -> httpx2.AsyncClient:
            made = httpx2.AsyncClient(
                base_url=system.url(service),
                headers=headers,
                timeout=15,
                verify=False,  # plain HTTP on loopback
            )
            return await stack.enter_async_context(made)

        yield Flow(
            system,
            [await client("tasks", {}) for _ in range(clients)],
            {service: await client(service, reads) for service in ("plans", "tasks", "reporting")},
        )
