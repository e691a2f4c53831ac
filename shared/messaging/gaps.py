"""Records that the log has forgotten before this consumer took them in: told to the operator, who has them sent again.

The events themselves are not lost: the journals (outbox tables) of the services that published them keep all.
"""

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.messaging.fates import Dead, Item
from shared.messaging.letters import bury
from shared.messaging.transports.port import LOG_TRIMMED, Partition, Received

_log = structlog.get_logger(__name__)


async def tell_of_gap(
    engine: AsyncEngine, *, group: str, cluster: str, place: Partition, first: int, begin: int
) -> None:
    """Write one open dead letter for the records `first` to `begin` - 1; telling again changes nothing.

    An operator resolves it: `cchc refill`, which publishes the journals again, then `cchc dead-letters discard`.
    """
    topic, partition = place
    reason = (
        f"records {first} to {begin - 1} were deleted from the log unread; cchc refill publishes the journals again"
    )
    gap = Item(Received(topic, partition, first, None, {}, None))
    async with engine.begin() as connection:
        await bury(connection, group, cluster, gap, Dead(LOG_TRIMMED, reason))
    _log.warning("log trimmed before it was read", group=group, topic=topic, partition=partition, records=begin - first)
