"""A reporting service of the test's own: real application, real PostgreSQL, real tokens."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.embedded.secret_files import make_key
from shared.security import make_issuer
from tests.support.postgres import DatabaseFactory
from tests.support.reporting_service import PROVINCE, ReportingService, unit_changed

HISTORIES = ("shared.messaging", "services.reporting")


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("keys")
    make_issuer(directory)
    make_key(directory / "webhooks.key")
    return directory


@pytest.fixture
async def service(database_factory: DatabaseFactory, keys: Path) -> AsyncIterator[ReportingService]:
    """The service with the units of two provinces; no plan yet."""

    async def hear(dsn: str) -> None:
        hearing = ReportingService.start(dsn, keys)
        await hearing.hear([unit_changed(*unit) for unit in PROVINCE])
        await hearing.stop()

    filled = await database_factory(HISTORIES, hear)
    started = ReportingService.start(filled, keys, webhook_key_file=keys / "webhooks.key")
    yield started
    await started.stop()
