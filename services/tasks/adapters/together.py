"""Completions that wait, written together: one statement reads all their tasks, one writes all that was decided.

Nothing is locked between the two. A completion is written only if its task still has the version that was read and
nobody holds its row; whoever is left out runs again alone (adapters/unit_of_work.py), and so do all of them when one
row is refused by the database, so that a bad one never fails its neighbours.
"""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from services.tasks.adapters import statements
from services.tasks.adapters.rows import change_of, kept_values, task_of
from services.tasks.adapters.unit_of_work import answer_in
from services.tasks.domain.task import Task
from services.tasks.ports import ChangedMeanwhile
from shared.database.engine import DriverConnections, is_undone
from shared.database.idempotency import RequestKey, StoredAnswer
from shared.ids import Ids


class SqlTogetherUnitOfWork:
    """The tasks service's unit of work for several completions.

    Args:
        connections: where connections come from.
        ids: makes the identifiers of events.
    """

    def __init__(self, connections: DriverConnections, ids: Ids) -> None:
        self._connections = connections
        self._ids = ids
        self._asks: Sequence[tuple[UUID, RequestKey | None]] = ()
        self._rows: list[Any] = []
        self._tasks: dict[int, Task] = {}
        self._values: dict[int, dict[str, Any]] = {}

    async def load(self, asks: Sequence[tuple[UUID, RequestKey | None]]) -> None:
        """Read each task without its completion, and whether its request was answered before."""
        self._asks = asks
        values = {
            "task_ids": [task_id for task_id, _ in asks],
            "callers": [request and request.caller for _, request in asks],
            "keys": [request and request.key for _, request in asks],
        }
        reading = statements.READ_TASKS
        self._rows = await self._connections.read(reading.sql, *reading.arguments(values))

    def task(self, place: int) -> Task | None:
        """Return the task of that ask, without its completion."""
        row = self._rows[place]
        if row["id"] is None:
            return None
        task = self._tasks[place] = task_of(row)
        return task

    def earlier_answer(self, place: int) -> StoredAnswer | None:
        """Return the first answer to that ask's request.

        Raises:
            IdempotencyKeyReused: the key came before with another request.
        """
        return answer_in(self._rows[place], self._asks[place][1])

    def save(self, place: int, tell: Callable[[UUID], StoredAnswer]) -> StoredAnswer:
        """Take the one event that the task at `place` has recorded; return the answer that `tell` makes of its id."""
        event_id = self._ids.new()
        values = change_of(self._tasks[place], event_id)
        answer = tell(event_id)
        self._values[place] = values | kept_values(self._asks[place][1], answer)
        return answer

    async def commit(self) -> frozenset[int]:
        """Write what was saved; return the places that were written, on disk by then.

        Raises:
            ChangedMeanwhile: nothing was written, for a reason that one of them has.
        """
        if not self._values:
            return frozenset()
        writing = statements.WRITE_REPORTS
        try:
            rows = await self._connections.write(writing.sql, *writing.columns(self._values.values()))
        except DBAPIError as error:
            if error.orig is not None and is_undone(error.orig):
                raise ChangedMeanwhile from error
            raise
        written = {row["task_id"] for row in rows}
        return frozenset(place for place in self._values if self._tasks[place].id in written)
