"""Connections that go where the guard permits: one resolution, every address checked, and one of those dialled."""

import asyncio
import ipaddress
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

import httpcore2

from services.reporting.adapters.outgoing.networks import Address, Guard

Resolve = Callable[[str], Awaitable[Sequence[Address]]]
"""Host name -> its addresses, the best first; OSError when it has none."""

_MOST_NAMES: Final = 200
"""Names being resolved at once; a name whose servers are silent keeps a thread for half a minute."""
_MOST_ADDRESSES: Final = 4
_SECONDS_AN_ADDRESS: Final = 4.0
"""How long an address that is not the last may stay silent before the next is tried."""


class AddressForbidden(Exception):  # noqa: N818 -- errors say what happened
    """At least one of the name's addresses may not be reached."""


class NameUnresolved(Exception):  # noqa: N818 -- errors say what happened
    """The name has no address, or its servers do not answer."""


class NotConnected(Exception):  # noqa: N818 -- errors say what happened
    """Nobody takes a connection there."""


class NotTrusted(Exception):  # noqa: N818 -- errors say what happened
    """No TLS, or no trusted certificate for the host."""


class SystemResolver:
    """The machine's resolver on threads of its own: silent name servers delay nobody else's names.

    asyncio's own pool has six threads on two cores, shared by the whole process.
    """

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Future[Sequence[Address] | OSError]] = {}

    async def __call__(self, host: str) -> Sequence[Address]:
        if (running := self._running.get(host)) is None:
            if len(self._running) >= _MOST_NAMES:
                raise OSError("too many names at once")
            running = self._begin(host)
        found = await asyncio.shield(running)
        if isinstance(found, OSError):
            raise found
        return found

    def _begin(self, host: str) -> asyncio.Future[Sequence[Address] | OSError]:
        loop = asyncio.get_running_loop()
        running: asyncio.Future[Sequence[Address] | OSError] = loop.create_future()

        def tell(found: Sequence[Address] | OSError) -> None:
            self._running.pop(host, None)
            if not running.done():
                running.set_result(found)

        def look_up() -> None:
            found: Sequence[Address] | OSError
            try:
                found = _addresses(host)
            except (OSError, UnicodeError) as error:
                found = error if isinstance(error, OSError) else OSError("no name")
            try:
                loop.call_soon_threadsafe(tell, found)
            except RuntimeError:  # the loop is closed: nobody waits any more
                return

        self._running[host] = running
        threading.Thread(target=look_up, name="resolve", daemon=True).start()
        return running


def _addresses(host: str) -> Sequence[Address]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(str(each[4][0])) for each in found))


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Dials for httpcore2; the TLS name and the certificate check stay on the host that the pool asked for."""

    def __init__(self, guard: Guard, resolve: Resolve, *, encrypted: bool) -> None:
        self._guard, self._resolve, self._encrypted = guard, resolve, encrypted
        self._dialler = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- the interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the host.

        Raises:
            AddressForbidden: one of its addresses is; the others are not tried, since a name that points inside as well
                as outside is a trap or a mistake.
            NameUnresolved: it has none.
            NotConnected: none of them takes a connection.
        """
        addresses = (await self._permitted(host))[:_MOST_ADDRESSES]
        for address in addresses:
            patience = timeout if address == addresses[-1] else _SECONDS_AN_ADDRESS
            try:
                stream = await self._dialler.connect_tcp(str(address), port, patience, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
            return _Unencrypted(stream) if self._encrypted else stream
        raise NotConnected(host)

    async def _permitted(self, host: str) -> Sequence[Address]:
        try:
            found: Sequence[Address] = [ipaddress.ip_address(host)]
        except ValueError:
            try:
                found = await self._resolve(host)
            except OSError as error:
                raise NameUnresolved(host) from error
        if not found:
            raise NameUnresolved(host)
        if not all(self._guard.permits(address, encrypted=self._encrypted) for address in found):
            raise AddressForbidden(host)
        return [_dialled(address) for address in found]


def _dialled(address: Address) -> Address:
    """An IPv4 address in IPv6 clothes is dialled as what it is; a NAT64 one needs its gateway."""
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


class _Unencrypted(httpcore2.AsyncNetworkStream):
    """A connection on which TLS is about to begin; nothing is read or written before."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 -- the interface
    ) -> httpcore2.AsyncNetworkStream:
        """Begin TLS; whatever goes wrong, being cancelled too, closes the connection.

        Raises:
            NotTrusted: no TLS, or a certificate that is not trusted for `server_hostname`.
        """
        try:
            return await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except BaseException as error:
            await self._stream.aclose()
            if isinstance(error, httpcore2.ConnectError) and isinstance(error.__context__, ssl.SSLError):
                raise NotTrusted(str(server_hostname)) from error
            raise

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()
