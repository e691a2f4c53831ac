"""What this service hears: everything of the plans and tasks services goes into the ledger, which is its inbox too.

Plans and units are learnt for lists and permissions; what task events mean is worked out when figures are asked for, so
a completion heard before its plan waits in the ledger and needs no parking.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from services.reporting.adapters.ledger import Heard, SqlLedger
from services.reporting.adapters.plans import SqlPlans
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


async def remember(connection: Connection, event: Event[Any], received: Received) -> bool:
    """Write the event into the ledger; True the first time."""
    return bool(await SqlLedger(connection).write([Heard(event.attributes, received, event.data)], group=GROUP))


async def apply(connection: Connection, event: Event[Any]) -> None:
    """Learn what the event says about plans, units and access keys, if it does."""
    if event.attributes.type == AccessKeyChangedV1.event_type:
        await learn_access_key(connection, event)
        return
    learn = LEARNT.get(event.attributes.type)
    if learn is not None:
        await learn(SqlPlans(connection), event.data)


async def take_in(connection: Connection, batch: Sequence[tuple[Event[Any], Received]]) -> None:
    """Do both for a batch of one partition, in one statement for the ledger."""
    heard = [Heard(event.attributes, received, event.data) for event, received in batch]
    new = await SqlLedger(connection).write(heard, group=GROUP)
    for event, _ in batch:
        if event.attributes.id in new:
            await apply(connection, event)


NOT_OURS = frozenset({AccessKeyUsedInTasksV1.event_type})
"""Types that say nothing about plans: they are passed, and the ledger is spared a row a key and day."""
HANDLERS: Mapping[str, Handler] = {
    kind: apply for kind, contract in CONTRACTS.items() if contract.topic in TOPICS and kind not in NOT_OURS
}
SUBSCRIPTION = Subscription(group=GROUP, topics=TOPICS, handlers=HANDLERS, remember=remember, in_bulk=take_in)
