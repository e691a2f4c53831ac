"""What the use cases ask for. One real implementation each (adapters), tested on PostgreSQL and on real documents."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID

from services.reporting.domain.content import CorrectedReport
from services.reporting.domain.events import ReportIssued
from services.reporting.domain.facts import Knowledge
from services.reporting.domain.report import Report
from services.reporting.domain.sight import UnitTree
from services.reporting.domain.webhooks.endpoint import Endpoint, Owner
from services.reporting.domain.webhooks.ownership import Reach
from services.reporting.domain.webhooks.signatures import Scheme, Secret
from shared.database.idempotency import RequestKey, StoredAnswer


class KeyTakenMeanwhile(Exception):  # noqa: N818 -- errors say what happened
    """Another request with the same Idempotency-Key committed first; run again, and find its answer."""


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """A plan as lists show it."""

    id: UUID
    unit_code: str
    unit_name: str
    year: int
    title: str


@dataclass(frozen=True, slots=True)
class LedgerReading:
    """What one read of the ledger told about a plan."""

    known: Knowledge
    position: int
    """Place in the ledger of the last row read; 0 when there was none."""
    last_time: datetime | None
    """The newest recorded time among the rows read."""


class Ledger(Protocol):
    """Everything heard, read back."""

    async def read(self, plan_id: UUID, as_of: datetime) -> LedgerReading:
        """Return what was known of a plan at `as_of`."""


class Plans(Protocol):
    """Plans and units heard of."""

    async def find(self, plan_id: UUID) -> PlanEntry | None:
        """Return a plan's entry."""

    async def tree(self) -> UnitTree:
        """Return the units with their parents."""

    async def parent_name(self, unit_code: str) -> str | None:
        """Return the name of the unit above."""


@dataclass(frozen=True, slots=True)
class FrozenReport:
    """What is kept with an issue for ever."""

    content: dict[str, Any]
    documents: Mapping[str, bytes]
    """Format -> bytes."""
    sha256: dict[str, str]
    """Format -> hex digest of those bytes."""
    ledger_position: int


class Reports(Protocol):
    """Reports, one at a time, under lock when they are to change."""

    async def add(self, report: Report) -> None:
        """Write a new draft."""

    async def load(self, report_id: UUID) -> Report | None:
        """Lock the report until the end of the transaction and return it."""

    async def save(self, report: Report) -> None:
        """Write a draft's sections and version."""

    async def freeze(self, report: Report, frozen: FrozenReport) -> None:
        """Write the issue with its documents.

        Raises:
            ReportNumberTaken: another report of the unit has the number in the same year.
        """

    async def corrected(self, report_id: UUID | None) -> CorrectedReport | None:
        """Return the issue that a report corrects; None for a draft or an unknown one."""


class Answers(Protocol):
    """First answers of requests with an Idempotency-Key."""

    async def find(self, request: RequestKey | None) -> StoredAnswer | None:
        """Return the first answer.

        Raises:
            IdempotencyKeyReused: the key came before with another request.
        """

    async def keep(self, request: RequestKey | None, answer: StoredAnswer) -> None:
        """Keep the answer.

        Raises:
            KeyTakenMeanwhile: another transaction has kept one under the key.
        """


class Announcements(Protocol):
    """What others are told of; travels once the transaction commits."""

    async def add(self, event: ReportIssued) -> None:
        """Write the event into the outbox."""


class SecretSafe(Protocol):
    """Makes the keys that webhooks are signed with, and seals them under the installation's key."""

    def make(self, scheme: Scheme) -> Secret:
        """Return a new key."""

    def seal(self, endpoint_id: UUID, secret: Secret) -> bytes:
        """Return what may be written down, of use to this endpoint alone."""

    def open(self, endpoint_id: UUID, scheme: Scheme, sealed: bytes) -> Secret:
        """Return the key that was sealed."""


@dataclass(frozen=True, slots=True)
class KeptSecret:
    """A key in the database."""

    id: int
    sealed: bytes
    public_key: bytes | None
    created_at: datetime
    expires_at: datetime | None
    """Set when another has taken its place; both sign until then."""


class WebhookEndpoints(Protocol):
    """Endpoints with their keys, under lock when they are to change."""

    async def count_of(self, owner: Owner) -> int:
        """Return how many an owner has; nobody adds one for him until the end of the transaction."""

    async def add(self, endpoint: Endpoint) -> None:
        """Write a new one."""

    async def load(self, endpoint_id: UUID, reach: Reach, *, to_change: bool = False) -> Endpoint | None:
        """Return an endpoint in reach; until the transaction ends nobody deletes it or, `to_change`, changes it."""

    async def hold_sending(self) -> None:
        """Let nothing be sent or recorded until the end of the transaction; before the lock on what is deleted."""

    async def save(self, endpoint: Endpoint) -> None:
        """Write what its owner may change."""

    async def remove(self, endpoint_id: UUID) -> None:
        """Delete it with its keys and deliveries."""

    async def add_secret(
        self, endpoint_id: UUID, sealed: bytes, public_key: bytes | None, *, at: datetime, old_until: datetime
    ) -> int:
        """Add a key and let the earlier ones end; return its number."""

    async def secrets_of(self, endpoint_id: UUID) -> list[KeptSecret]:
        """Return its keys, the newest first."""


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """What is told, ready to be sent."""

    id: UUID
    type: str
    order_key: str
    """Deliveries of one endpoint with the same key go out one after the other."""
    body: str
    occurred_at: datetime


class WebhookDeliveries(Protocol):
    """What is sent anew or on request; the sender finds it."""

    async def add(self, endpoint_id: UUID, event: OutgoingEvent, *, at: datetime) -> None:
        """Write an event for one endpoint."""

    async def send_again(self, endpoint_id: UUID, event_id: UUID, *, at: datetime) -> bool:
        """Make a delivery due, unless it is under way; False: there is none."""

    async def recover(self, endpoint_id: UUID, since: datetime, *, at: datetime) -> int:
        """Make all deliveries due that failed since then, in one statement; return how many."""


class Notices(Protocol):
    """What owners are told by another way than their webhooks; known by their endpoint and moment."""

    async def owner_of(self, endpoint_id: UUID, created_at: datetime, reach: Reach) -> Owner | None:
        """Return whom a notice in reach is for."""

    async def mark_seen(self, endpoint_id: UUID, created_at: datetime, *, at: datetime) -> datetime:
        """Note that it was seen, unless that is known; return since when."""


class ReportingUnitOfWork(Protocol):
    """One transaction of one use case; it can be opened again after it was closed."""

    ledger: Ledger
    plans: Plans
    reports: Reports
    answers: Answers
    announcements: Announcements
    endpoints: WebhookEndpoints
    deliveries: WebhookDeliveries
    notices: Notices

    async def __aenter__(self) -> Self:
        """Begin."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Roll back what was not committed."""

    async def commit(self) -> None:
        """Make it durable."""


class Renderer(Protocol):
    """Makes documents of a report's content; equal content gives equal bytes."""

    async def render(self, content: dict[str, Any], file_format: str) -> bytes:
        """Return the document in one of `FORMATS`."""


FORMATS = ("docx", "json")
"""What a report is made in."""


class PostAnswer(Protocol):
    """What came of posting a webhook once."""

    @property
    def status(self) -> int | None:
        """HTTP status, where an answer began."""

    @property
    def failure(self) -> str | None:
        """A stable word for what went wrong."""

    @property
    def retry_after(self) -> float | None:
        """Seconds that the receiver asked to be left alone for."""

    @property
    def duration_ms(self) -> int:
        """How long it took, in milliseconds."""

    @property
    def excerpt(self) -> bytes:
        """First kilobyte of the answer's body."""


class Poster(Protocol):
    """Posts to an address that a stranger chose, within a total time limit."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> PostAnswer:
        """Post once; no fault of the receiver raises."""
