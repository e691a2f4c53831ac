"""What the plans service tells."""

from services.tasks.domain.plan import LearnedPlan
from services.tasks.domain.unit import Unit
from services.tasks.ports import PlanRepository


async def learn_plan(plans: PlanRepository, plan: LearnedPlan) -> None:
    """Keep an issued plan with its tasks, unless this version or a newer one is known. The consumer commits."""
    await plans.learn(plan)


async def learn_unit(plans: PlanRepository, unit: Unit) -> None:
    """Keep a unit's state, unless this version or a newer one is known. The consumer commits."""
    await plans.learn_unit(unit)
