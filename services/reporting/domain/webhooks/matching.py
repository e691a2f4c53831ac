"""Which endpoints are told of an event."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Wish:
    """What an endpoint wants to hear. None: any.

    `owner_unit` bounds it: an owner who belongs to a unit hears of plans of its subtree, never more.
    """

    endpoint_id: UUID
    event_types: frozenset[str]
    created_at: datetime
    owner_unit: str | None = None
    plan_id: UUID | None = None
    unit: str | None = None
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """What an event is about, as far as matching cares.

    A unit filter means a whole subtree, so each event brings the units above those that it is about.
    """

    event_id: UUID
    type: str
    occurred_at: datetime
    plan_id: UUID
    above_plan: frozenset[str]
    """The plan's unit and every unit above it."""
    above_leads: frozenset[str] = frozenset()
    """The lead units of the task and every unit above them; nothing for events about a whole plan."""
    field: str | None = None


def matches(wish: Wish, happening: Happening) -> bool:
    """Whether the endpoint is told of the event. A field filter lets only events about tasks of that field through."""
    return (
        happening.type in wish.event_types
        and happening.occurred_at >= wish.created_at
        and (wish.owner_unit is None or wish.owner_unit in happening.above_plan)
        and (wish.plan_id is None or wish.plan_id == happening.plan_id)
        and (wish.unit is None or wish.unit in happening.above_plan or wish.unit in happening.above_leads)
        and (wish.field is None or wish.field == happening.field)
    )


def is_news(occurred_at: datetime, now: datetime, oldest: timedelta) -> bool:
    """Whether an event heard now is still told: what is heard again after years (a refilled log) is no news."""
    return now - occurred_at <= oldest
