"""From events to deliveries, in the transaction that hears of them: who is to be told is decided once and for ever.

What was heard before makes nothing (the ledger knows its id), nor does what is told already (the pair of endpoint and
event is unique), what happened before the endpoint was there, or what is old when it is first heard.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.adapters.tables import ledger
from services.reporting.adapters.webhook_bodies import News, webhook_of
from services.reporting.adapters.webhook_facts import (
    Facts,
    PlanDescribed,
    PlanDescriptions,
    last_changes,
    products_days,
    units_above,
)
from services.reporting.adapters.webhook_tables import webhook_endpoints, webhook_waiting
from services.reporting.domain.webhooks.matching import Happening, Wish, is_news, matches
from shared.clock import Clock, SystemClock
from shared.contracts.plans import PlanIssuedV1
from shared.contracts.registry import CONTRACTS
from shared.contracts.tasks import (
    CompletionConfirmedV1,
    CompletionReturnedV1,
    OfTask,
    TaskCompletedV1,
    TaskReminder,
    TaskReopenedV1,
)
from shared.contracts.webhooks import WEBHOOKS

OLDEST: Final = timedelta(days=7)
BEHIND: Final = timedelta(hours=1)
"""When the sender looks by itself at a delivery that stands behind another of its key; the other's end wakes it."""
COUNTED: Final = (TaskCompletedV1, CompletionConfirmedV1, CompletionReturnedV1, TaskReopenedV1, PlanIssuedV1)
"""Types that may move a plan's figures."""

_WRITE = text("""
    WITH told AS (
        INSERT INTO webhook_events (id, type, plan_id, task_id, order_key, body, occurred_at, created_at)
        SELECT event.*, CAST(:now AS timestamptz)
        FROM unnest(CAST(:id AS uuid[]), CAST(:type AS text[]), CAST(:plan_id AS uuid[]), CAST(:task_id AS uuid[]),
            CAST(:order_key AS text[]), CAST(:body AS text[]), CAST(:occurred_at AS timestamptz[])) AS event
        ON CONFLICT (id) DO NOTHING
    ), made AS (
        INSERT INTO webhook_deliveries (endpoint_id, event_id, order_key, due_at, created_at)
        SELECT endpoint_id, event_id, order_key, due_at, CAST(:now AS timestamptz)
        FROM unnest(CAST(:endpoint AS uuid[]), CAST(:event AS uuid[]), CAST(:key AS text[]),
            CAST(:due_at AS timestamptz[]))
            WITH ORDINALITY AS delivery (endpoint_id, event_id, order_key, due_at, place)
        ORDER BY place
        ON CONFLICT (endpoint_id, event_id) DO NOTHING
        RETURNING id
    )
    SELECT count(*), pg_notify('webhooks', '') FROM made
""")
_TO_COUNT = text("""
    INSERT INTO plans_to_count (plan_id) SELECT unnest(CAST(:plan_id AS uuid[])) ON CONFLICT DO NOTHING
""")
_LOOK_NOW = text("""
    UPDATE webhook_deliveries SET due_at = :now
    WHERE event_id = ANY(CAST(:event AS uuid[])) AND state = 'waiting' AND lease IS NULL AND tries = 0
""")
_LOCK_PLAN = text("SELECT pg_advisory_xact_lock(hashtextextended(plan, 7263002)) FROM unnest(CAST(:p AS text[])) plan")


@dataclass
class FanOut:
    """Decides who is told. One for the whole process: it remembers plans.

    Args:
        clock: the moment of writing.
        oldest: what happened longer ago than this when it is first heard is not told.
    """

    clock: Clock = field(default_factory=SystemClock)
    oldest: timedelta = OLDEST
    _descriptions: PlanDescriptions = field(default_factory=PlanDescriptions)

    async def take(self, connection: AsyncConnection, news: Sequence[News]) -> None:
        """Make the deliveries of these events, and of those that have waited for a plan among them."""
        counted = {each.data.plan_id for each in news if isinstance(each.data, COUNTED)}
        if counted:
            await connection.execute(_TO_COUNT, {"plan_id": sorted(counted)})
        await self.tell(connection, news)
        heard = [each.data.plan_id for each in news if isinstance(each.data, PlanIssuedV1)]
        if heard:
            await self.tell(connection, await _waited_for(connection, heard))

    async def tell(self, connection: AsyncConnection, news: Sequence[News]) -> None:
        """Make the deliveries of these events; nothing is read where nobody wants to hear of any."""
        now = self.clock.now()
        wanted = [each for each in news if each.type in WEBHOOKS and is_news(each.occurred_at, now, self.oldest)]
        wishes = await _wishes(connection, {each.type for each in wanted}) if wanted else []
        types = frozenset[str]().union(*(wish.event_types for wish in wishes))
        wanted = [each for each in wanted if each.type in types]
        if not wanted:
            return
        plans = await self._plans(connection, wanted, now)
        known = [(each, plan) for each in wanted if (plan := plans.get(each.event_id)) is not None]
        told = await _matched(connection, wishes, known)
        if told:
            facts = Facts(
                days=await products_days(connection, {plan.plan_id for _, plan, _ in told}, _verdicts(told)),
                last=await last_changes(connection, _reminded(news for news, _, _ in told)),
            )
            await _write(connection, told, facts, now)

    async def _plans(
        self, connection: AsyncConnection, wanted: Sequence[News], now: datetime
    ) -> dict[UUID, PlanDescribed]:
        """Return the plan of each event that can be told now; the others wait for theirs.

        Plans and tasks are heard in transactions of their own. A lock on the plan makes them see one another: either
        the event finds the plan, or whoever hears the plan finds the event waiting.
        """
        found = await self._find(connection, wanted)
        missing = [each for each in wanted if each.event_id not in found]
        if missing:
            await _lock(connection, {plan_id for each in missing if (plan_id := _plan_of(each)) is not None})
            found |= await self._find(connection, missing)
            rows = [
                {"plan_id": _plan_of(each), "event_id": each.event_id, "since": now}
                for each in missing
                if each.event_id not in found
            ]
            if rows:
                await connection.execute(insert(webhook_waiting).values(rows).on_conflict_do_nothing())
        return found

    async def _find(self, connection: AsyncConnection, wanted: Sequence[News]) -> dict[UUID, PlanDescribed]:
        plans = await self._descriptions.find(
            connection, {plan_id for each in wanted if (plan_id := _plan_of(each)) is not None}
        )
        found = {}
        for each in wanted:
            plan_id = _plan_of(each)
            plan = None if plan_id is None else plans.get(plan_id)
            if plan is not None and (not isinstance(each.data, OfTask) or each.data.task_id in plan.tasks):
                found[each.event_id] = plan
        return found


Told = tuple[News, PlanDescribed, list[UUID]]


def _plan_of(news: News) -> UUID | None:
    plan_id = getattr(news.data, "plan_id", None)
    return plan_id if isinstance(plan_id, UUID) else None


async def _wishes(connection: AsyncConnection, types: Collection[str]) -> list[Wish]:
    """Return what enabled endpoints want; none of them can be deleted before the transaction ends."""
    found = webhook_endpoints.c
    statement = (
        select(found.id, found.event_types, found.created_at, found.owner_unit, found.plan_id, found.unit, found.field)
        .where(found.state == "enabled", found.event_types.overlap(list(types)))
        .with_for_update(read=True, key_share=True)
    )
    return [
        Wish(row.id, frozenset(row.event_types), row.created_at, row.owner_unit, row.plan_id, row.unit, row.field)
        for row in await connection.execute(statement)
    ]


async def _matched(
    connection: AsyncConnection, wishes: Sequence[Wish], known: Sequence[tuple[News, PlanDescribed]]
) -> list[Told]:
    codes = {plan.unit for _, plan in known}
    codes |= {unit for news, plan in known for unit in _leads(news, plan)}
    by_unit = any(wish.unit or wish.owner_unit for wish in wishes)
    above = await units_above(connection, codes) if by_unit else {}
    told = []
    for news, plan in known:
        leads = _leads(news, plan)
        happening = Happening(
            event_id=news.event_id,
            type=news.type,
            occurred_at=news.occurred_at,
            plan_id=plan.plan_id,
            above_plan=above.get(plan.unit, frozenset()),
            above_leads=frozenset[str]().union(*(above.get(unit, frozenset()) for unit in leads)),
            field=plan.tasks[news.data.task_id].field if isinstance(news.data, OfTask) else None,
        )
        endpoints = [wish.endpoint_id for wish in wishes if matches(wish, happening)]
        if endpoints:
            told.append((news, plan, endpoints))
    return told


def _leads(news: News, plan: PlanDescribed) -> list[str]:
    if not isinstance(news.data, OfTask):
        return []
    return [unit.code for unit in plan.tasks[news.data.task_id].lead_units]


def _reminded(news: Iterable[News]) -> set[UUID]:
    return {each.data.task_id for each in news if isinstance(each.data, TaskReminder)}


def _verdicts(told: Iterable[Told]) -> set[UUID]:
    """Return the completions that the events tell of without saying the day of the product."""
    return {
        completion_id
        for news, _, _ in told
        if not isinstance(news.data, TaskCompletedV1)
        and isinstance(completion_id := getattr(news.data, "completion_id", None), UUID)
    }


async def _write(connection: AsyncConnection, told: Sequence[Told], facts: Facts, now: datetime) -> None:
    events: list[tuple[Any, ...]] = []
    deliveries: list[tuple[Any, ...]] = []
    first: set[tuple[UUID, str]] = set()
    for news, plan, endpoints in told:
        task_id = news.data.task_id if isinstance(news.data, OfTask) else None
        key = str(task_id or plan.plan_id)
        body = webhook_of(news, plan, facts).body
        events.append((news.event_id, news.type, plan.plan_id, task_id, key, body, news.occurred_at))
        for endpoint_id in endpoints:
            due_at = now + BEHIND if (endpoint_id, key) in first else now
            first.add((endpoint_id, key))
            deliveries.append((endpoint_id, news.event_id, key, due_at))
    columns = ("id", "type", "plan_id", "task_id", "order_key", "body", "occurred_at")
    values: dict[str, Any] = dict(zip(columns, map(list, zip(*events, strict=True)), strict=True))
    values |= dict(zip(("endpoint", "event", "key", "due_at"), map(list, zip(*deliveries, strict=True)), strict=True))
    made = (await connection.execute(_WRITE, {**values, "now": now})).scalar_one()
    if made < len(deliveries):  # one that was told before cannot wake those behind it
        await connection.execute(_LOOK_NOW, {"now": now, "event": values["event"]})


async def _lock(connection: AsyncConnection, plan_ids: Collection[UUID]) -> None:
    await connection.execute(_LOCK_PLAN, {"p": sorted(map(str, plan_ids))})


async def _waited_for(connection: AsyncConnection, plan_ids: Collection[UUID]) -> list[News]:
    """Return the events that have waited for these plans, in the order in which they were heard; they wait no more."""
    await _lock(connection, plan_ids)
    waiting = delete(webhook_waiting).where(webhook_waiting.c.plan_id.in_(plan_ids))
    event_ids = (await connection.execute(waiting.returning(webhook_waiting.c.event_id))).scalars().all()
    if not event_ids:
        return []
    row = ledger.c
    statement = (
        select(row.event_id, row.type, row.time, row.data).where(row.event_id == func.any(event_ids)).order_by(row.seq)
    )
    return [
        News(each.event_id, each.time, CONTRACTS[each.type].model_validate(each.data))
        for each in await connection.execute(statement)
    ]
