"""What the reporting service adds to the `cchc` command."""

import asyncio
from dataclasses import dataclass

from pydantic import SecretStr

from services.reporting.adapters.ledger import SqlLedger
from services.reporting.adapters.plans import SqlPlans
from services.reporting.consumers import LEARNT
from services.reporting.queries import Engine
from shared.contracts.registry import CONTRACTS
from shared.database.engine import Connection, create_engine

_BATCH = 100  # a plan of a thousand tasks is about one MiB


@dataclass(frozen=True)
class Rebuilt:
    """How many events of the ledger the read model was made from."""

    events: int


async def rebuild(engine: Engine) -> Rebuilt:
    """Make `units` and `plans` again from the ledger, in one transaction.

    Readers wait until it is done and never see it half made. A consumer that is taking events in waits too: what it
    had written before is read from the ledger, what it writes after is applied on top.
    """
    async with engine.begin() as connection:
        plans = SqlPlans(connection)
        await plans.forget_all()
        return Rebuilt(await _learn_again(connection, plans))


def rebuild_read_model(url: SecretStr) -> int:
    """Rebuild on the database at `url`; return the number of events used."""

    async def run() -> Rebuilt:
        engine = create_engine(url, application_name="reporting-console", pool_size=1)
        try:
            return await rebuild(engine)
        finally:
            await engine.dispose()

    return asyncio.run(run()).events


async def _learn_again(connection: Connection, plans: SqlPlans) -> int:
    ledger = SqlLedger(connection)
    used, after = 0, 0
    while rows := await ledger.state_events(after, _BATCH):
        for seq, kind, data in rows:
            await LEARNT[kind](plans, CONTRACTS[kind].model_validate(data))
            used, after = used + 1, seq
    return used
