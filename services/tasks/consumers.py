"""What this service hears from the plans service; each function runs in the consumer's transaction."""

from collections.abc import Mapping
from typing import Any

from services.tasks import handlers
from services.tasks.adapters.plan_repository import SqlPlanRepository
from services.tasks.domain.errors import (
    PlanContradictsItself,
    TaskOfAnotherPlan,
    TaskRefusal,
    UnitContradictsItself,
)
from services.tasks.domain.plan import Deadline, LearnedPlan, LearnedTask
from services.tasks.domain.unit import TaskUnit, Unit
from shared.contracts import plans as contracts
from shared.contracts.access_keys import AccessKeyChangedV1
from shared.contracts.envelope import Event
from shared.contracts.topics import PLANS
from shared.database.engine import Connection
from shared.messaging.access_keys import learn_access_key
from shared.messaging.subscription import Handler, Refused, Subscription

GROUP = "tasks"

REASONS: Mapping[type[TaskRefusal], Refused] = {
    PlanContradictsItself: Refused("plan-contradicts-itself", "the plan names a task twice, or its version is absurd"),
    TaskOfAnotherPlan: Refused("task-of-another-plan", "the plan names a task that another plan owns"),
    UnitContradictsItself: Refused("unit-contradicts-itself", "the unit is its own parent, or its version is absurd"),
}


async def plan_issued(connection: Connection, event: Event[Any]) -> None:
    """Learn a plan with its tasks."""
    try:
        await handlers.learn_plan(SqlPlanRepository(connection), _plan(event.data))
    except tuple(REASONS) as refusal:
        raise _refused(refusal) from refusal


async def unit_changed(connection: Connection, event: Event[Any]) -> None:
    """Learn a unit's present state."""
    try:
        await handlers.learn_unit(SqlPlanRepository(connection), _unit(event.data))
    except tuple(REASONS) as refusal:
        raise _refused(refusal) from refusal


HANDLERS: Mapping[str, Handler] = {
    contracts.PlanIssuedV1.event_type: plan_issued,
    contracts.UnitChangedV1.event_type: unit_changed,
    AccessKeyChangedV1.event_type: learn_access_key,
}
SUBSCRIPTION = Subscription(group=GROUP, topics=(PLANS,), handlers=HANDLERS)


def _refused(refusal: TaskRefusal) -> Refused:
    told = REASONS[type(refusal)]
    return Refused(told.code, told.reason)


def _unit(told: contracts.UnitChangedV1) -> Unit:
    return Unit(
        code=told.code,
        version=told.version,
        name=told.name,
        kind=told.kind.value,
        parent=told.parent,
        successors=told.successors,
    )


def _plan(told: contracts.PlanIssuedV1) -> LearnedPlan:
    return LearnedPlan(
        id=told.plan_id,
        version=told.version,
        unit=_named(told.unit),
        year=told.year,
        title=told.title,
        counts_when=told.counts_when.value,
        evidence_required=told.evidence_required,
        tasks=tuple(_task(task) for task in told.tasks),
    )


def _task(told: contracts.PlanTaskV1) -> LearnedTask:
    deadline = told.deadline
    return LearnedTask(
        id=told.id,
        code=told.code,
        number=told.number,
        title=told.title,
        field=told.field,
        leads=tuple(_named(unit) for unit in told.lead_units),
        coordinating=tuple(TaskUnit(name=unit.name, code=unit.code) for unit in told.coordinating_units),
        deadline=Deadline(phrase=deadline.phrase, kind=deadline.kind.value, date=deadline.date, dates=deadline.dates),
    )


def _named(unit: contracts.UnitRef) -> TaskUnit:
    return TaskUnit(name=unit.name, code=unit.code, kind=unit.kind.value)
