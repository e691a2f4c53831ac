"""Where a task stands on the time axis: always derived from a date, never stored."""

from datetime import date
from enum import StrEnum


class Timing(StrEnum):
    """The time half of a task's status (the other half is its state)."""

    IN_TIME = "in_time"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    NO_DEADLINE = "no_deadline"


def timing(*, deadline: date | None, done_on: date | None, today: date, due_soon_days: int) -> Timing:
    """Return where a task stands.

    Args:
        deadline: the last day that is still in time; None is a task that is never late.
        done_on: the day of the product when the task is done, else None. A task that awaits confirmation is not done.
        today: the Vietnamese calendar day of the question.
        due_soon_days: a task not done is due soon from so many days before its deadline up to the deadline itself.
    """
    if deadline is None:
        return Timing.NO_DEADLINE
    if done_on is not None:
        return Timing.OVERDUE if done_on > deadline else Timing.IN_TIME
    if deadline < today:
        return Timing.OVERDUE
    return Timing.DUE_SOON if (deadline - today).days <= due_soon_days else Timing.IN_TIME
