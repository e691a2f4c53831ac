"""Notices to owners of endpoints: seen or not."""

from datetime import datetime
from uuid import UUID

from services.reporting.domain.errors import NoticeForAnother, NoticeNotFound
from services.reporting.domain.webhooks.ownership import is_addressee
from services.reporting.domain.webhooks.portrait import moment
from services.reporting.handlers.desk import Ask, Desk, keep, run
from services.reporting.handlers.webhook_endpoints import reach_of
from services.reporting.ports import ReportingUnitOfWork
from shared.database.idempotency import StoredAnswer

OK = 200


async def see_notice(desk: Desk, ask: Ask, endpoint_id: UUID, created_at: datetime) -> StoredAnswer:
    """Note that a notice was seen by whom it is for; the first time counts.

    Raises:
        NoticeNotFound: there is none, or it is out of reach.
        NoticeForAnother: an administrator reads it, and acknowledges nothing in its owner's stead.
    """

    async def use(work: ReportingUnitOfWork) -> StoredAnswer:
        owner = await work.notices.owner_of(endpoint_id, created_at)
        if owner is None or not (await reach_of(work.plans, ask.viewer)).covers(owner):
            raise NoticeNotFound
        if not is_addressee(ask.viewer, owner):
            raise NoticeForAnother
        earlier = await work.answers.find(ask.request)
        if earlier is not None:
            return earlier
        seen = await work.notices.mark_seen(endpoint_id, created_at, at=desk.clock.now())
        body = {"id": notice_id(endpoint_id, created_at), "seen_at": moment(seen)}
        return await keep(work, ask, StoredAnswer(OK, body))

    return await run(desk, use)


def notice_id(endpoint_id: UUID, created_at: datetime) -> str:
    """Return what a notice is known by outside: its endpoint, and its moment in microseconds of Unix time."""
    whole = int(created_at.timestamp())
    return f"{endpoint_id}.{whole * 1_000_000 + created_at.microsecond}"
