"""Who may see what. What one may not see does not exist for him: 404."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Viewer:
    """A caller, as far as this service's rules care.

    `sees_subtree` holds for leaders, the secretariat and administrators (without a unit: the whole installation);
    `reports_upward` for departments, which also see the plans of the units above them; `administers` for
    administrators, who look after webhook endpoints that are not theirs.
    """

    subject: str
    unit: str | None
    sees_subtree: bool
    reports_upward: bool
    administers: bool = False


@dataclass(frozen=True, slots=True)
class UnitTree:
    """Unit code -> code of its parent."""

    parents: Mapping[str, str | None]

    def ancestors(self, code: str) -> frozenset[str]:
        """Return the units above `code`; a circle in the data ends the walk."""
        found: list[str] = []
        above = self.parents.get(code)
        while above is not None and above not in found and above != code:
            found.append(above)
            above = self.parents.get(above)
        return frozenset(found)

    def subtree(self, code: str) -> frozenset[str]:
        """Return `code` and every unit below it."""
        return frozenset({code, *(unit for unit in self.parents if code in self.ancestors(unit))})


@dataclass(frozen=True, slots=True)
class Sight:
    """Which plans (by their unit) a viewer sees; None means all. `full` plans with every unit's row and drafts."""

    full: frozenset[str] | None
    partial: frozenset[str]
    rows: frozenset[str]
    """Lead units whose rows are shown in plans that are seen in part."""

    def sees(self, plan_unit: str) -> bool:
        """Whether plans of the unit are seen at all."""
        return self.sees_fully(plan_unit) or plan_unit in self.partial

    def sees_fully(self, plan_unit: str) -> bool:
        """Whether all rows and the drafts of plans of the unit are seen."""
        return self.full is None or plan_unit in self.full

    def rows_of(self, plan_unit: str) -> frozenset[str] | None:
        """Return the lead units whose rows are shown; None for all."""
        return None if self.sees_fully(plan_unit) else self.rows


NOTHING = Sight(frozenset(), frozenset(), frozenset())


def sight(viewer: Viewer, tree: UnitTree) -> Sight:
    """Return what a viewer sees."""
    if viewer.unit is None:
        return Sight(None, frozenset(), frozenset()) if viewer.sees_subtree else NOTHING
    own = tree.subtree(viewer.unit)
    above = own | tree.ancestors(viewer.unit) if viewer.reports_upward else frozenset()
    return Sight(own if viewer.sees_subtree else frozenset(), above, own)
