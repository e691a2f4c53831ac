"""A client as strict as a load balancer: it connects again where HTTP allows it, and takes nothing else for granted.

A request may be sent again on another connection when no byte of an answer has come and sending it twice is harmless:
a GET, or one with an Idempotency-Key (RFC 9110, 9.2.2). Everything else that is no answer is a failure.
"""

import asyncio
import json
import socket
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

PATIENCE = 60.0
"""Seconds for which a refused connection is tried again."""
ANSWER_WITHIN = 20.0
_PAUSE = 0.03


class RequestFailed(Exception):  # noqa: N818 -- errors say the refusal
    """A request whose fate a load balancer would have to report as an error."""


@dataclass(frozen=True)
class Answer:
    """Status, headers (names in small letters) and body."""

    status: int
    headers: dict[str, str]
    content: bytes

    def json(self) -> Any:  # noqa: ANN401 -- whatever was answered
        return json.loads(self.content)


@dataclass
class Tally:
    """What many balancers met: `refused` and `cut` connections were tried again, `closing` answers said so."""

    met: Counter[str] = field(default_factory=Counter)


class Balancer:
    """One kept connection to one port of 127.0.0.1; use it from one task at a time."""

    def __init__(self, port: int, tally: Tally) -> None:
        self._port, self._tally = port, tally
        self._connection: socket.socket | None = None
        self._is_fresh = True

    async def request(
        self, method: str, path: str, token: str, body: dict[str, Any] | None = None, *, key: str | None = None
    ) -> Answer:
        """Return the answer, whatever its status.

        Raises:
            RequestFailed: it was cut off in the middle, came too late, or could not be repeated.
        """
        sent = self._text(method, path, token, body, key)
        while True:
            connection = await self._connected()
            try:
                async with asyncio.timeout(ANSWER_WITHIN):
                    await asyncio.get_running_loop().sock_sendall(connection, sent)
                    received = await self._receive(connection, 65_536)
            except TimeoutError as error:
                raise RequestFailed(f"{method} {path}: no answer in {ANSWER_WITHIN:.0f} s") from error
            except OSError:
                received = b""
            if received:
                return await self._rest(f"{method} {path}", connection, received)
            self.close()
            self._tally.met["cut fresh" if self._is_fresh else "cut kept"] += 1
            if method != "GET" and key is None:
                raise RequestFailed(f"{method} {path}: cut off, and must not be repeated")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _text(self, method: str, path: str, token: str, body: dict[str, Any] | None, key: str | None) -> bytes:
        content = b"" if body is None else json.dumps(body).encode()
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: 127.0.0.1:{self._port}",
            f"Authorization: Bearer {token}",
            *([f"Content-Length: {len(content)}", "Content-Type: application/json"] if body is not None else []),
            *([f"Idempotency-Key: {key}"] if key is not None else []),
        ]
        return "\r\n".join([*lines, "", ""]).encode() + content

    async def _connected(self) -> socket.socket:
        if self._connection is not None:
            self._is_fresh = False
            return self._connection
        deadline = time.monotonic() + PATIENCE
        while True:
            connection = socket.socket()
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self._port))
            except OSError as error:
                connection.close()
                self._tally.met["refused"] += 1
                if time.monotonic() > deadline:
                    raise RequestFailed(f"nobody listens on {self._port} for {PATIENCE:.0f} s") from error
                await asyncio.sleep(_PAUSE)
            else:
                self._connection, self._is_fresh = connection, True
                return connection

    @staticmethod
    async def _receive(connection: socket.socket, most: int) -> bytes:
        return await asyncio.get_running_loop().sock_recv(connection, most)

    async def _rest(self, what: str, connection: socket.socket, received: bytes) -> Answer:
        """Read to the end of the answer; from its first byte on, a cut is a failure."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                while b"\r\n\r\n" not in received:
                    received += await self._more(connection)
                head, _, content = received.partition(b"\r\n\r\n")
                status, *lines = head.decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                while len(content) < int(headers["content-length"]):
                    content += await self._more(connection)
        except (OSError, TimeoutError) as error:
            self.close()
            raise RequestFailed(f"{what}: cut off after {len(received)} bytes of the answer") from error
        self._tally.met["answered"] += 1
        if headers.get("connection", "").lower() == "close":
            self._tally.met["closing"] += 1
            self.close()
        return Answer(int(status.split()[1]), headers, content)

    async def _more(self, connection: socket.socket) -> bytes:
        part = await self._receive(connection, 65_536)
        if not part:
            raise ConnectionError
        return part
