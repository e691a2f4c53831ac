"""uvicorn's HTTP protocol with bounds on a request's head, which neither it nor its parser has.

Nobody is authenticated before the head is read, so nobody may make us keep megabytes of it or wait for it for ever.
"""

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.http.edge import TOO_MANY_AT_ONCE
from shared.http.known_problems import HEAD_TOO_LARGE, NOT_HTTP
from shared.http.one_write import OneWrite
from shared.http.problem_spec import ProblemSpec
from shared.http.problems import problem_before_any_request


class BoundedProtocol(HttpToolsProtocol):
    """Answers 431 to a head of more than 64 KiB, and hangs up on one that is not complete after 20 seconds.

    Where there are more connections or requests than `limit_concurrency`, it has the edge refuse a request (503), so
    that it is written down and counted as others are: uvicorn's own refusal is plain text that nobody sees.
    """

    most_head_bytes: ClassVar[int] = 65_536
    head_seconds: ClassVar[float] = 20.0

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 -- uvicorn's own
        super().__init__(*arguments, **options)
        self._deadline: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._most_at_once, self.limit_concurrency = self.limit_concurrency, None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in the parent
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_complete()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        was_in_head = self._deadline is not None
        super().data_received(data)
        if was_in_head and self._deadline is not None:
            self._head_bytes += len(data)
            if self._head_bytes > self.most_head_bytes:
                self._head_complete()
                self._refuse(HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._deadline is None:
            self._expect_head()

    def on_headers_complete(self) -> None:
        self._head_complete()
        if self._most_at_once is not None and max(len(self.connections), len(self.tasks)) >= self._most_at_once:
            self.scope[TOO_MANY_AT_ONCE] = True  # type: ignore[typeddict-unknown-key] # ours
        connection = self.transport
        self.transport = OneWrite(connection, self.loop)  # for the cycle that is made here
        try:
            super().on_headers_complete()
        finally:
            self.transport = connection

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 -- English, and of the parser
        self._refuse(NOT_HTTP)

    def _refuse(self, spec: ProblemSpec) -> None:
        self.transport.write(problem_before_any_request(spec))
        self.transport.close()

    def _expect_head(self) -> None:
        self._head_bytes = 0
        self._deadline = self.loop.call_later(self.head_seconds, self._hang_up)

    def _head_complete(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _hang_up(self) -> None:
        self._deadline = None
        self.transport.close()
