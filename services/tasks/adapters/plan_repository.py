"""Plans and units as learnt from the plans service.

Runs on the consumer's connection. Learning never touches state, version or completions of a task: what was reported
stays reported, whatever a plan's newer version says.
"""

from typing import Any

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.tasks.adapters.tables import plans, task_units, tasks, units
from services.tasks.domain.errors import TaskOfAnotherPlan
from services.tasks.domain.plan import LearnedPlan, LearnedTask
from services.tasks.domain.unit import Duty, Unit

UNITS_LOCK = 7_263_101
"""Advisory lock of whoever writes units: lineages are made from several rows."""

# Every unit below the changed one (and itself) gets its closure anew. UNION ends a circle of parents, which units that
# swap places can form for a moment while their events are under way.
_RENEW_LINEAGES = text(
    """
    WITH RECURSIVE above (code, stands_above) AS (
        SELECT code, code FROM units WHERE lineage @> ARRAY[CAST(:code AS text)]
        UNION
        SELECT above.code, next.code
        FROM above
        JOIN units ON units.code = above.stands_above
        CROSS JOIN LATERAL unnest(array_append(units.successors, units.parent)) AS next (code)
        WHERE next.code IS NOT NULL
    ), closure AS (
        SELECT code, array_agg(stands_above ORDER BY stands_above) AS lineage FROM above GROUP BY code
    )
    UPDATE units SET lineage = closure.lineage
    FROM closure WHERE units.code = closure.code AND units.lineage IS DISTINCT FROM closure.lineage
    """
)


class SqlPlanRepository:
    """What this service has learnt, on somebody else's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def learn(self, plan: LearnedPlan) -> bool:
        """Keep the plan unless this version or a newer one is known; return whether it was news."""
        await self._lock_units()
        if not await self._keep_plan(plan):
            return False
        await self._keep_named_units(plan)
        await self._keep_tasks(plan)
        await self._keep_duties(plan)
        return True

    async def learn_unit(self, unit: Unit) -> bool:
        """Keep the unit's state unless this version or a newer one is known; return whether it was news."""
        await self._lock_units()
        told = {
            "version": unit.version,
            "name": unit.name,
            "kind": unit.kind,
            "parent": unit.parent,
            "successors": list(unit.successors),
        }
        statement = (
            upsert(units)
            .values(code=unit.code, lineage=[unit.code], **told)
            .on_conflict_do_update(index_elements=["code"], set_=told, where=units.c.version < unit.version)
            .returning(units.c.code)
        )
        if (await self._connection.execute(statement)).one_or_none() is None:
            return False
        await self._connection.execute(_RENEW_LINEAGES, {"code": unit.code})
        return True

    async def _lock_units(self) -> None:
        await self._connection.execute(select(func.pg_advisory_xact_lock(UNITS_LOCK)))

    async def _keep_plan(self, plan: LearnedPlan) -> bool:
        told = {
            "version": plan.version,
            "unit": plan.unit.code,
            "year": plan.year,
            "title": plan.title,
            "counts_when": plan.counts_when,
            "evidence_required": plan.evidence_required,
        }
        statement = (
            upsert(plans)
            .values(id=plan.id, **told)
            .on_conflict_do_update(index_elements=["id"], set_=told, where=plans.c.version < plan.version)
            .returning(plans.c.id)
        )
        return (await self._connection.execute(statement)).one_or_none() is not None

    async def _keep_named_units(self, plan: LearnedPlan) -> None:
        rows = [
            {"code": code, "version": 0, "name": unit.name, "kind": unit.kind, "lineage": [code]}
            for code, unit in plan.named_units().items()
        ]
        await self._connection.execute(upsert(units).on_conflict_do_nothing(index_elements=["code"]), rows)

    async def _keep_tasks(self, plan: LearnedPlan) -> None:
        identities = [task.id for task in plan.tasks]
        owner = select(tasks.c.id).where(tasks.c.id.in_(identities), tasks.c.plan_id != plan.id).limit(1)
        if (await self._connection.execute(owner)).one_or_none() is not None:
            raise TaskOfAnotherPlan
        statement = upsert(tasks)
        told = {name: statement.excluded[name] for name in _row(plan.tasks[0], 0) if name != "id"}
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=["id"], set_=told),
            [{"plan_id": plan.id, **_row(task, position)} for position, task in enumerate(plan.tasks)],
        )

    async def _keep_duties(self, plan: LearnedPlan) -> None:
        await self._connection.execute(
            delete(task_units).where(task_units.c.task_id.in_([each.id for each in plan.tasks]))
        )
        rows = [row for task in plan.tasks for row in _duties(task)]
        await self._connection.execute(insert(task_units), rows)


def _row(task: LearnedTask, position: int) -> dict[str, Any]:
    return {
        "id": task.id,
        "position": position,
        "code": task.code,
        "number": task.number,
        "title": task.title,
        "field": task.field,
        "deadline_phrase": task.deadline.phrase,
        "deadline_kind": task.deadline.kind,
        "deadline_date": task.deadline.date,
        "deadline_dates": list(task.deadline.dates),
    }


def _duties(task: LearnedTask) -> list[dict[str, Any]]:
    return [
        {
            "task_id": task.id,
            "duty": duty.value,
            "position": position,
            "code": unit.code,
            "name": unit.name,
            "kind": unit.kind,
        }
        for duty, members in ((Duty.LEAD, task.leads), (Duty.COORDINATING, task.coordinating))
        for position, unit in enumerate(members)
    ]
