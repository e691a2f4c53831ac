"""Receivers of webhooks in a process of their own, and what they have counted."""

import asyncio
import json
import sys
from array import array
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from uuid import UUID

import httpx2

from tests.support.counting_receiver_process import Book, Manner
from tests.support.system import ROOT

__all__ = ["Book", "CountingReceiver", "Manner", "Seen", "counting_receiver"]


@dataclass(frozen=True)
class Seen:
    """All that came."""

    places: Mapping[UUID, int]
    """Where an event's figures are in a book; an event that never came has no place."""
    books: Mapping[str, Book]
    """By path."""

    def count(self, path: str, column: str, event_id: UUID) -> int:
        """Return a figure of an event: `came`, `accepted`, `refused` or `order`."""
        place, book = self.places.get(event_id), self.books.get(path)
        if place is None or book is None:
            return 0
        figure: int = getattr(book, column)[place]
        return figure

    def is_lost(self, path: str, event_id: UUID) -> bool:
        """Tell whether an event was never accepted."""
        return not self.count(path, "accepted", event_id)

    def repeats(self, path: str, event_id: UUID, *, under_way: int = 0) -> int:
        """Return how often an event came without need.

        Args:
            path: of the receiver.
            event_id: the event.
            under_way: how often it was under way when a sender was killed; it may come again as often.
        """
        came, refused = (self.count(path, column, event_id) for column in ("came", "refused"))
        return max(0, came - refused - 1 - under_way)


@dataclass(frozen=True)
class CountingReceiver:
    """One process on several ports, each a host of its own to the sender."""

    ports: Sequence[int]
    client: httpx2.AsyncClient

    def url(self, name: str, number: int) -> str:
        """Return an address whose path is `/name/number`; numbers are spread over the ports."""
        return f"http://127.0.0.1:{self.ports[number % len(self.ports)]}/{name}/{number}"

    async def behave(self, name: str, manner: Manner) -> None:
        """Answer posts to a name in this manner from now on."""
        (await self.client.put(f"/{name}", json=asdict(manner))).raise_for_status()

    async def count(self, name: str) -> Mapping[str, int]:
        """Return how many posts to a name came, were accepted and were refused."""
        sums: dict[str, dict[str, int]] = (await self.client.get("/count")).json()
        return sums.get(name, {"came": 0, "accepted": 0, "refused": 0})

    async def seen(self) -> Seen:
        """Return all that came."""
        told = (await self.client.get("/tally")).content
        line, _, rest = told.partition(b"\n")
        head = json.loads(line)
        number, at = head["ids"], 16 * head["ids"]
        places = {UUID(bytes=rest[16 * place : 16 * place + 16]): place for place in range(number)}
        books = {}
        for path in head["paths"]:
            book = books[path] = Book()
            for column in book.columns():
                assert isinstance(column, array)
                column.frombytes(rest[at : at + number * column.itemsize])
                at += number * column.itemsize
        return Seen(places, books)


@asynccontextmanager
async def counting_receiver(*, ports: int = 1, seed: int = 0) -> AsyncIterator[CountingReceiver]:
    """Start a receiver for as long as the block lasts."""
    command = (sys.executable, "-m", "tests.support.counting_receiver_process", str(ports), str(seed))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        told = await asyncio.wait_for(process.stdout.readline(), 30)
        found = [int(port) for port in told.split()]
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{found[0]}", verify=False, timeout=60) as client:
            yield CountingReceiver(found, client)
    finally:
        process.kill()
        await process.wait()
