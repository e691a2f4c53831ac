"""Whose endpoints, deliveries and notices a caller may see and change. What is out of reach does not exist: 404."""

from dataclasses import dataclass

from services.reporting.domain.sight import UnitTree, Viewer
from services.reporting.domain.webhooks.endpoint import Owner


@dataclass(frozen=True, slots=True)
class Reach:
    """Offices whose endpoints are in reach (None: all), and the person whose own ones are, who has no office.

    An endpoint belongs to the office it was made for: who has left the office has left its endpoints too.
    """

    offices: frozenset[str] | None
    person: str | None = None

    def covers(self, owner: Owner) -> bool:
        """Whether the owner's endpoints are in reach."""
        if self.offices is None:
            return True
        if owner.unit is None:
            return self.person is not None and owner.subject == self.person
        return owner.unit in self.offices


def reach(viewer: Viewer, tree: UnitTree) -> Reach:
    """Return what a caller reaches: an office its own; an administrator those of all units below, or of all units."""
    if viewer.unit is None:
        return Reach(None) if viewer.administers else Reach(frozenset(), viewer.subject)
    return Reach(tree.subtree(viewer.unit) if viewer.administers else frozenset({viewer.unit}))


def is_addressee(viewer: Viewer, owner: Owner) -> bool:
    """Whether a notice to the owner is meant for the viewer: it is his office's, or his own."""
    return viewer.unit == owner.unit and (owner.unit is not None or viewer.subject == owner.subject)
