"""Ports that nobody listens on."""

import secrets
import socket

PORTS_OF_A_SYSTEM = (0, 1, 2, 3, 32, 92, 93)


def free_port(*, neighbours: int = 0) -> int:
    """Return a port of 127.0.0.1 that was free a moment ago, and so many ports after it."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if all(_is_free(port + offset) for offset in range(1, neighbours + 1)):
            return port


def free_base_port() -> int:
    """Return a base port whose whole family (base +0..3, +32, +92, +93) was free a moment ago."""
    while True:
        base = 12_000 + secrets.randbelow(19_000)
        if all(_is_free(base + offset) for offset in PORTS_OF_A_SYSTEM):
            return base


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
