"""The transaction of a use case, with the repositories on its connection."""

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.reporting.adapters.event_mapping import report_issued
from services.reporting.adapters.ledger import SqlLedger
from services.reporting.adapters.plans import SqlPlans
from services.reporting.adapters.reports import SqlReports
from services.reporting.adapters.violations import violated
from services.reporting.adapters.webhook_bodies import News
from services.reporting.adapters.webhook_endpoints import SqlNotices, SqlWebhookDeliveries, SqlWebhookEndpoints
from services.reporting.adapters.webhook_fanout import FanOut
from services.reporting.domain.events import ReportIssued
from services.reporting.ports import (
    Announcements,
    Answers,
    KeyTakenMeanwhile,
    Ledger,
    Notices,
    Plans,
    Reports,
    WebhookDeliveries,
    WebhookEndpoints,
)
from shared.database.idempotency import AnswerStore, RequestKey, StoredAnswer
from shared.database.unit_of_work import UnitOfWork
from shared.ids import Ids
from shared.messaging.outbox import Outbox

SOURCE = "/cchc/reporting"


class SqlAnswers:
    """The stored answers, with the race for one key told in the words of the ports."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._store = AnswerStore(connection)

    async def find(self, request: RequestKey | None) -> StoredAnswer | None:
        return await self._store.find(request)

    async def keep(self, request: RequestKey | None, answer: StoredAnswer) -> None:
        try:
            await self._store.keep(request, answer)
        except IntegrityError as error:
            if violated(error) == "pk_idempotency_keys":
                raise KeyTakenMeanwhile from error
            raise


class OutboxAnnouncements:
    """Inside events into the outbox, keyed by their plan, and to the webhooks that want to hear of them."""

    def __init__(self, connection: AsyncConnection, ids: Ids, fan_out: FanOut) -> None:
        self._connection, self._fan_out = connection, fan_out
        self._outbox = Outbox(connection, source=SOURCE, ids=ids)

    async def add(self, event: ReportIssued) -> None:
        data = report_issued(event)
        event_id = await self._outbox.add(
            data, subject=str(event.report_id), key=str(event.plan_id), time=event.issued_at
        )
        await self._fan_out.tell(self._connection, [News(event_id, event.issued_at, data)])


class SqlReportingUnitOfWork(UnitOfWork):
    """The reporting service's unit of work."""

    ledger: Ledger
    plans: Plans
    reports: Reports
    answers: Answers
    announcements: Announcements
    endpoints: WebhookEndpoints
    deliveries: WebhookDeliveries
    notices: Notices

    def __init__(self, engine: AsyncEngine, ids: Ids, fan_out: FanOut) -> None:
        super().__init__(engine)
        self._ids, self._fan_out = ids, fan_out

    def bind(self, connection: AsyncConnection) -> None:
        """Build the repositories on `connection`."""
        self.ledger = SqlLedger(connection)
        self.plans = SqlPlans(connection)
        self.reports = SqlReports(connection)
        self.answers = SqlAnswers(connection)
        self.endpoints = SqlWebhookEndpoints(connection)
        self.deliveries = SqlWebhookDeliveries(connection)
        self.notices = SqlNotices(connection)
        self.announcements = OutboxAnnouncements(connection, self._ids, self._fan_out)
