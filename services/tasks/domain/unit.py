"""Units as a task names them, and as their own events tell them."""

from dataclasses import dataclass
from enum import StrEnum

GROUP = "group"
"""Kind of a collective lead ("các sở, ban, ngành"), for which the secretariat may report."""


class Duty(StrEnum):
    """What a unit has to do with a task."""

    LEAD = "lead"
    COORDINATING = "coordinating"


@dataclass(frozen=True)
class TaskUnit:
    """A unit with a duty on a task, called as the plan's document called it.

    `lineage` holds the codes that stand above it, its own included; a coordinating body that is no unit has none.
    """

    name: str
    code: str | None = None
    kind: str | None = None
    lineage: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unit:
    """A unit's whole state at one version of its own history."""

    code: str
    version: int
    name: str
    kind: str
    parent: str | None = None
    successors: tuple[str, ...] = ()
