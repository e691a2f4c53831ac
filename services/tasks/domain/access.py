"""Who sees a task, and who may do what to it.

A department sees the tasks on which a lead or coordinating unit lies in its own subtree; the overseeing roles see the
plans whose unit lies in theirs (without a unit: all). Who holds several roles may what any of them may.
"""

from typing import Protocol

from services.tasks.domain.actor import OVERSIGHT, Actor, ActorRole
from services.tasks.domain.errors import NotALeadUnit, NotATaskUnit, NotTheSecretariat, TaskNotFound
from services.tasks.domain.unit import GROUP, TaskUnit


class PlanScope(Protocol):
    """Where a plan belongs."""

    @property
    def unit_lineage(self) -> tuple[str, ...]:
        """Codes that stand above the plan's unit, its own included."""


class Scoped(Protocol):
    """What decides on access to a task."""

    @property
    def leads(self) -> tuple[TaskUnit, ...]:
        """Units of which any may report the task done."""

    @property
    def coordinating(self) -> tuple[TaskUnit, ...]:
        """Units that may note progress."""

    @property
    def plan(self) -> PlanScope:
        """The plan the task belongs to."""


def require_visible(actor: Actor, task: Scoped) -> None:
    """Refuse as if the task did not exist when `actor` may not see it.

    Raises:
        TaskNotFound: nothing more is told.
    """
    if not (_oversees(actor, task) or _own(actor, task.leads + task.coordinating)):
        raise TaskNotFound


def require_lead(actor: Actor, task: Scoped) -> None:
    """Refuse who may not report the task done.

    Raises:
        NotALeadUnit: no lead unit lies in the actor's subtree, and the task has no collective lead that the actor,
            as secretariat of the plan, reports for.
    """
    if not (_own(actor, task.leads) or _reports_for_group(actor, task)):
        raise NotALeadUnit


def require_task_unit(actor: Actor, task: Scoped) -> None:
    """Refuse who may not note progress on the task.

    Raises:
        NotATaskUnit: neither a lead nor a coordinating unit lies in the actor's subtree.
    """
    if not (_own(actor, task.leads + task.coordinating) or _reports_for_group(actor, task)):
        raise NotATaskUnit


def require_secretariat(actor: Actor, task: Scoped) -> None:
    """Refuse who may not decide on completions.

    Raises:
        NotTheSecretariat: the actor does not hold that role for the task's plan.
    """
    if not _is_secretariat(actor, task):
        raise NotTheSecretariat


def _own(actor: Actor, units: tuple[TaskUnit, ...]) -> bool:
    return (
        actor.has(ActorRole.DEPARTMENT)
        and actor.unit is not None
        and any(actor.stands_above(unit.lineage) for unit in units)
    )


def _oversees(actor: Actor, task: Scoped) -> bool:
    return bool(actor.roles & OVERSIGHT) and actor.stands_above(task.plan.unit_lineage)


def _is_secretariat(actor: Actor, task: Scoped) -> bool:
    return actor.has(ActorRole.SECRETARIAT) and actor.stands_above(task.plan.unit_lineage)


def _reports_for_group(actor: Actor, task: Scoped) -> bool:
    return _is_secretariat(actor, task) and any(unit.kind == GROUP for unit in task.leads)
