"""Receivers of webhooks: real servers on this machine that answer as a test wants them to."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Reply:
    """What a receiver answers; `pause` seconds later."""

    status: int = 204
    headers: tuple[str, ...] = ()
    body: bytes = b""
    pause: float = 0.0


@dataclass(frozen=True)
class Taken:
    """A webhook that arrived whole."""

    headers: dict[str, str]
    body: bytes
    at: float
    """By the monotonic clock."""

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def said(self) -> Any:  # noqa: ANN401 -- JSON
        return json.loads(self.body)


Choose = Callable[[Taken], Reply]


def accept(_: Taken) -> Reply:
    return Reply()


@dataclass
class Receiver:
    """Listens on a port of its own and remembers what came."""

    choose: Choose = accept
    taken: list[Taken] = field(default_factory=list)
    accepted: list[Taken] = field(default_factory=list)
    """Those that were answered with 2xx, when the answer went out."""
    at_once: int = 0
    most_at_once: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _busy: set[asyncio.Task[Any]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._busy):
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> Counter[str]:
        """How often each event came."""
        return Counter(each.id for each in self.taken)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while True:
                    await self._serve_one(reader, writer)
        finally:
            self._busy.discard(task)
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = head.split("\r\n")[1:-2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        taken = Taken(headers, body, time.monotonic())
        self.taken.append(taken)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            reply = self.choose(taken)
            if reply.pause:
                await asyncio.sleep(reply.pause)  # the receiver's own slowness is what is being tested
        finally:
            self.at_once -= 1
        said = [f"HTTP/1.1 {reply.status} X", f"content-length: {len(reply.body)}", *reply.headers]
        writer.write("\r\n".join(said).encode() + b"\r\n\r\n" + reply.body)
        if 200 <= reply.status < 300:
            self.accepted.append(taken)
        await writer.drain()
