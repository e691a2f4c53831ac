"""One HTTP/1.1 connection to a receiver: one request at a time, and of its answer no more than is wanted.

The parser is the one that the services listen with (httptools); a general client took more processor time than
signing and recording a webhook together.
"""

import asyncio
import select
import socket
from dataclasses import dataclass, field
from typing import Any, Final, cast

import httptools

from services.reporting.adapters.outgoing.answer import Failure

MOST_BYTES: Final = 64 * 1024
"""What is read of an answer's body."""
MOST_HEAD: Final = 64 * 1024
"""What is read of its headers, those of interim answers (1xx) among them."""
MOST_ON_THE_WIRE: Final = 1024 * 1024
"""Of the whole answer: a body can come in chunks of a byte, each with a line before it."""
_BEGINS: Final = b"HTTP/"
_SWITCHING, _LEAST, _FIRST_FINAL, _FIRST_REDIRECTING, _FIRST_REFUSING = 101, 100, 200, 300, 400


@dataclass(slots=True)
class Heard:
    """What has come so far; it is what stays when the time limit cuts in."""

    status: int | None = None
    asked: list[bytes] = field(default_factory=list)
    """Values of Retry-After."""
    body: bytearray = field(default_factory=bytearray)
    failure: Failure | None = None

    def fail(self, failure: Failure) -> None:
        """Note what went wrong; what was noted first stays: a redirect that breaks off is one."""
        self.failure = self.failure or failure


class _Reading:
    """Reads one answer."""

    def __init__(self, heard: Heard) -> None:
        self.heard = heard
        self.is_over = self.keeps_alive = False
        self._came = self._head = 0
        self._is_framed = False
        self._asked: list[bytes] = []
        self._parser: Any = httptools.HttpResponseParser(self)
        # Line feeds alone and versions of its own are what some receivers say; neither changes where an answer ends.
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True, lenient_version=True)

    def feed(self, data: bytes) -> None:
        """Take what came; `is_over` tells whether more is wanted."""
        if self._came < len(_BEGINS) and not self._begins_well(data):
            self._break_off("protocol")
            return
        self._came += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._break_off("protocol")
        if self.heard.status is None and self._came > MOST_HEAD:
            self._break_off("protocol")
        elif self._came > MOST_ON_THE_WIRE:
            self._break_off("too-large-answer")

    def _begins_well(self, data: bytes) -> bool:
        """Tell whether it is HTTP so far; the parser would take protocols for it that count their statuses alike."""
        wanted = _BEGINS[self._came :]
        return data.startswith(wanted) if len(data) >= len(wanted) else wanted.startswith(data)

    def end(self, *, in_order: bool) -> None:
        """Take the connection's end: a body that names no length ends so, all else is cut off."""
        if not in_order or self.heard.status is None or self._is_framed:
            self._break_off("reset")
        self.is_over = True

    def leave(self) -> None:
        """Let go of the parser, which holds this; the two would wait for the collector of garbage."""
        self._parser = None

    def _break_off(self, failure: Failure) -> None:
        self.keeps_alive = False
        if not self.is_over:
            self.is_over = True
            self.heard.fail(failure)

    def on_header(self, name: bytes, value: bytes | None) -> None:
        """Note what matters of a header; one behind the body changes nothing any more."""
        if self.heard.status is not None:
            return
        said = value or b""
        self._head += len(name) + len(said)
        match name.lower():
            case b"retry-after":
                self._asked.append(said)
            case b"content-length" | b"transfer-encoding":
                self._is_framed = True

    def on_headers_complete(self) -> None:
        """Note the status; interim answers are passed over."""
        status = self._parser.get_status_code()
        if self.is_over:  # of something behind the answer
            return
        if status == _SWITCHING or status < _LEAST or self._head > MOST_HEAD:
            self._break_off("protocol")
        elif status < _FIRST_FINAL:
            self._asked.clear()
            self._is_framed = False
        else:
            self.heard.status, self.heard.asked = status, self._asked
            if _FIRST_REDIRECTING <= status < _FIRST_REFUSING:
                self.heard.fail("redirect")

    def on_body(self, chunk: bytes) -> None:
        """Keep the body as far as it is read."""
        if not self.is_over:
            self.heard.body += chunk
            if len(self.heard.body) > MOST_BYTES:
                self._break_off("too-large-answer")

    def on_message_begin(self) -> None:
        """Begin an answer; one behind the answer was not asked for, so nothing of this connection is believed."""
        if self.is_over:
            self.keeps_alive = False

    def on_message_complete(self) -> None:
        """End the answer."""
        if not self.is_over and self.heard.status is not None:
            self.is_over, self.keeps_alive = True, bool(self._parser.should_keep_alive())


class Wire(asyncio.Protocol):
    """A connection."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._reading: _Reading | None = None
        self._answered: asyncio.Future[None] | None = None
        self.is_open = False
        """Whether it takes another request."""

    async def post(self, request: bytes, heard: Heard) -> None:
        """Send and listen until the answer is over, or this is cancelled; `is_open` tells whether it can go on."""
        reading = self._reading = _Reading(heard)
        try:
            if self._transport is None or not self.is_open:
                reading.end(in_order=False)
                return
            self._answered = asyncio.get_running_loop().create_future()
            self._transport.write(request)
            await self._answered
        finally:
            self._reading = None
            reading.leave()
            if not reading.keeps_alive:
                self.close()

    def is_fresh(self) -> bool:
        """Tell whether it takes another request: its end may have come and not been heard by the loop yet."""
        return self.is_open and not (self._transport is None or _is_readable(self._transport.get_extra_info("socket")))

    def close(self) -> None:
        """End the connection at once; what is on its way is not waited for."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Take what came; nothing may come that was not asked for."""
        if self._reading is None or self._reading.is_over:
            if self._reading is not None:
                self._reading.keeps_alive = False
            self.close()
            return
        self._reading.feed(data)
        self._tell()

    def eof_received(self) -> bool | None:
        """Take the orderly end."""
        self._cut(in_order=True)
        return None  # the transport closes itself

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end, orderly or not."""
        self._cut(in_order=exc is None)

    def _cut(self, *, in_order: bool) -> None:
        if self._reading is not None:
            self._reading.keeps_alive = False
            if not self._reading.is_over:
                self._reading.end(in_order=in_order)
            self._tell()
        self.close()

    def _tell(self) -> None:
        if self._reading is not None and self._reading.is_over and self._answered and not self._answered.done():
            self._answered.set_result(None)


def _is_readable(listened_to: socket.socket) -> bool:
    if not hasattr(select, "poll"):  # Windows, whose `select` takes any number
        return bool(select.select([listened_to.fileno()], [], [], 0)[0])
    looking = select.poll()
    looking.register(listened_to.fileno(), select.POLLIN)
    return bool(looking.poll(0))
