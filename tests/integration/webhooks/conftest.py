"""The delivery machine on a real PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from tests.support.postgres import DatabaseFactory
from tests.support.webhooks import Webhooks

HISTORIES = ("shared.messaging", "services.reporting")


@pytest.fixture
async def hooks(database_factory: DatabaseFactory) -> AsyncIterator[Webhooks]:
    """Units of two provinces; no plan and no endpoint yet."""
    found = await Webhooks.on(await database_factory(HISTORIES))
    yield found
    await found.engine.dispose()
