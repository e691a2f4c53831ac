"""How a task is told to people and programs: the one shape of every answer that holds a task."""

from typing import Any
from uuid import UUID

from services.tasks.domain.plan import Deadline
from services.tasks.domain.timing import Timing
from services.tasks.domain.unit import TaskUnit


def deadline_portrait(deadline: Deadline) -> dict[str, Any]:
    """Return phrase and reading; days as `YYYY-MM-DD`."""
    return {
        "phrase": deadline.phrase,
        "kind": deadline.kind,
        "date": None if deadline.date is None else deadline.date.isoformat(),
        "dates": [day.isoformat() for day in deadline.dates],
    }


def task_portrait(
    *,
    task_id: UUID,
    plan_id: UUID,
    code: str,
    number: str,
    title: str,
    field: str,
    leads: tuple[TaskUnit, ...],
    coordinating: tuple[TaskUnit, ...],
    deadline: Deadline,
    state: str,
    timing: Timing,
    version: int,
) -> dict[str, Any]:
    """Return the task as JSON holds it. Units are called as the plan's document called them."""
    return {
        "id": str(task_id),
        "plan_id": str(plan_id),
        "code": code,
        "number": number,
        "title": title,
        "field": field,
        "lead_units": [{"code": unit.code, "name": unit.name} for unit in leads],
        "coordinating_units": [{"code": unit.code, "name": unit.name} for unit in coordinating],
        "deadline": deadline_portrait(deadline),
        "state": state,
        "timing": timing.value,
        "version": version,
    }
