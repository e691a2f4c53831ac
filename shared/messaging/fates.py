"""What can become of a message, and what an error says about it."""

import traceback
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.contracts.envelope import Event
from shared.messaging.decoding import Undecodable
from shared.messaging.status import kind_of
from shared.messaging.subscription import Handler, NotYet, Refused
from shared.messaging.transports.port import Received

PASSING = ("08", "40", "53", "55", "57", "58")
"""Classes of SQLSTATE that say something about the moment, not about the message: connection, rollback (deadlock,
serialization), resources (disk full), object in use, operator intervention, system error."""
READ_ONLY = "25006"
NOT_MIGRATED = ("42P01", "42703", "42704", "42883", "3D000", "3F000", "42501")
"""A table, column, type, function, database or schema is not there, or not for us: a restored or half-migrated
database under a running program. No message makes or mends that, and every one would become a dead letter."""
DRIVERS_OWN = (asyncpg.InternalClientError, asyncpg.InvalidCachedStatementError)
"""The connection was just being cut, or somebody has just migrated: the next try has a new connection or plan."""


@dataclass(frozen=True)
class Dead:
    """It will not be applied as it is: a dead letter."""

    code: str
    reason: str


@dataclass(frozen=True)
class Waiting:
    """It is too early: kept until the name is released."""

    waits_for: str


Verdict = Dead | Waiting


@dataclass(slots=True)
class Item:
    """A message on its way in. Without a handler it is passed; with a verdict it is put aside."""

    received: Received
    event: Event[Any] | None = None
    handler: Handler | None = None
    verdict: Verdict | None = None


@dataclass
class Outcome:
    """What became of a batch, by fate, and the names that parked messages may have waited for."""

    counts: dict[str, int] = field(default_factory=dict)
    released: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)

    def count(self, fate: str, number: int) -> None:
        self.counts[fate] = self.counts.get(fate, 0) + number


def is_passing(error: BaseException) -> bool:
    """Tell whether the same message may well go through later: database or network away, deadlock, disk full."""
    if isinstance(error, DBAPIError):
        if error.connection_invalidated or isinstance(error, InterfaceError):  # the latter: "connection is closed"
            return True
        if isinstance(getattr(error.orig, "__cause__", None), DRIVERS_OWN):
            return True
        state = str(getattr(error.orig, "sqlstate", None) or "")
        return state.startswith(PASSING) or state == READ_ONLY or state in NOT_MIGRATED
    return isinstance(error, (PoolTimeout, OSError, TimeoutError))


def judge(error: Exception) -> Verdict:
    """Return what an error that is not passing means for the message that caused it."""
    match error:
        case NotYet():
            return Waiting(error.waits_for)
        case Refused() | Undecodable():
            return Dead(error.code, error.reason)
        case _:
            return Dead("handler-failed", f"{kind_of(error)} in {_place(error)}")


def _place(error: Exception) -> str:
    """Return the innermost line of ours, so that a listing of dead letters says where to look."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "site-packages" not in frame.filename]
    if not frames:
        return "unknown place"
    *_, last = frames
    return f"{'/'.join(last.filename.split('/')[-3:])}:{last.lineno}"
