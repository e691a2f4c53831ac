"""Receivers of webhooks that behave as strangers do: raw sockets, every way of answering and of not answering."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Self

Behaviour = Callable[["Caller"], Awaitable[None]]
MOST_HEAD = 64 * 1024


class Caller:
    """One request on one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.trap = b""
        """What `{trap}` in an answer becomes."""
        self.head = b""
        self.body = b""

    async def read_request(self) -> bool:
        """Read one request; False when the connection ended instead."""
        try:
            self.head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return False
        length = next(
            (
                int(line.split(b":")[1])
                for line in self.head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            ),
            0,
        )
        self.body = await self.reader.readexactly(length)
        return True

    @property
    def path(self) -> str:
        return self.head.split(b" ")[1].decode()

    def header(self, name: str) -> str | None:
        """Return a header of the request."""
        for line in self.head.split(b"\r\n")[1:]:
            found, _, value = line.decode("latin-1").partition(":")
            if found.lower() == name.lower():
                return value.strip()
        return None

    async def say(self, data: bytes) -> None:
        self.writer.write(data.replace(b"{trap}", self.trap))
        await self.writer.drain()

    def reset(self) -> None:
        """End the connection with RST."""
        raw: socket.socket = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def until_gone(self) -> None:
        """Stay silent until the other side hangs up."""
        with suppress(ConnectionError):
            while await self.reader.read(MOST_HEAD):
                pass


class Receiver:
    """A server on 127.0.0.1; `behaviours` by path, and what it has received."""

    def __init__(self, behaviours: dict[str, Behaviour] | None = None, otherwise: Behaviour | None = None) -> None:
        self.behaviours = behaviours or {}
        self._otherwise = otherwise or answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        self.trap = b""
        self.connections = self.open = self.most_open = 0
        self.requests: list[Caller] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        at_once: Behaviour | None = None,
    ) -> Self:
        """Listen; `at_once` answers each connection without waiting for a request."""
        self._at_once = at_once
        self._server = await asyncio.start_server(self._serve, host, port, ssl=tls, limit=2**20)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            if self._at_once is not None:
                await self._at_once(Caller(reader, writer))
                return
            while not writer.is_closing():
                caller = Caller(reader, writer)
                caller.trap = self.trap
                if not await caller.read_request():
                    return
                self.requests.append(caller)
                await self.behaviours.get(caller.path, self._otherwise)(caller)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            return
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.transport.abort()


def answering(*parts: bytes, then: str = "stay") -> Behaviour:
    """Say `parts`, then keep the connection (`stay`), `close` it, `reset` it, or be `silent`."""

    async def behave(caller: Caller) -> None:
        for part in parts:
            await caller.say(part)
        if then == "close":
            caller.writer.close()
        elif then == "reset":
            caller.reset()
        elif then == "silent":
            await caller.until_gone()

    return behave


def repeating(
    start: bytes, part: bytes, *, every: float = 0.0, times: int | None = None, end: bytes = b""
) -> Behaviour:
    """Say `start`, then `part` again and again, `every` so many seconds (0: as fast as it is taken)."""

    async def behave(caller: Caller) -> None:
        await caller.say(start)
        said = 0
        while times is None or said < times:
            await caller.say(part)
            said += 1
            if every:
                with suppress(TimeoutError):
                    async with asyncio.timeout(every):
                        await caller.until_gone()
                        return
        await caller.say(end)

    return behave
