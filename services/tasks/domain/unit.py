"""Units as a task names them, and as their own events tell them."""

from dataclasses import dataclass
from enum import StrEnum

from services.tasks.domain.errors import UnitContradictsItself

HIGHEST_VERSION = 2**31 - 1
GROUP = "group"
"""Kind of a collective lead ("các sở, ban, ngành"), for which the secretariat may report."""


class Duty(StrEnum):
    """What a unit has to do with a task."""

    LEAD = "lead"
    COORDINATING = "coordinating"


@dataclass(frozen=True)
class TaskUnit:
    """A unit with a duty on a task, called as the plan's document called it.

    `lineage` holds the codes that stand above it, its own included; a coordinating body that is no unit has none.
    """

    name: str
    code: str | None = None
    kind: str | None = None
    lineage: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unit:
    """A unit's whole state at one version of its own history.

    Raises:
        UnitContradictsItself: it is its own parent, or its version is out of reach.
    """

    code: str
    version: int
    name: str
    kind: str
    parent: str | None = None
    successors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.parent == self.code or self.version > HIGHEST_VERSION:
            raise UnitContradictsItself
