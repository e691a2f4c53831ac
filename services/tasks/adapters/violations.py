"""What an error of the driver means: a rule of ours, a race, or trouble with the database."""

import asyncpg
from sqlalchemy.exc import DBAPIError

from services.tasks.adapters.tables import ONE_LIVE_COMPLETION
from services.tasks.domain.errors import CompletionAwaitsConfirmation
from services.tasks.ports import ChangedMeanwhile, KeyTakenMeanwhile

_MEANINGS: dict[str | None, type[Exception]] = {
    ONE_LIVE_COMPLETION: CompletionAwaitsConfirmation,
    "pk_idempotency_keys": KeyTakenMeanwhile,
    "pk_task_history": ChangedMeanwhile,
}


def meaning_of(error: Exception, *, is_closed: bool) -> Exception:
    """Return the error to raise instead: by the constraint's name, else the one that the edge knows as the database's.

    Args:
        error: one of the engine's DRIVER_ERRORS.
        is_closed: whether the connection is gone.
    """
    meaning = _MEANINGS.get(getattr(error, "constraint_name", None))
    if meaning is not None:
        return meaning()
    is_gone = is_closed or isinstance(error, asyncpg.InternalClientError)  # cut, and the driver is about to notice
    return DBAPIError(None, None, error, hide_parameters=True, connection_invalidated=is_gone)
