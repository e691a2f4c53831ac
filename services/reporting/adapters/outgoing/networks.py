"""Which addresses of the internet a webhook may go to.

The networks stand here by name because what Python calls global changed between its patch releases. Source: the IANA
special-purpose address registries for IPv4 and IPv6.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shared.addresses import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NOT_PUBLIC_4: Final = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host; 0.0.0.0 reaches loopback
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, and a cloud's metadata at 100.100.100.200
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's machine agent on an address that looks public
        "169.254.0.0/16",  # link-local, and metadata at 169.254.169.254
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments, and a cloud's metadata at 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_UNICAST_6: Final = ipaddress.IPv6Network("2000::/3")
"""All that was ever given out: loopback, unique local, link-local, multicast and site-local lie outside."""
_NOT_PUBLIC_6: Final = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, overlay identifiers
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, whatever IPv4 address is inside
        "3fff::/20",  # documentation
    )
)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_LAST_32: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Guard:
    """The installation's rule: the public internet, and the administrator's own networks."""

    allowed: tuple[Network, ...] = ()
    """Networks that are not public and yet allowed."""
    plain_http: bool = False
    """Whether http:// may leave the allowed networks."""

    def permits(self, address: Address, *, encrypted: bool) -> bool:
        """Tell whether a connection may go to `address`; an IPv4 address inside an IPv6 one is judged by itself."""
        judged = inner(address)
        if _within(judged, self.allowed) or _within(address, self.allowed):
            return True
        return (encrypted or self.plain_http) and _is_public(judged)


def inner(address: Address) -> Address:
    """Return the IPv4 address that an IPv4-mapped or NAT64 address stands for, else the address."""
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is None:
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & _LAST_32)
    return address


def _within(address: Address, networks: Iterable[Network]) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        return False
    return any(address in network for network in networks)


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return not _within(address, _NOT_PUBLIC_4)
    return address.scope_id is None and address in _UNICAST_6 and not _within(address, _NOT_PUBLIC_6)
