"""Who sees and changes what, by place in the tree of units. A path is the codes from the root down, each with "/"."""

from dataclasses import dataclass

from services.plans.domain.plan import PlanState


@dataclass(frozen=True)
class Scope:
    """The part of the tree that a caller works in; `unit` None is the whole installation.

    `reads_above`: a department also reads the issued plans of the units above it, in which it has tasks.
    """

    unit: str | None
    reads_above: bool = False


WHOLE_INSTALLATION = Scope(unit=None)


def may_act(scope: Scope, own_path: str | None, path: str) -> bool:
    """Tell whether a caller whose unit stands at `own_path` may change what belongs to the unit at `path`."""
    return scope.unit is None or (own_path is not None and path.startswith(own_path))


def may_read_plan(scope: Scope, own_path: str | None, path: str, state: PlanState) -> bool:
    """Tell whether the caller may read a plan of the unit at `path`."""
    if may_act(scope, own_path, path):
        return True
    return scope.reads_above and own_path is not None and state is not PlanState.DRAFT and own_path.startswith(path)
