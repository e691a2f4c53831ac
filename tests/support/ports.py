"""Ports that nobody listens on, and that no test process beside this one is given while this one lives.

They lie below those that the system gives to outgoing connections (32768 and up on Linux): a server that is stopped for
a while finds its port free when it comes back.
"""

import fcntl
import functools
import os
import secrets
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

LOWEST, SPAN = 12_000, 19_000
PORTS_OF_A_SYSTEM = (0, 1, 2, 3, 32, 92, 93)

_given: set[int] = set()
"""A record lock keeps out other processes only."""


def free_port(*, neighbours: int = 0) -> int:
    """Return a port of 127.0.0.1 that is free and ours, and so many ports after it."""
    return _take(range(neighbours + 1))


def free_base_port() -> int:
    """Return a base port whose whole family (base +0..3, +32, +92, +93) is free and ours."""
    return _take(PORTS_OF_A_SYSTEM)


def _take(offsets: Iterable[int]) -> int:
    while True:
        lowest = LOWEST + secrets.randbelow(SPAN)
        family = {lowest + offset for offset in offsets}
        if family.isdisjoint(_given) and all(_is_free(port) and _reserve(port) for port in family):
            _given.update(family)
            return lowest


@functools.cache
def _book() -> BinaryIO:
    """Return the file, open as long as this process lives, whose byte n is locked by whom port n was given to."""
    return (Path(tempfile.gettempdir()) / f"cchc-test-ports-{os.getuid()}").open("a+b")


def _reserve(port: int) -> bool:
    """A server listens only some time after it was told its port; until then nobody sees that it is taken."""
    try:
        fcntl.lockf(_book(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
