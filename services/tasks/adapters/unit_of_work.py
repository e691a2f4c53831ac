"""The transaction of a use case, with the repositories on its connection."""

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.tasks.adapters.repositories import SqlTaskRepository
from services.tasks.adapters.violations import violated
from services.tasks.ports import Answers, KeyTakenMeanwhile, TaskRepository
from shared.database.idempotency import AnswerStore, RequestKey, StoredAnswer
from shared.database.unit_of_work import UnitOfWork
from shared.ids import Ids
from shared.messaging.outbox import Outbox

SOURCE = "/cchc/tasks"

Connection = AsyncConnection


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


class SqlTasksUnitOfWork(UnitOfWork):
    """The tasks service's unit of work."""

    tasks: TaskRepository
    answers: Answers

    def __init__(self, engine: AsyncEngine, ids: Ids) -> None:
        super().__init__(engine)
        self._ids = ids

    def bind(self, connection: AsyncConnection) -> None:
        """Build the repositories on `connection`."""
        self.tasks = SqlTaskRepository(connection, Outbox(connection, source=SOURCE, ids=self._ids))
        self.answers = SqlAnswers(connection)
