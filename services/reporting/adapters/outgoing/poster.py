"""Posts to receivers: one total time limit, a bounded answer; no redirects, proxies, cookies or decompression."""

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import anyio
import httpcore2

from services.reporting.adapters.outgoing.answer import Answer, Failure, retry_after
from services.reporting.adapters.outgoing.connecting import (
    AddressForbidden,
    CheckedBackend,
    NameUnresolved,
    NotConnected,
    NotTrusted,
    Resolve,
    SystemResolver,
)
from services.reporting.adapters.outgoing.networks import Guard
from services.reporting.adapters.outgoing.target import Target, UrlRefused, check_url
from shared.clock import Clock

MOST_BYTES: Final = 64 * 1024
"""What is read of an answer's body."""
EXCERPT_BYTES: Final = 1024
CONNECTIONS_A_HOST: Final = 200
"""As many as a sender has under way: a gateway with many endpoints, of which some hang, is one host."""
IDLE_A_HOST: Final = 16
MOST_HOSTS: Final = 200
"""Hosts of which connections are kept while nothing is posted to them."""
IDLE_SECONDS: Final = 3.0
"""Below the 5 s after which common servers close an idle connection, so that a post seldom meets a closing one."""

_NAME: Final = re.compile(r"[A-Za-z0-9-]+")
_VALUE: Final = re.compile(r"[\x20-\x7e]*")
_OURS: Final = frozenset(
    {
        "host",
        "content-length",
        "connection",
        "transfer-encoding",
        "upgrade",
        "accept-encoding",
        "expect",
        "te",
        "trailer",
    }
)
_SWITCHING, _FIRST_REDIRECTING, _FIRST_REFUSING = 101, 300, 400


@dataclass(slots=True)
class _Heard:
    """What has come so far; it is what stays when the limit cuts in."""

    status: int | None = None
    retry_after: float | None = None
    body: bytearray = field(default_factory=bytearray)
    failure: Failure | None = None


@dataclass(slots=True)
class _Host:
    """A host's own pool: a pool for all of them looks through every idle connection at every request."""

    pool: httpcore2.AsyncConnectionPool
    slots: asyncio.Semaphore
    users: int = 0


class Poster:
    """Posts webhooks; keeps connections to their hosts until it is closed."""

    def __init__(
        self,
        guard: Guard,
        *,
        clock: Clock,
        total_seconds: float = 15.0,
        ca_file: Path | None = None,
        resolve: Resolve | None = None,
        at_once_a_host: int = CONNECTIONS_A_HOST,
    ) -> None:
        """Make a poster.

        Args:
            guard: where it may go.
            clock: tells how far off a Retry-After date is.
            total_seconds: for resolving, connecting, sending and the whole answer together.
            ca_file: certificates trusted beside those of the machine.
            resolve: host name -> addresses; the machine's resolver when None.
            at_once_a_host: most connections to one host.
        """
        self._guard, self._clock, self._total_seconds = guard, clock, total_seconds
        looked_up = resolve or SystemResolver()
        self._context = httpcore2.default_ssl_context()
        if ca_file is not None:
            self._context.load_verify_locations(cafile=ca_file)
        self._backends = {
            encrypted: CheckedBackend(guard, looked_up, encrypted=encrypted) for encrypted in (True, False)
        }
        self._at_once_a_host = at_once_a_host
        self._hosts: dict[tuple[bool, str, int], _Host] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        for host in self._hosts.values():
            await host.pool.aclose()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post once and return what came of it; no fault of the receiver raises.

        Waiting for one of the host's connections counts towards the time limit.

        Raises:
            ValueError: a header that no request may carry; ours to mend.
        """
        sent = _headers(headers)
        heard = _Heard()
        began = time.monotonic()
        try:
            target = check_url(url, self._guard)
        except UrlRefused:
            heard.failure = "address-forbidden"
        else:
            with _told(heard):
                async with asyncio.timeout(self._total_seconds):
                    await self._exchange(target, sent, body, heard)
        return Answer(
            status=heard.status,
            failure=heard.failure,
            retry_after=heard.retry_after,
            duration_ms=round((time.monotonic() - began) * 1000),
            excerpt=bytes(heard.body[:EXCERPT_BYTES]),
        )

    async def _exchange(self, target: Target, headers: list[tuple[bytes, bytes]], body: bytes, heard: _Heard) -> None:
        url = httpcore2.URL(
            scheme=b"https" if target.encrypted else b"http",
            host=target.host.encode(),
            port=target.port,
            target=target.path.encode(),
        )
        request = httpcore2.Request(
            b"POST",
            url,
            headers=[
                (b"host", target.authority.encode()),
                (b"content-length", str(len(body)).encode()),
                (b"accept-encoding", b"identity"),
                *headers,
            ],
            content=body,
        )
        async with self._host(target) as host, host.slots:
            response = await host.pool.handle_async_request(request)
            try:
                await self._listen(response, heard)
            finally:
                await response.aclose()

    @asynccontextmanager
    async def _host(self, target: Target) -> AsyncIterator[_Host]:
        key = (target.encrypted, target.host, target.port)
        host = self._hosts.get(key)
        if host is None:
            host = self._hosts[key] = _Host(
                self._a_pool(encrypted=target.encrypted), asyncio.Semaphore(self._at_once_a_host)
            )
        host.users += 1
        try:
            yield host
        finally:
            host.users -= 1
            if not host.users and len(self._hosts) > MOST_HOSTS:
                del self._hosts[key]
                await host.pool.aclose()

    def _a_pool(self, *, encrypted: bool) -> httpcore2.AsyncConnectionPool:
        return httpcore2.AsyncConnectionPool(
            ssl_context=self._context,
            max_connections=None,
            max_keepalive_connections=IDLE_A_HOST,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=self._backends[encrypted],
        )

    async def _listen(self, response: httpcore2.Response, heard: _Heard) -> None:
        if response.status == _SWITCHING:
            heard.failure = "protocol"
            return
        heard.status = response.status
        heard.retry_after = self._asked_for(response)
        if _FIRST_REDIRECTING <= response.status < _FIRST_REFUSING:
            heard.failure = "redirect"
        async with aclosing(response.aiter_stream()) as chunks:
            async for chunk in chunks:
                heard.body += chunk
                if len(heard.body) > MOST_BYTES:
                    heard.failure = heard.failure or "too-large-answer"
                    return

    def _asked_for(self, response: httpcore2.Response) -> float | None:
        now = self._clock.now()
        asked = [
            seconds
            for name, value in response.headers
            if name.lower() == b"retry-after" and (seconds := retry_after(value.decode("latin-1"), now)) is not None
        ]
        return max(asked, default=None)


_NAMED: Final[Mapping[type[Exception], Failure]] = {
    TimeoutError: "timeout",
    NameUnresolved: "dns",
    AddressForbidden: "address-forbidden",
    NotConnected: "refused",
    NotTrusted: "tls",
    ssl.SSLError: "tls",
}


@contextmanager
def _told(heard: _Heard) -> Iterator[None]:
    """Turn what goes wrong on the way into the failure that is written down; a redirect that breaks off stays one."""
    try:
        yield
    except tuple(_NAMED) as error:
        heard.failure = heard.failure or next(name for kind, name in _NAMED.items() if isinstance(error, kind))
    except httpcore2.ProtocolError as error:
        heard.failure = heard.failure or ("reset" if _ended_early(error) else "protocol")
    except (httpcore2.NetworkError, anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, OSError):
        heard.failure = heard.failure or "reset"


def _ended_early(error: httpcore2.ProtocolError) -> bool:
    """Tell whether the connection was closed where more was due, which HTTP/1.1 parsers report as a breach of it."""
    text = str(error)
    return "disconnected" in text or "closed connection" in text or "incomplete" in text


def _headers(given: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    for name, value in given.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value) or name.lower() in _OURS:
            raise ValueError(f"header {name!r} cannot be sent")
    return [(name.encode(), value.encode()) for name, value in given.items()]
