"""Whether an access key that a caller shows holds. Most requests ask no database, and noting a use is in nobody's way.

A revoked key is refused by every process within `FRESH_SECONDS` of its service having learnt it.
"""

import asyncio
import hmac
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from time import monotonic
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.access_keys import KEY_SUBJECT, PREFIX, AccessKey, read_key
from shared.clock import Clock, vietnam_date
from shared.database.access_keys import SqlAccessKeys
from shared.database.engine import DatabaseTrouble
from shared.database.gathering import Gathering
from shared.messaging.access_keys import NoteUse
from shared.security import Identity, InvalidToken, TokenVerifier

FRESH_SECONDS: Final = 2.0
"""How long a key that was read is taken to be as it was."""

_MOST_KNOWN: Final = 4096
_PAUSE_SECONDS: Final = 60.0  # between two attempts to note a key's use
_NO_DIGEST: Final = bytes(32)
_ROLE: Final = "department"
_FINISH_SECONDS: Final = 2.0

_log = structlog.get_logger(__name__)


@dataclass
class _Known:
    key: AccessKey
    read_at: float
    noted_on: date | None = None
    tried_at: float | None = None


class KeyVerifier:
    """Checks access keys against the service's own database.

    Invented keys cost at most one small statement at a time, however many come at once: those that wait share the next.
    """

    def __init__(self, engine: AsyncEngine, *, clock: Clock, note_use: NoteUse) -> None:
        self._engine = engine
        self._clock = clock
        self._note_use = note_use
        self._known: OrderedDict[UUID, _Known] = OrderedDict()
        self._reading: Gathering[UUID, AccessKey | None] = Gathering(self._read)
        self._notes: set[asyncio.Task[None]] = set()

    async def identify(self, text: str) -> Identity:
        """Return for whom the key speaks.

        Raises:
            InvalidToken: it has not the form of a key, is unknown, not this one, expired or revoked; which is not told.
            OSError, DBAPIError: the database is away.
        """
        shown = read_key(text)
        if shown is None:
            raise InvalidToken
        known = await self._find(shown.id)
        is_it = hmac.compare_digest(shown.sha256, known.key.sha256 if known else _NO_DIGEST)
        if known is None or not is_it or known.key.revoked or known.key.expires_at <= self._clock.now():
            raise InvalidToken
        self._note(known)
        key = known.key
        return Identity(
            subject=f"{KEY_SUBJECT}{key.id}",
            name=None,
            roles=frozenset({_ROLE}),
            unit=key.unit,
            verbs=frozenset(key.verbs),
        )

    async def finish(self) -> None:
        """Wait a little for uses that are being noted; the engine is about to go."""
        if self._notes:
            await asyncio.wait(self._notes, timeout=_FINISH_SECONDS)

    async def _find(self, key_id: UUID) -> _Known | None:
        known = self._known.get(key_id)
        if known is not None and monotonic() - known.read_at < FRESH_SECONDS:
            self._known.move_to_end(key_id)
            return known
        key = await self._reading.do(key_id, frozenset())
        if key is None:
            self._known.pop(key_id, None)
            return None
        known = self._known.setdefault(key_id, _Known(key, 0))
        known.key, known.read_at = key, monotonic()
        self._known.move_to_end(key_id)
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        return known

    async def _read(self, ids: Sequence[UUID]) -> Sequence[AccessKey | None]:
        async with self._engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            found = await SqlAccessKeys(connection).find(set(ids))
        return [found.get(key_id) for key_id in ids]

    def _note(self, known: _Known) -> None:
        """Have the use written, beside the request, when that is news."""
        today = vietnam_date(self._clock.now())
        if known.noted_on == today or (known.key.used_on is not None and known.key.used_on >= today):
            return
        now = monotonic()
        if known.tried_at is not None and now - known.tried_at < _PAUSE_SECONDS:
            return
        known.tried_at = now
        task = asyncio.get_running_loop().create_task(self._write_note(known, today))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _write_note(self, known: _Known, day: date) -> None:
        try:
            await self._note_use(known.key.id, day)
            known.noted_on = day
        except DatabaseTrouble as error:
            _log.warning("use of an access key not noted", reason=type(error).__name__)


class BearerVerifier:
    """Checks what callers show as `Authorization: Bearer`: a token of the issuer, or an access key of ours."""

    def __init__(self, tokens: TokenVerifier, keys: KeyVerifier) -> None:
        self._tokens = tokens
        self._keys = keys

    async def identify(self, text: str) -> Identity:
        """Return whom it stands for; raises what the two verifiers raise."""
        return await (self._keys if text.startswith(PREFIX) else self._tokens).identify(text)
