"""Endpoints of webhooks: make, change, delete, give a new key.

A key is shown by the answer that made it and stored under seal only: what is kept under an Idempotency-Key names the
key's row. The same request sent again within a day, because the first answer was lost, opens the seal and shows the key
once more, as long as it still signs; later its `secret` is null, and who has lost it asks for a new one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from services.reporting.domain.errors import (
    TooManyWebhookEndpoints,
    WebhookEndpointNotFound,
    WebhookFilterOutOfSight,
    WebhooksNotSetUp,
)
from services.reporting.domain.sight import UnitTree, Viewer, sight
from services.reporting.domain.webhooks.endpoint import (
    MOST_ENDPOINTS,
    Endpoint,
    EndpointState,
    EventFilter,
    Owner,
    Subscription,
)
from services.reporting.domain.webhooks.ownership import Reach, reach
from services.reporting.domain.webhooks.portrait import ShownKey, endpoint_portrait
from services.reporting.domain.webhooks.signatures import Scheme, public_text
from services.reporting.handlers.desk import Ask, Desk, keep, run
from services.reporting.ports import KeptSecret, Plans, ReportingUnitOfWork, SecretSafe
from shared.database.idempotency import StoredAnswer

OK, CREATED, NO_CONTENT = 200, 201, 204
SHOWN_AGAIN_FOR: Final = timedelta(days=1)


@dataclass(frozen=True)
class NewEndpoint:
    """What a new endpoint is to be."""

    subscription: Subscription
    scheme: Scheme


@dataclass(frozen=True)
class EndpointChange:
    """What is to be otherwise; `state` None: as it is."""

    applied_to: Callable[[Subscription], Subscription]
    state: EndpointState | None = None


async def create_endpoint(desk: Desk, ask: Ask, new: NewEndpoint) -> StoredAnswer:
    """Make an endpoint of the caller's; answers with it and with its key.

    Raises:
        WebhookUrlRefused: no webhook may be sent to the address.
        WebhookFilterOutOfSight: the filter names what the caller does not see.
        TooManyWebhookEndpoints: the caller has as many as one may have.
    """

    async def use(work: ReportingUnitOfWork) -> StoredAnswer:
        owner = Owner(ask.viewer.subject, ask.viewer.unit)
        owned = await work.endpoints.count_of(owner)
        earlier = await work.answers.find(ask.request)
        if earlier is not None:
            return await _shown_again(desk, work, ask.viewer, earlier)
        _safe(desk)
        desk.mailroom.check_url(new.subscription.url)
        await require_in_sight(work.plans, owner, new.subscription.filter)
        if owned >= MOST_ENDPOINTS:
            raise TooManyWebhookEndpoints(MOST_ENDPOINTS)
        now = desk.clock.now()
        endpoint = Endpoint(desk.ids.new(), owner, new.subscription, new.scheme, created_at=now)
        await work.endpoints.add(endpoint)
        return await _with_new_key(desk, work, ask, endpoint, CREATED, old_until=now)

    return await run(desk, use)


async def rotate_key(desk: Desk, ask: Ask, endpoint_id: UUID, overlap: timedelta | None) -> StoredAnswer:
    """Give an endpoint a new key; earlier ones sign beside it for `overlap` (None: as the installation has set)."""

    async def use(work: ReportingUnitOfWork) -> StoredAnswer:
        endpoint = await load(work, ask.viewer, endpoint_id, to_change=True)
        earlier = await work.answers.find(ask.request)
        if earlier is not None:
            return await _shown_again(desk, work, ask.viewer, earlier)
        endpoint.expect_version(ask.expected_version)
        endpoint.key_changed()
        await work.endpoints.save(endpoint)
        until = desk.clock.now() + (desk.mailroom.overlap if overlap is None else overlap)
        return await _with_new_key(desk, work, ask, endpoint, OK, old_until=until)

    return await run(desk, use)


async def change_endpoint(desk: Desk, ask: Ask, endpoint_id: UUID, change: EndpointChange) -> StoredAnswer:
    """Change what an owner may change; answers with the endpoint.

    Raises:
        WebhookUrlRefused, WebhookFilterOutOfSight: as for a new one, where that is what changes.
    """

    async def use(work: ReportingUnitOfWork) -> StoredAnswer:
        endpoint = await load(work, ask.viewer, endpoint_id, to_change=True)
        earlier = await work.answers.find(ask.request)
        if earlier is not None:
            return earlier
        endpoint.expect_version(ask.expected_version)
        before, after = endpoint.subscription, change.applied_to(endpoint.subscription)
        if after.url != before.url:
            desk.mailroom.check_url(after.url)
        if after.filter != before.filter:
            await require_in_sight(work.plans, endpoint.owner, after.filter)
        endpoint.change(after, change.state or endpoint.state, at=desk.clock.now())
        await work.endpoints.save(endpoint)
        return await keep(work, ask, StoredAnswer(OK, await _portrait(desk, work, endpoint)))

    return await run(desk, use)


async def delete_endpoint(desk: Desk, ask: Ask, endpoint_id: UUID) -> StoredAnswer:
    """Delete an endpoint with its keys and its deliveries."""

    async def use(work: ReportingUnitOfWork) -> StoredAnswer:
        earlier = await work.answers.find(ask.request)  # first: what was deleted cannot be found again
        if earlier is not None:
            return earlier
        await work.endpoints.hold_sending()
        endpoint = await load(work, ask.viewer, endpoint_id, to_change=True)
        endpoint.expect_version(ask.expected_version)
        await work.endpoints.remove(endpoint.id)
        return await keep(work, ask, StoredAnswer(NO_CONTENT, {}))

    return await run(desk, use)


async def load(work: ReportingUnitOfWork, viewer: Viewer, endpoint_id: UUID, *, to_change: bool = False) -> Endpoint:
    """Return an endpoint in the caller's reach, under lock.

    Raises:
        WebhookEndpointNotFound: there is none, or it is out of reach.
    """
    endpoint = await work.endpoints.load(endpoint_id, await reach_of(work.plans, viewer), to_change=to_change)
    if endpoint is None:
        raise WebhookEndpointNotFound
    return endpoint


async def reach_of(plans: Plans, viewer: Viewer) -> Reach:
    """Return whose endpoints a caller reaches; the tree of units is read only for an administrator of one."""
    needs_tree = viewer.administers and viewer.unit is not None
    return reach(viewer, await plans.tree() if needs_tree else UnitTree({}))


async def require_in_sight(plans: Plans, owner: Owner, chosen: EventFilter) -> None:
    """Go on if the owner sees what the filter names.

    Raises:
        WebhookFilterOutOfSight: it is unknown, or not the owner's to see.
    """
    if chosen.unit is None and chosen.plan_id is None:
        return
    tree = await plans.tree()
    seen = sight(Viewer(owner.subject, owner.unit, sees_subtree=True, reports_upward=False), tree)
    unseen = []
    if chosen.unit is not None and not (chosen.unit in tree.parents and seen.sees_fully(chosen.unit)):
        unseen.append("unit")
    if chosen.plan_id is not None:
        plan = await plans.find(chosen.plan_id)
        if plan is None or not seen.sees_fully(plan.unit_code):
            unseen.append("plan_id")
    if unseen:
        raise WebhookFilterOutOfSight(*unseen)


def shown_keys(kept: Sequence[KeptSecret], now: datetime) -> list[ShownKey]:
    """Return the keys that sign now, the newest first."""
    return [
        ShownKey(key.created_at, key.expires_at, None if key.public_key is None else public_text(key.public_key))
        for key in kept
        if key.expires_at is None or key.expires_at > now
    ]


def _safe(desk: Desk) -> SecretSafe:
    if desk.mailroom.safe is None:
        raise WebhooksNotSetUp
    return desk.mailroom.safe


async def _portrait(desk: Desk, work: ReportingUnitOfWork, endpoint: Endpoint) -> dict[str, Any]:
    kept = await work.endpoints.secrets_of(endpoint.id)
    return endpoint_portrait(endpoint, shown_keys(kept, desk.clock.now()))


async def _with_new_key(
    desk: Desk, work: ReportingUnitOfWork, ask: Ask, endpoint: Endpoint, status: int, *, old_until: datetime
) -> StoredAnswer:
    safe = _safe(desk)
    secret = safe.make(endpoint.scheme)
    sealed, public_key = safe.seal(endpoint.id, secret), secret.public_key
    number = await work.endpoints.add_secret(endpoint.id, sealed, public_key, at=desk.clock.now(), old_until=old_until)
    shown = {"secret": None, "public_key": None if public_key is None else public_text(public_key)}
    answer = {**await _portrait(desk, work, endpoint), **shown}
    await keep(work, ask, StoredAnswer(status, {"answer": answer, "key": number}))
    return StoredAnswer(status, {**answer, "secret": secret.text if public_key is None else None})


async def _shown_again(desk: Desk, work: ReportingUnitOfWork, viewer: Viewer, earlier: StoredAnswer) -> StoredAnswer:
    answer: dict[str, Any] = earlier.body["answer"]
    endpoint = await work.endpoints.load(UUID(answer["id"]), await reach_of(work.plans, viewer))
    if endpoint is None:
        return replace(earlier, body=answer)
    now = desk.clock.now()
    for key in await work.endpoints.secrets_of(endpoint.id):
        still_signs = key.expires_at is None or key.expires_at > now
        is_new = now - key.created_at < SHOWN_AGAIN_FOR
        if key.id == earlier.body["key"] and key.public_key is None and still_signs and is_new:
            secret = _safe(desk).open(endpoint.id, endpoint.scheme, key.sealed)
            answer = {**answer, "secret": secret.text}
    return replace(earlier, body=answer)
