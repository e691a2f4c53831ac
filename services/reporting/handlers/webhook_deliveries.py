"""What is sent anew, or on request. The sender finds it as it finds every delivery; nothing is sent from here."""

from datetime import datetime
from uuid import UUID

from services.reporting.domain.errors import WebhookDeliveryNotFound, WebhookEndpointNotFound
from services.reporting.domain.webhooks.portrait import moment
from services.reporting.handlers.desk import Ask, Desk, keep, run
from services.reporting.handlers.webhook_endpoints import load
from services.reporting.ports import OutgoingEvent, ReportingUnitOfWork
from shared.contracts.webhooks import WEBHOOKS
from shared.database.idempotency import StoredAnswer

ACCEPTED = 202


async def send_test(desk: Desk, ask: Ask, endpoint_id: UUID, event_type: str) -> StoredAnswer:
    """Send the type's sample to an endpoint, whatever it subscribed to; answers with the delivery's id.

    The event's id is its own and stands in no ledger: by that a test can be told from the real thing.
    """

    async def use(work: ReportingUnitOfWork) -> StoredAnswer:
        endpoint = await load(work, ask.viewer, endpoint_id)
        earlier = await work.answers.find(ask.request)
        if earlier is not None:
            return earlier
        endpoint.require_enabled()
        sample = WEBHOOKS[event_type].sample()
        event_id = desk.ids.new()
        event = OutgoingEvent(event_id, event_type, str(event_id), sample.body, sample.timestamp)
        await work.deliveries.add(endpoint_id, event, at=desk.clock.now())
        return await keep(work, ask, StoredAnswer(ACCEPTED, _sent(endpoint_id, event_id)))

    return await run(desk, use)


async def resend_delivery(desk: Desk, ask: Ask, endpoint_id: UUID, event_id: UUID) -> StoredAnswer:
    """Make a delivery due now, whatever became of it; one that is under way is left alone.

    Raises:
        WebhookDeliveryNotFound: there is none, or it is out of reach.
    """

    async def use(work: ReportingUnitOfWork) -> StoredAnswer:
        try:
            endpoint = await load(work, ask.viewer, endpoint_id)
        except WebhookEndpointNotFound:
            raise WebhookDeliveryNotFound from None
        earlier = await work.answers.find(ask.request)
        if earlier is not None:
            return earlier
        if not await work.deliveries.send_again(endpoint_id, event_id, at=desk.clock.now()):
            raise WebhookDeliveryNotFound
        endpoint.require_enabled()
        return await keep(work, ask, StoredAnswer(ACCEPTED, _sent(endpoint_id, event_id)))

    return await run(desk, use)


async def recover_deliveries(desk: Desk, ask: Ask, endpoint_id: UUID, since: datetime) -> StoredAnswer:
    """Make every delivery due that failed for good since then, in one statement; answers with their count.

    One statement of one transaction: after a crash all of them wait again, or none; asked again, those that wait
    already are not among the failed ones.
    """

    async def use(work: ReportingUnitOfWork) -> StoredAnswer:
        endpoint = await load(work, ask.viewer, endpoint_id)
        earlier = await work.answers.find(ask.request)
        if earlier is not None:
            return earlier
        endpoint.require_enabled()
        count = await work.deliveries.recover(endpoint_id, since, at=desk.clock.now())
        return await keep(work, ask, StoredAnswer(ACCEPTED, {"since": moment(since), "recovered": count}))

    return await run(desk, use)


def delivery_id(endpoint_id: UUID, event_id: UUID) -> str:
    """Return what a delivery is known by outside: numbers of rows would tell how much is sent to others."""
    return f"{endpoint_id}.{event_id}"


def _sent(endpoint_id: UUID, event_id: UUID) -> dict[str, str]:
    return {"delivery_id": delivery_id(endpoint_id, event_id), "event_id": str(event_id)}
