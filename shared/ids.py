"""Identifiers. The only room that makes them (ruff's banned-api holds it); domain code gets them as arguments."""

import secrets
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.clock import Clock, SystemClock


class Ids(Protocol):
    """A source of new identifiers."""

    def new(self) -> UUID:
        """Return an identifier never given out before."""


def uuid7(moment: datetime) -> UUID:
    """Return a UUIDv7 (RFC 9562): 48 bits of Unix milliseconds of `moment`, 74 random bits; sorts by time."""
    milliseconds = int(moment.timestamp() * 1000) & ((1 << 48) - 1)
    value = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return UUID(int=value)


class TimeOrderedIds:
    """UUIDv7 from the given clock."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()

    def new(self) -> UUID:
        return uuid7(self._clock.now())
