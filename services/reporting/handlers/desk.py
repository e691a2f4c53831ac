"""What use cases work with, what every write is asked with, and how it is run."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from services.reporting.domain.method import Method
from services.reporting.domain.scoring import ScoringRule
from services.reporting.domain.sight import Sight, UnitTree, Viewer, sight
from services.reporting.ports import KeyTakenMeanwhile, Plans, Renderer, ReportingUnitOfWork, SecretSafe
from shared.clock import Clock
from shared.database.idempotency import RequestKey, StoredAnswer
from shared.ids import Ids

ATTEMPTS = 3
"""A request that lost the race for its Idempotency-Key finds the winner's answer the next time."""


@dataclass(frozen=True)
class Office:
    """What the office has set for its papers; None and empty: not set."""

    issuer: str | None = None
    parent: str | None = None
    place: str | None = None
    signature: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mailroom:
    """What endpoints of webhooks are made with."""

    safe: SecretSafe | None
    """None: the installation has no key to seal with."""
    check_url: Callable[[str], None]
    """Raises WebhookUrlRefused for an address that no webhook may be sent to."""
    overlap: timedelta
    """How long an old key signs beside the new one."""


@dataclass(frozen=True)
class Desk:
    """What use cases work with; one for the whole process."""

    unit_of_work: Callable[[], ReportingUnitOfWork]
    clock: Clock
    ids: Ids
    renderer: Renderer
    office: Office
    rule: ScoringRule
    method: Method
    """Where a request names none."""
    mailroom: Mailroom


@dataclass(frozen=True)
class Ask:
    """What every write carries: who asks, under which key, having read which version."""

    viewer: Viewer
    request: RequestKey | None = None
    expected_version: int | None = None


Use = Callable[[ReportingUnitOfWork], Awaitable[StoredAnswer]]


async def run(desk: Desk, use: Use) -> StoredAnswer:
    """Carry out a use case, again where another request with its key was faster."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            async with desk.unit_of_work() as work:
                return await use(work)
        except KeyTakenMeanwhile:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


async def keep(work: ReportingUnitOfWork, ask: Ask, answer: StoredAnswer) -> StoredAnswer:
    """Keep the answer under the request's key, and commit: the last line of a use case."""
    await work.answers.keep(ask.request, answer)
    await work.commit()
    return answer


async def sight_of(plans: Plans, viewer: Viewer) -> Sight:
    """Return what a viewer sees; the tree of units is read only for those who belong to one."""
    return sight(viewer, UnitTree({}) if viewer.unit is None else await plans.tree())
