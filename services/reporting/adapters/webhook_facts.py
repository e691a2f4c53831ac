"""What bodies and filters say of an event beyond its own data: its task, the units above, the day of the product.

All of it comes from what this service has heard; a plan's version never changes, so what was read of it is kept.
"""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.adapters.tables import ledger, plans
from shared.contracts.plans import CountsWhen, PlanIssuedV1, PlanTaskV1
from shared.contracts.tasks import (
    CompletionConfirmedV1,
    CompletionReturnedV1,
    TaskCompletedV1,
    TaskReopenedV1,
)

_MOST_PLANS: Final = 256

_ABOVE = text("""
    WITH RECURSIVE above (code, unit) AS (
        SELECT code, code FROM unnest(CAST(:codes AS text[])) AS given (code)
        UNION
        SELECT above.code, units.parent FROM above JOIN units ON units.code = above.unit
        WHERE units.parent IS NOT NULL
    )
    SELECT code, array_agg(unit) AS units FROM above GROUP BY code
""")
_COMPLETED_ON = text("""
    SELECT data ->> 'completion_id' AS completion_id, data ->> 'completed_on' AS completed_on
    FROM ledger
    WHERE plan_id = ANY(CAST(:plan_ids AS uuid[])) AND type = :type
        AND data ->> 'completion_id' = ANY(CAST(:completion_ids AS text[]))
""")


_LAST_CHANGE = text("""
    SELECT DISTINCT ON (task_id) task_id, type FROM ledger
    WHERE task_id = ANY(CAST(:task_ids AS uuid[])) AND type = ANY(CAST(:types AS text[]))
    ORDER BY task_id, version DESC
""")
_CHANGES: Final = tuple(
    each.event_type for each in (TaskCompletedV1, CompletionConfirmedV1, CompletionReturnedV1, TaskReopenedV1)
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What bodies say that neither their event nor its plan says."""

    days: Mapping[UUID, date] = field(default_factory=dict)
    """Completion -> day of the product."""
    last: Mapping[UUID, str] = field(default_factory=dict)
    """Task -> type of the last event that changed its state; tasks that nothing has happened to are not in it."""


@dataclass(frozen=True, slots=True)
class PlanDescribed:
    """A version of a plan, with its tasks by id."""

    plan_id: UUID
    unit: str
    year: int
    counts_when: CountsWhen
    tasks: Mapping[UUID, PlanTaskV1]


class PlanDescriptions:
    """Plans as their latest version heard describes them; keeps the last few that were asked for."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[UUID, int], PlanDescribed] = OrderedDict()

    async def find(self, connection: AsyncConnection, plan_ids: Collection[UUID]) -> dict[UUID, PlanDescribed]:
        """Return the plans that have been heard of."""
        if not plan_ids:
            return {}
        statement = select(plans.c.plan_id, plans.c.version).where(plans.c.plan_id.in_(plan_ids))
        found = {}
        for plan_id, version in await connection.execute(statement):
            described = self._kept.get((plan_id, version)) or await _read(connection, plan_id, version)
            if described is not None:
                found[plan_id] = self._kept[plan_id, version] = described
                self._kept.move_to_end((plan_id, version))
        while len(self._kept) > _MOST_PLANS:
            self._kept.popitem(last=False)
        return found


async def _read(connection: AsyncConnection, plan_id: UUID, version: int) -> PlanDescribed | None:
    row = ledger.c
    statement = select(row.data).where(
        row.plan_id == plan_id, row.type == PlanIssuedV1.event_type, row.version == version
    )
    data: dict[str, Any] | None = (await connection.execute(statement.limit(1))).scalar_one_or_none()
    if data is None:
        return None
    plan = PlanIssuedV1.model_validate(data)
    tasks = {task.id: task for task in plan.tasks}
    return PlanDescribed(plan_id, plan.unit.code, plan.year, plan.counts_when, tasks)


async def units_above(connection: AsyncConnection, codes: Collection[str]) -> dict[str, frozenset[str]]:
    """Return for each unit itself and the units above it; a circle in the data ends the walk."""
    if not codes:
        return {}
    rows = await connection.execute(_ABOVE, {"codes": sorted(codes)})
    return {row.code: frozenset(row.units) for row in rows}


async def last_changes(connection: AsyncConnection, task_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the type of the last event heard that changed the state of each task."""
    if not task_ids:
        return {}
    rows = await connection.execute(_LAST_CHANGE, {"task_ids": sorted(task_ids), "types": list(_CHANGES)})
    return {row.task_id: row.type for row in rows}


async def products_days(
    connection: AsyncConnection, plan_ids: Collection[UUID], completion_ids: Collection[UUID]
) -> dict[UUID, date]:
    """Return the day of the product of each completion whose report has been heard."""
    if not completion_ids:
        return {}
    asked = {
        "plan_ids": list(plan_ids),
        "type": TaskCompletedV1.event_type,
        "completion_ids": [str(each) for each in completion_ids],
    }
    rows = await connection.execute(_COMPLETED_ON, asked)
    return {UUID(row.completion_id): date.fromisoformat(row.completed_on) for row in rows}
