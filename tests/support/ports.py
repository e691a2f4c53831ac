"""Ports that nobody listens on.

They lie below those that the system gives to outgoing connections (32768 and up on Linux): a server that is stopped for
a while finds its port free when it comes back.
"""

import secrets
import socket

LOWEST, SPAN = 12_000, 19_000
PORTS_OF_A_SYSTEM = (0, 1, 2, 3, 32, 92, 93)


def free_port(*, neighbours: int = 0) -> int:
    """Return a port of 127.0.0.1 that was free a moment ago, and so many ports after it."""
    while True:
        port = LOWEST + secrets.randbelow(SPAN)
        if all(_is_free(port + offset) for offset in range(neighbours + 1)):
            return port


def free_base_port() -> int:
    """Return a base port whose whole family (base +0..3, +32, +92, +93) was free a moment ago."""
    while True:
        base = LOWEST + secrets.randbelow(SPAN)
        if all(_is_free(base + offset) for offset in PORTS_OF_A_SYSTEM):
            return base


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
