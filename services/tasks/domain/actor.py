"""Who acts, and who stands above whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class ActorRole(StrEnum):
    """What a person may be; the words are those of the bearer token."""

    DEPARTMENT = "department"
    SECRETARIAT = "secretariat"
    LEADER = "leader"
    ADMIN = "admin"


OVERSIGHT = frozenset({ActorRole.SECRETARIAT, ActorRole.LEADER, ActorRole.ADMIN})
"""Roles that see whole plans; without a unit they see every plan of the installation."""


@dataclass(frozen=True)
class Actor:
    """The subject and unit of a token, with its roles. A person's name is looked up, never stored with a task."""

    subject: str
    roles: frozenset[ActorRole]
    unit: str | None = None

    def has(self, role: ActorRole) -> bool:
        """Tell whether the actor holds `role`."""
        return role in self.roles

    def stands_above(self, lineage: Sequence[str]) -> bool:
        """Tell whether a unit with this lineage (its own code, its parents, its successors) is in the actor's subtree.

        An actor without a unit stands above everything; whether a role may go without one is decided where the role
        is used: a department never may.
        """
        return self.unit is None or self.unit in lineage
