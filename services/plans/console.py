"""What the plans service adds to the `cchc` command; everything goes through the handlers, as the API does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from pydantic import SecretStr

from services.plans import handlers, queries
from services.plans.adapters.plan_files import read_plan_file
from services.plans.adapters.seed_files import SEED, seed_programmes
from services.plans.adapters.seed_files import seed_units as units_of_seed
from services.plans.adapters.unit_of_work import SqlPlansUnitOfWork
from services.plans.domain.access import WHOLE_INSTALLATION
from services.plans.handlers import Ask, Desk, NewKey, PlanFile
from shared.clock import Clock, SystemClock
from shared.database.engine import create_engine
from shared.ids import Ids, TimeOrderedIds

Result = TypeVar("Result")
NOBODY_IN_PARTICULAR = Ask(scope=WHOLE_INSTALLATION)
CONSOLE = "console"
"""Who made or revoked a key, where whoever has the machine did."""
PAGE = 200


@asynccontextmanager
async def open_desk(url: SecretStr, *, clock: Clock | None = None, ids: Ids | None = None) -> AsyncIterator[Desk]:
    """Yield what use cases work with, on the database at `url`."""
    engine = create_engine(url, application_name="plans-console", pool_size=2)
    known_ids = ids or TimeOrderedIds()
    try:
        yield Desk(
            unit_of_work=lambda: SqlPlansUnitOfWork(engine, known_ids),
            read_file=read_plan_file,
            clock=clock or SystemClock(),
            ids=known_ids,
        )
    finally:
        await engine.dispose()


async def load_seed(desk: Desk, folder: Path = SEED) -> int:
    """Bring in programmes and those units that are not there yet; return how many units were new.

    Safe to repeat: what people have changed since stays as they made it. Each new unit sends its event.
    """
    for programme in seed_programmes(folder):
        await handlers.change_programme(desk, programme)
    answers = [
        await handlers.change_unit(desk, NOBODY_IN_PARTICULAR, unit, only_if_new=True) for unit in units_of_seed(folder)
    ]
    return sum(answer.status == handlers.CREATED for answer in answers)


def seed_units(url: SecretStr) -> int:
    """Bring the seed into the database at `url`; return how many units were new."""
    return asyncio.run(_with_desk(url, load_seed))


def import_plan_file(url: SecretStr, file: PlanFile, *, dry_run: bool) -> dict[str, Any]:
    """Import a plan table as the API does; return the same answer.

    Raises:
        PlansRefusal: as `handlers.import_plan`.
    """

    async def run(desk: Desk) -> dict[str, Any]:
        return (await handlers.import_plan(desk, NOBODY_IN_PARTICULAR, file, dry_run=dry_run)).body

    return asyncio.run(_with_desk(url, run))


def create_access_key(url: SecretStr, wanted: NewKey) -> dict[str, Any]:
    """Make an access key as the API does; return the same answer, which tells the key this once.

    Raises:
        PlansRefusal: as `handlers.create_access_key`.
    """

    async def run(desk: Desk) -> dict[str, Any]:
        return (await handlers.create_access_key(desk, NOBODY_IN_PARTICULAR, wanted, by=CONSOLE)).body

    return asyncio.run(_with_desk(url, run))


def revoke_access_key(url: SecretStr, key_id: UUID) -> None:
    """Revoke an access key as the API does.

    Raises:
        AccessKeyNotFound: there is none.
    """

    async def run(desk: Desk) -> None:
        await handlers.revoke_access_key(desk, NOBODY_IN_PARTICULAR, key_id, by=CONSOLE)

    asyncio.run(_with_desk(url, run))


def list_access_keys(url: SecretStr) -> list[dict[str, Any]]:
    """Return all access keys, the oldest first, as the API tells them."""

    async def run() -> list[dict[str, Any]]:
        engine = create_engine(url, application_name="plans-console", pool_size=1)
        found: list[dict[str, Any]] = []
        after: UUID | None = None
        try:
            while True:
                page, after = await queries.list_access_keys(
                    engine, WHOLE_INSTALLATION, unit=None, after=after, limit=PAGE
                )
                found += page
                if after is None:
                    return found
        finally:
            await engine.dispose()

    return asyncio.run(run())


async def _with_desk(url: SecretStr, work: Callable[[Desk], Awaitable[Result]]) -> Result:
    async with open_desk(url) as desk:
        return await work(desk)
