"""A plans service of the test's own: real application, real PostgreSQL, real tokens."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.plans.console import load_seed
from shared.security import make_issuer
from tests.support.plans_service import PlansService
from tests.support.postgres import DatabaseFactory

HISTORIES = ("shared.messaging", "services.plans")


@pytest.fixture(scope="session")
def issuer_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("plans-keys")
    make_issuer(directory)
    return directory


@pytest.fixture
async def service(database_factory: DatabaseFactory, issuer_keys: Path) -> AsyncIterator[PlansService]:
    """The service with the seed's units and programmes; no plan yet."""

    async def seed(dsn: str) -> None:
        seeding = PlansService.start(dsn, issuer_keys)
        await load_seed(seeding.desk)
        await seeding.stop()

    started = PlansService.start(await database_factory(HISTORIES, seed), issuer_keys)
    yield started
    await started.stop()
