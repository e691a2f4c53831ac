"""Posts to receivers: one total time limit, a bounded answer; no redirects, proxies, cookies or decompression."""

import asyncio
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpcore2

from services.reporting.adapters.outgoing.answer import Answer, Failure, retry_after
from services.reporting.adapters.outgoing.connecting import (
    AddressForbidden,
    Dialler,
    NameUnresolved,
    NotConnected,
    NotTrusted,
    Resolve,
    SystemResolver,
)
from services.reporting.adapters.outgoing.exchange import MOST_BYTES, Heard, Wire
from services.reporting.adapters.outgoing.networks import Guard
from services.reporting.adapters.outgoing.target import Target, UrlRefused, check_url
from shared.clock import Clock

__all__ = ["MOST_BYTES", "Poster"]

EXCERPT_BYTES: Final = 1024
CONNECTIONS_A_HOST: Final = 200
"""As many as a sender has under way: a gateway with many endpoints, of which some hang, is one host."""
IDLE_A_HOST: Final = 100
"""What a gateway with many endpoints has under way when all of them answer: what ends together is followed together."""
MOST_HOSTS: Final = 200
"""Hosts of which connections are kept while nothing is posted to them."""
IDLE_SECONDS: Final = 3.0
"""Below the 5 s after which common servers close an idle connection, so that a post seldom meets a closing one."""

_MOST_TARGETS: Final = 1024
"""URLs that are kept as they were read."""
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


@dataclass(slots=True)
class _Host:
    """A host's own connections: those of all hosts in one place would be looked through at every request."""

    slots: asyncio.Semaphore
    idle: list[tuple[Wire, float]] = field(default_factory=list)
    """The one used last comes last, with the moment until which it may be used."""
    users: int = 0

    def take(self) -> Wire | None:
        """Return an idle connection that is still open, the one used last."""
        now = time.monotonic()
        while self.idle:
            wire, until = self.idle.pop()
            if now < until and wire.is_fresh():
                return wire
            wire.close()
        return None

    def keep(self, wire: Wire) -> None:
        """Keep a connection for the next request; those go that have been idle for too long, or are too many."""
        now = time.monotonic()
        self.idle.append((wire, now + IDLE_SECONDS))
        while len(self.idle) > IDLE_A_HOST or self.idle[0][1] <= now:
            self.idle.pop(0)[0].close()

    def close(self) -> None:
        """Close what is idle."""
        while self.idle:
            self.idle.pop()[0].close()


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
        context = httpcore2.default_ssl_context()
        context.set_alpn_protocols(["http/1.1"])
        if ca_file is not None:
            context.load_verify_locations(cafile=ca_file)
        self._dialler = Dialler(guard, resolve or SystemResolver(), context)
        self._read = lru_cache(maxsize=_MOST_TARGETS)(check_url)
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
            host.close()
        self._hosts.clear()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post once and return what came of it; no fault of the receiver raises.

        Waiting for one of the host's connections counts towards the time limit.

        Raises:
            ValueError: a header that no request may carry; ours to mend.
        """
        sent = _headers(headers)
        heard = Heard()
        began = time.monotonic()
        try:
            target = self._read(url, self._guard)
        except UrlRefused:
            heard.failure = "address-forbidden"
        else:
            with _told(heard):
                async with asyncio.timeout(self._total_seconds):
                    await self._exchange(target, sent, body, heard)
        return Answer(
            status=heard.status,
            failure=heard.failure,
            retry_after=self._asked_for(heard),
            duration_ms=round((time.monotonic() - began) * 1000),
            excerpt=bytes(heard.body[:EXCERPT_BYTES]),
        )

    async def _exchange(self, target: Target, headers: str, body: bytes, heard: Heard) -> None:
        head = (
            f"POST {target.path} HTTP/1.1\r\nhost: {target.authority}\r\ncontent-length: {len(body)}\r\n"
            f"accept-encoding: identity\r\n{headers}\r\n"
        )
        key = (target.encrypted, target.host, target.port)
        if (host := self._hosts.get(key)) is None:
            host = self._hosts[key] = _Host(asyncio.Semaphore(self._at_once_a_host))
        host.users += 1
        try:
            async with host.slots:
                wire = host.take() or await self._dialler.connect(target)
                await wire.post(head.encode("ascii") + body, heard)
                if wire.is_open:
                    host.keep(wire)
        finally:
            host.users -= 1
            if not host.users and len(self._hosts) > MOST_HOSTS:
                self._hosts.pop(key, None)
                host.close()

    def _asked_for(self, heard: Heard) -> float | None:
        if not heard.asked:
            return None
        now = self._clock.now()
        asked = [seconds for value in heard.asked if (seconds := retry_after(value.decode("latin-1"), now)) is not None]
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
def _told(heard: Heard) -> Iterator[None]:
    """Turn what goes wrong on the way into the failure that is written down; a redirect that breaks off stays one."""
    try:
        yield
    except tuple(_NAMED) as error:
        heard.fail(next(name for kind, name in _NAMED.items() if isinstance(error, kind)))
    except OSError:
        heard.fail("reset")


def _headers(given: Mapping[str, str]) -> str:
    for name, value in given.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value) or name.lower() in _OURS:
            raise ValueError(f"header {name!r} cannot be sent")
    return "".join(f"{name}: {value}\r\n" for name, value in given.items())
