"""The transaction of a use case, with the repositories on its connection."""

from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.plans.adapters.access_key_repository import SqlAccessKeyRepository
from services.plans.adapters.event_mapping import OutboxEvents
from services.plans.adapters.plan_repository import SqlPlanRepository
from services.plans.adapters.unit_repository import SqlProgrammeRepository, SqlUnitRepository
from services.plans.ports import (
    AccessKeyRepository,
    Answers,
    EventSink,
    PlanRepository,
    ProgrammeRepository,
    UnitRepository,
)
from shared.database.idempotency import AnswerStore, RequestKey, StoredAnswer
from shared.database.unit_of_work import UnitOfWork
from shared.ids import Ids
from shared.messaging.outbox import Outbox

SOURCE = "/cchc/plans"


class SqlAnswers:
    """The stored answers. Requests under one key run one after another, so the second finds the first's answer."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._store = AnswerStore(connection)

    async def find(self, request: RequestKey | None) -> StoredAnswer | None:
        if request is not None:
            digest = sha256(f"{request.caller}\0{request.key}".encode(errors="surrogatepass")).digest()
            lock = int.from_bytes(digest[:8], "big", signed=True)
            await self._connection.execute(select(func.pg_advisory_xact_lock(lock)))
        return await self._store.find(request)

    async def keep(self, request: RequestKey | None, answer: StoredAnswer) -> None:
        await self._store.keep(request, answer)


class SqlPlansUnitOfWork(UnitOfWork):
    """The plans service's unit of work."""

    units: UnitRepository
    programmes: ProgrammeRepository
    plans: PlanRepository
    access_keys: AccessKeyRepository
    events: EventSink
    answers: Answers

    def __init__(self, engine: AsyncEngine, ids: Ids) -> None:
        super().__init__(engine)
        self._ids = ids

    def bind(self, connection: AsyncConnection) -> None:
        """Build the repositories on `connection`."""
        self.units = SqlUnitRepository(connection)
        self.programmes = SqlProgrammeRepository(connection)
        self.plans = SqlPlanRepository(connection)
        self.access_keys = SqlAccessKeyRepository(connection)
        self.events = OutboxEvents(Outbox(connection, source=SOURCE, ids=self._ids))
        self.answers = SqlAnswers(connection)
