"""A tasks service of the test's own: real application, real PostgreSQL, real tokens."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.security import make_issuer
from tests.support.postgres import DatabaseFactory
from tests.support.tasks_service import TasksService


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("keys")
    make_issuer(directory)
    return directory


@pytest.fixture
async def service(database_factory: DatabaseFactory, keys: Path) -> AsyncIterator[TasksService]:
    """The service with the units of a province; no plan yet."""

    async def learn(dsn: str) -> None:
        learning = TasksService.start(dsn, keys)
        await learning.learn_units()
        await learning.stop()

    started = TasksService.start(await database_factory(("shared.messaging", "services.tasks"), learn), keys)
    yield started
    await started.stop()
