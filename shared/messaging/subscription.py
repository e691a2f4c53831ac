"""What a service hears and what it does with it; what its handlers may say."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.envelope import Event
from shared.contracts.topics import Topic
from shared.messaging.transports.port import Received

Handler = Callable[[AsyncConnection, Event[Any]], Awaitable[None]]
"""Runs inside the consumer's transaction and must not commit."""
Remember = Callable[[AsyncConnection, Event[Any], Received], Awaitable[bool]]
"""Writes that the event was seen; True the first time."""
InBulk = Callable[[AsyncConnection, Sequence[tuple[Event[Any], Received]]], Awaitable[None]]
"""Remembers and applies events of one partition in their order, repeats among them, in a few statements."""


class Refused(Exception):  # noqa: N818 -- errors say the refusal
    """A rule of the domain says no: the message becomes a dead letter with this reason.

    Args:
        code: stable, kebab-case; operators filter by it.
        reason: a sentence without personal data.
    """

    def __init__(self, code: str, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class NotYet(Exception):  # noqa: N818 -- errors say the refusal
    """An event that must come before has not come: the message is kept and tried again when that name is released.

    Args:
        waits_for: a name that the handler of the missing event passes to `release`, for example `plan:<id>`.
    """

    def __init__(self, waits_for: str) -> None:
        super().__init__(waits_for)
        self.waits_for = waits_for


@dataclass(frozen=True)
class Subscription:
    """What one consumer group hears.

    Args:
        group: the group's name; positions and "seen" belong to it.
        topics: where it listens.
        handlers: by event type; other types are counted and passed.
        remember: who writes "seen" in the handler's transaction; None is the plumbing's inbox.
        in_bulk: does remembering and handling for a whole batch where speed matters. When it raises, the batch is
            rolled back and its messages go through `remember` and `handlers` one by one, so that a bad one fails alone.
    """

    group: str
    topics: tuple[Topic, ...]
    handlers: Mapping[str, Handler]
    remember: Remember | None = None
    in_bulk: InBulk | None = None


_released: ContextVar[set[str] | None] = ContextVar("released", default=None)


def release(waits_for: str) -> None:
    """Say, inside a handler, that what others wait for under this name is there once the transaction commits.

    Parked messages of that name are applied right after. Outside of a consumer nothing waits and nothing happens.
    """
    names = _released.get()
    if names is not None:
        names.add(waits_for)


def collect_released() -> set[str]:
    """Return a new set that `release` fills in the current task from now on."""
    names: set[str] = set()
    _released.set(names)
    return names
