"""An issued plan as this service learns it."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from services.tasks.domain.errors import PlanContradictsItself
from services.tasks.domain.unit import HIGHEST_VERSION, TaskUnit


@dataclass(frozen=True)
class Deadline:
    """A deadline as written and as read. `date` decides on lateness; without one the task is never late."""

    phrase: str
    kind: str
    date: dt.date | None = None
    dates: tuple[dt.date, ...] = ()


@dataclass(frozen=True)
class LearnedTask:
    """What a plan says of one of its tasks; nothing of it is a report on the task."""

    id: UUID
    code: str
    number: str
    title: str
    field: str
    leads: tuple[TaskUnit, ...]
    coordinating: tuple[TaskUnit, ...]
    deadline: Deadline


@dataclass(frozen=True)
class LearnedPlan:
    """A plan at one version, with all its tasks in the plan's order.

    Raises:
        PlanContradictsItself: one task stands in it twice, or its version is out of reach.
    """

    id: UUID
    version: int
    unit: TaskUnit
    year: int
    title: str
    counts_when: str
    evidence_required: bool
    tasks: tuple[LearnedTask, ...]

    def __post_init__(self) -> None:
        if self.version > HIGHEST_VERSION or len({task.id for task in self.tasks}) != len(self.tasks):
            raise PlanContradictsItself

    def named_units(self) -> dict[str, TaskUnit]:
        """Return every unit with a code that the plan names, by code; where kinds differ, one that is known wins."""
        named: dict[str, TaskUnit] = {}
        for unit in (self.unit, *(each for task in self.tasks for each in (*task.leads, *task.coordinating))):
            if unit.code is not None and (unit.code not in named or named[unit.code].kind is None):
                named[unit.code] = unit
        return named
