"""Access keys: make one, revoke one. Their state travels as events, for no service asks another."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.plans.domain.access import may_act
from services.plans.domain.access_key import Grant, end_of
from services.plans.domain.errors import AccessKeyNotFound
from services.plans.domain.events import AccessKeyChanged
from services.plans.domain.portrait import access_key_portrait
from services.plans.handlers.desk import CREATED, Ask, Desk
from services.plans.handlers.units import own_unit
from shared.access_keys import AccessKey, Verb, digest, new_key
from shared.database.idempotency import StoredAnswer


@dataclass(frozen=True)
class NewKey:
    """What a key is asked for."""

    name: str
    unit: str
    verbs: frozenset[Verb]
    expires_on: date


async def create_access_key(desk: Desk, ask: Ask, wanted: NewKey, *, by: str) -> StoredAnswer:
    """Make a key. The answer tells it, this once: the same request again is told of the same key, without its text.

    Raises:
        AccessKeyExpiryInvalid: its last day is over or too far off.
        UnitNotFound, UnitOutsideCallersUnits: for whom it would speak.
    """
    async with desk.unit_of_work() as work:
        answered = await work.answers.find(ask.request)
        if answered:
            return answered
        now = desk.clock.now()
        await own_unit(work, ask.scope, wanted.unit)
        key_id = desk.ids.new()
        text = new_key(key_id)
        key = AccessKey(
            id=key_id,
            version=1,
            sha256=digest(text),
            unit=wanted.unit,
            verbs=wanted.verbs,
            expires_at=end_of(wanted.expires_on, now=now),
        )
        grant = Grant(key, wanted.name, created_by=by, created_at=now)
        await work.access_keys.save(grant)
        await work.events.add(AccessKeyChanged(key, now))
        portrait = access_key_portrait(grant)
        await work.answers.keep(ask.request, StoredAnswer(CREATED, {**portrait, "key": None}))
        await work.commit()
        return StoredAnswer(CREATED, {**portrait, "key": text})


async def revoke_access_key(desk: Desk, ask: Ask, key_id: UUID, *, by: str) -> None:
    """Revoke a key for good; one that is revoked already stays as it is, without an event.

    Raises:
        AccessKeyNotFound: there is none, or it speaks for a unit outside of the caller's.
    """
    async with desk.unit_of_work() as work:
        grant = await work.access_keys.load(key_id)
        if grant is None:
            raise AccessKeyNotFound
        own = await work.units.path(ask.scope.unit) if ask.scope.unit else None
        if not may_act(ask.scope, own, await work.units.path(grant.key.unit) or ""):
            raise AccessKeyNotFound
        if grant.key.revoked:
            return
        now = desk.clock.now()
        revoked = grant.revoke(by=by, at=now)
        await work.access_keys.save(revoked)
        await work.events.add(AccessKeyChanged(revoked.key, now))
        await work.commit()
