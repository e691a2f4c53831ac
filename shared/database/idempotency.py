"""Stored answers: the same Idempotency-Key with the same request gets the first answer again.

The row is written by the transaction of the use case itself, so the answer exists exactly when the change does.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database.tables import idempotency_keys


@dataclass(frozen=True)
class RequestKey:
    """A caller's Idempotency-Key and what the request asked (SHA-256 of method, path and body)."""

    caller: str
    key: str
    request_sha256: bytes


@dataclass(frozen=True)
class StoredAnswer:
    """The first answer to a request."""

    status: int
    body: dict[str, Any]


class IdempotencyKeyReused(Exception):  # noqa: N818 -- errors say the refusal
    """The key came before with another request; nothing is done (HTTP 422)."""


class AnswerStore:
    """Finds and keeps answers inside the caller's transaction.

    Look *after* the lock on what the use case changes: of two equal requests the second then sees the first's row.
    Two requests with one key that lock different things meet in the primary key; the loser gets IntegrityError
    (constraint `pk_idempotency_keys`) and runs again.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, request: RequestKey | None) -> StoredAnswer | None:
        """Return the first answer to `request`, if there was one.

        Raises:
            IdempotencyKeyReused: the key is known with another request.
        """
        if request is None:
            return None
        found = idempotency_keys.c
        row = (
            await self._connection.execute(
                select(found.request_sha256, found.status, found.answer).where(
                    found.caller == request.caller, found.key == request.key
                )
            )
        ).one_or_none()
        if row is None:
            return None
        if row.request_sha256 != request.request_sha256:
            raise IdempotencyKeyReused
        return StoredAnswer(status=row.status, body=row.answer)

    async def keep(self, request: RequestKey | None, answer: StoredAnswer) -> None:
        """Keep `answer`; without a key there is nothing to keep."""
        if request is not None:
            await self._connection.execute(
                insert(idempotency_keys).values(
                    caller=request.caller,
                    key=request.key,
                    request_sha256=request.request_sha256,
                    status=answer.status,
                    answer=answer.body,
                )
            )
