"""A receiver of webhooks that counts what comes, cheaply: arguments are PORTS and SEED.

It listens on PORTS ports of 127.0.0.1 and prints them. `POST /NAME/ANYTHING` is answered in the manner of NAME, which
`PUT /NAME` with JSON sets: {"refuses": share, "refuses_first": n, "pause": seconds, "retry_after": seconds}. By default
everything is accepted at once. `GET /count` tells sums by name, `GET /tally` all that is known (counting_receivers.py).
"""

import asyncio
import json
import random
import sys
import time
from array import array
from dataclasses import dataclass, field
from uuid import UUID

REFUSALS = (500, 503, 404, 429, None)
"""Answers of a receiver that refuses; None breaks the connection off."""


@dataclass
class Manner:
    """How posts to a name are answered."""

    refuses: float = 0.0
    """Share of all, by chance."""
    refuses_first: int = 0
    """The first arrival of each id that this number divides is refused; 0: of none."""
    pause: float = 0.0
    """Seconds before the answer."""
    retry_after: int = 0
    """Seconds that refusals ask for; 0: they ask for nothing."""


@dataclass
class Book:
    """What came to one path, by the place of its id among all ids."""

    came: "array[int]" = field(default_factory=lambda: array("H"))
    accepted: "array[int]" = field(default_factory=lambda: array("H"))
    refused: "array[int]" = field(default_factory=lambda: array("H"))
    order: "array[int]" = field(default_factory=lambda: array("I"))
    """Which acceptance of this path was the first of this id, from 1 on."""
    first: "array[float]" = field(default_factory=lambda: array("d"))
    """Moment of the first arrival, by the machine's monotonic clock."""

    def reach(self, length: int) -> None:
        """Have a place for so many ids."""
        missing = length - len(self.came)
        if missing > 0:
            for column in self.columns():
                column.extend([0] * missing)

    def columns(self) -> "tuple[array[int], array[int], array[int], array[int], array[float]]":
        return self.came, self.accepted, self.refused, self.order, self.first


@dataclass
class Office:
    """All that has come."""

    dice: random.Random
    manners: dict[str, Manner] = field(default_factory=dict)
    books: dict[str, Book] = field(default_factory=dict)
    places: dict[bytes, int] = field(default_factory=dict)
    accepted: dict[str, int] = field(default_factory=dict)
    sums: dict[str, dict[str, int]] = field(default_factory=dict)

    def take(self, path: str, given_id: bytes, transport: asyncio.WriteTransport) -> None:
        """Note one webhook and answer it in its manner."""
        name = path.split("/", 2)[1]
        manner = self.manners.get(name) or self.manners.setdefault(name, Manner())
        place = self.places.setdefault(given_id, len(self.places))
        book = self.books.get(path) or self.books.setdefault(path, Book())
        if place >= len(book.came):
            book.reach(max(place + 1, min(2 * place, place + 4096)))
        if not book.came[place]:
            book.first[place] = time.monotonic()
        book.came[place] += 1
        self._sum(name, "came")
        refuses = self.dice.random() < manner.refuses
        if manner.refuses_first and book.came[place] == 1:
            refuses = refuses or UUID(given_id.decode()).int % manner.refuses_first == 0
        if manner.pause:
            loop = asyncio.get_running_loop()
            loop.call_later(manner.pause, self._answer, name, path, place, refuses, manner.retry_after, transport)
        else:
            self._answer(name, path, place, refuses, manner.retry_after, transport)

    def _answer(  # noqa: PLR0917 -- call_later takes no names
        self,
        name: str,
        path: str,
        place: int,
        refuses: bool,
        retry_after: int,
        transport: asyncio.WriteTransport,
    ) -> None:
        if transport.is_closing():
            return
        book = self.books[path]
        if not refuses:
            transport.write(b"HTTP/1.1 204 N\r\n\r\n")
            self.accepted[path] = self.accepted.get(path, 0) + 1
            book.order[place] = book.order[place] or self.accepted[path]
            book.accepted[place] += 1
            self._sum(name, "accepted")
            return
        book.refused[place] += 1
        self._sum(name, "refused")
        status = 503 if retry_after else self.dice.choice(REFUSALS)
        if status is None:
            transport.abort()
            return
        asked = f"retry-after: {retry_after}\r\n" if retry_after else ""
        transport.write(f"HTTP/1.1 {status} N\r\n{asked}content-length: 0\r\n\r\n".encode())

    def _sum(self, name: str, what: str) -> None:
        sums = self.sums.get(name) or self.sums.setdefault(name, {"came": 0, "accepted": 0, "refused": 0})
        sums[what] += 1

    def control(self, method: str, path: str, body: bytes) -> bytes:
        """Answer whoever runs the test."""
        if method == "PUT":
            self.manners[path.strip("/")] = Manner(**json.loads(body))
            return b""
        return json.dumps(self.sums).encode() if path == "/count" else self.tally()

    def tally(self) -> bytes:
        """Return a line of JSON, the ids, and the columns of each path."""
        for book in self.books.values():
            book.reach(len(self.places))
        head = json.dumps({"ids": len(self.places), "paths": list(self.books)}).encode()
        columns = [column[: len(self.places)].tobytes() for book in self.books.values() for column in book.columns()]
        return b"".join((head, b"\n", *(UUID(each.decode()).bytes for each in self.places), *columns))


class Talk(asyncio.Protocol):
    """One connection; requests come one after the other."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._buffer = bytearray()
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Serve the request once all of it is here."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[: end + 2])
        lowered = head.lower()
        length = int(_header(lowered, b"content-length") or 0)
        if len(self._buffer) < end + 4 + length:
            return
        body = bytes(self._buffer[end + 4 : end + 4 + length])
        del self._buffer[: end + 4 + length]
        method, path = head.split(b" ", 2)[:2]
        assert self._transport is not None
        if method == b"POST":
            self._office.take(path.decode(), _header(lowered, b"webhook-id"), self._transport)
        else:
            told = self._office.control(method.decode(), path.decode(), body)
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(told) + told)


def _header(head: bytes, name: bytes) -> bytes:
    at = head.find(b"\r\n" + name + b":")
    return b"" if at < 0 else head[at + len(name) + 3 : head.index(b"\r\n", at + 2)].strip()


async def main(ports: int, seed: str) -> None:
    """Serve until the process is ended."""
    office = Office(random.Random(seed))  # noqa: S311 -- to be repeated, not to be secret
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(lambda: Talk(office), "127.0.0.1", 0) for _ in range(ports)]
    sys.stdout.write(" ".join(str(server.sockets[0].getsockname()[1]) for server in servers) + "\n")
    sys.stdout.flush()
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
