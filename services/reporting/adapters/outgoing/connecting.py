"""Connections that go where the guard permits: one resolution, every address checked, and one of those dialled."""

import asyncio
import ipaddress
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from services.reporting.adapters.outgoing.exchange import Wire
from services.reporting.adapters.outgoing.networks import Address, Guard
from services.reporting.adapters.outgoing.target import Target

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


class Dialler:
    """Connects where the guard permits; the TLS name and the certificate check stay on the host that was asked for.

    Args:
        guard: where it may go.
        resolve: host name -> addresses.
        context: what TLS connections are made with.
    """

    def __init__(self, guard: Guard, resolve: Resolve, context: ssl.SSLContext) -> None:
        self._guard, self._resolve, self._context = guard, resolve, context

    async def connect(self, target: Target) -> Wire:
        """Connect to the target's host.

        Raises:
            AddressForbidden: one of its addresses is; the others are not tried, since a name that points inside as well
                as outside is a trap or a mistake.
            NameUnresolved: it has none.
            NotConnected: none of them takes a connection.
            NotTrusted: no TLS, or a certificate that is not trusted for the host.
            OSError: the connection was cut while TLS began.
        """
        addresses = (await self._permitted(target))[:_MOST_ADDRESSES]
        connected = await _dial(addresses, target.port)
        about_tls: dict[str, Any] = {}
        if target.encrypted:
            about_tls = {"ssl": self._context, "server_hostname": target.host}
        try:
            _, wire = await asyncio.get_running_loop().create_connection(Wire, sock=connected, **about_tls)
        except ssl.SSLError as error:
            raise NotTrusted(target.host) from error
        return wire

    async def _permitted(self, target: Target) -> Sequence[Address]:
        try:
            found: Sequence[Address] = [ipaddress.ip_address(target.host)]
        except ValueError:
            try:
                found = await self._resolve(target.host)
            except OSError as error:
                raise NameUnresolved(target.host) from error
        if not found:
            raise NameUnresolved(target.host)
        if not all(self._guard.permits(address, encrypted=target.encrypted) for address in found):
            raise AddressForbidden(target.host)
        return [_dialled(address) for address in found]


async def _dial(addresses: Sequence[Address], port: int) -> socket.socket:
    """Return a connection to the first address that takes one; only the last may stay silent to the end.

    Raises:
        NotConnected: none does.
    """
    loop = asyncio.get_running_loop()
    for address in addresses:
        family = socket.AF_INET if isinstance(address, ipaddress.IPv4Address) else socket.AF_INET6
        try:
            # The protocol is named so that the loop sends small requests at once (TCP_NODELAY).
            dialling = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        except OSError:  # a machine without IPv6
            continue
        try:
            dialling.setblocking(False)
            async with asyncio.timeout(None if address == addresses[-1] else _SECONDS_AN_ADDRESS):
                await loop.sock_connect(dialling, (str(address), port))
        except OSError:  # TimeoutError is one
            dialling.close()
        except BaseException:
            dialling.close()
            raise
        else:
            return dialling
    raise NotConnected(str(addresses[-1]))


def _dialled(address: Address) -> Address:
    """An IPv4 address in IPv6 clothes is dialled as what it is; a NAT64 one needs its gateway."""
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address
