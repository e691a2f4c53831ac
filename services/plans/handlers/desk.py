"""What use cases work with, and what every write is asked with."""

from collections.abc import Callable
from dataclasses import dataclass

from services.plans.domain.access import Scope
from services.plans.domain.plan_table import FileRow
from services.plans.ports import PlansUnitOfWork
from shared.clock import Clock
from shared.database.idempotency import RequestKey
from shared.ids import Ids

OK = 200
CREATED = 201


@dataclass(frozen=True)
class Desk:
    """What use cases work with; one for the whole process."""

    unit_of_work: Callable[[], PlansUnitOfWork]
    read_file: Callable[[bytes], list[FileRow]]
    clock: Clock
    ids: Ids
    before_is_inclusive: bool = True


@dataclass(frozen=True)
class Ask:
    """What every write carries: whose part of the tree, under which key, having read which version."""

    scope: Scope
    request: RequestKey | None = None
    expected_version: int | None = None
