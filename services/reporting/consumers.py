"""What this service hears: everything of the plans and tasks services goes into the ledger, which is its inbox too.

Plans and units are learnt for lists and permissions; what task events mean is worked out when figures are asked for, so
a completion heard before its plan waits in the ledger and needs no parking. Webhooks that tell of an event are made in
the same transaction (adapters/webhook_fanout.py).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from services.reporting.adapters.ledger import Heard, SqlLedger
from services.reporting.adapters.plans import SqlPlans
from services.reporting.adapters.webhook_bodies import News
from services.reporting.adapters.webhook_fanout import FanOut
from services.reporting.queries import GROUP
from shared.contracts.access_keys import AccessKeyChangedV1, AccessKeyUsedInTasksV1
from shared.contracts.envelope import Event
from shared.contracts.plans import PlanIssuedV1, UnitChangedV1
from shared.contracts.registry import CONTRACTS
from shared.contracts.topics import PLANS, TASKS
from shared.database.engine import Connection
from shared.messaging.access_keys import learn_access_key
from shared.messaging.subscription import Handler, Subscription
from shared.messaging.transports.port import Received

TOPICS = (PLANS, TASKS)

Learn = Callable[[SqlPlans, Any], Awaitable[None]]
LEARNT: Mapping[str, Learn] = {
    UnitChangedV1.event_type: SqlPlans.learn_unit,
    PlanIssuedV1.event_type: SqlPlans.learn_plan,
}
"""Types that change what lists and permissions ask; the others are for the ledger alone."""

_LEARNT = frozenset({*LEARNT, AccessKeyChangedV1.event_type})

NOT_OURS = frozenset({AccessKeyUsedInTasksV1.event_type})
"""Types that say nothing about plans: they are passed, and the ledger is spared a row a key and day."""


async def remember(connection: Connection, event: Event[Any], received: Received) -> bool:
    """Write the event into the ledger; True the first time."""
    return bool(await SqlLedger(connection).write([Heard(event.attributes, received, event.data)], group=GROUP))


class Ear:
    """What is done with an event that is heard for the first time: learnt, and told to those who want to hear of it."""

    def __init__(self, fan_out: FanOut) -> None:
        self._fan_out = fan_out

    async def apply(self, connection: Connection, event: Event[Any]) -> None:
        """Learn what one event says, and make the deliveries that tell of it."""
        await _learn(connection, event)
        await self._fan_out.take(connection, [_news(event)])

    async def take_in(self, connection: Connection, batch: Sequence[tuple[Event[Any], Received]]) -> None:
        """Do the same, ledger included, for a batch of one partition in a few statements."""
        heard = [Heard(event.attributes, received, event.data) for event, received in batch]
        new = await SqlLedger(connection).write(heard, group=GROUP)
        first = [event for event, _ in batch]
        if len(new) < len(first):
            first = list({event.attributes.id: event for event in first if event.attributes.id in new}.values())
        for event in first:
            if event.attributes.type in _LEARNT:
                await _learn(connection, event)
        await self._fan_out.take(connection, [_news(event) for event in first])


async def _learn(connection: Connection, event: Event[Any]) -> None:
    if event.attributes.type == AccessKeyChangedV1.event_type:
        await learn_access_key(connection, event)
        return
    learn = LEARNT.get(event.attributes.type)
    if learn is not None:
        await learn(SqlPlans(connection), event.data)


def _news(event: Event[Any]) -> News:
    return News(event.attributes.id, event.attributes.time, event.data)


def subscription(fan_out: FanOut) -> Subscription:
    """Return what this service hears, with `fan_out` deciding who is told."""
    ear = Ear(fan_out)
    handlers: Mapping[str, Handler] = {
        kind: ear.apply for kind, contract in CONTRACTS.items() if contract.topic in TOPICS and kind not in NOT_OURS
    }
    return Subscription(group=GROUP, topics=TOPICS, handlers=handlers, remember=remember, in_bulk=ear.take_in)


_BY_DEFAULT = FanOut()
apply, take_in = Ear(_BY_DEFAULT).apply, Ear(_BY_DEFAULT).take_in
SUBSCRIPTION = subscription(_BY_DEFAULT)
"""With everything as it is by default, for who has no settings at hand."""
