"""Telling a database that is away (come again later) from a mistake of ours (a bug)."""

import socket
from typing import Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

_AWAY: Final = (
    "08",  # connection exceptions
    "53",  # insufficient resources: too many connections, disk full
    "57P",  # shutting down, crashed, starting up
    "57014",  # our own statement limit
    "40001",  # serialization failure: the same request again may succeed
    "40P01",  # deadlock: likewise
    "55P03",  # lock not available: likewise
    "25006",  # read-only: a standby has answered
)


def is_database_away(error: BaseException) -> bool:
    """Tell whether the same request may succeed later without anybody mending anything in our code."""
    if isinstance(error, PoolTimeoutError | ConnectionError | TimeoutError | socket.gaierror):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str):
        return state.startswith(_AWAY)
    cause = error.orig.__cause__ if error.orig is not None else None
    return isinstance(cause, ConnectionError | TimeoutError)
