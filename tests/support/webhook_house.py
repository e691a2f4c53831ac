"""The interface and the delivery machine of webhooks on one database, and a recovery that is cut off in the middle."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.clock import SystemClock
from shared.security import make_issuer
from tests.support.reporting_service import ReportingService
from tests.support.waiting import eventually
from tests.support.webhook_office import Person
from tests.support.webhook_sender_process import HERE, KEY
from tests.support.webhooks import Webhooks


@dataclass
class House:
    """The interface and the delivery machine on one database."""

    service: ReportingService
    hooks: Webhooks

    @property
    def leader(self) -> Person:
        return Person(self.service)

    async def an_endpoint(self, url: str, **changed: Any) -> dict[str, Any]:  # noqa: ANN401 -- any field
        """Register an endpoint and return the answer."""
        return await self.leader.endpoint(url=url, **changed)


@asynccontextmanager
async def open_house(hooks: Webhooks, folder: Path) -> AsyncIterator[House]:
    """Start the interface on the delivery machine's database; `folder` is for keys."""
    make_issuer(folder)
    key = folder / "webhooks.key"
    key.write_text(b64encode(KEY).decode(), encoding="ascii")
    service = ReportingService.start(hooks.dsn, folder, webhook_key_file=key, webhook_allowed_networks=HERE)
    service.clock.set(SystemClock().now() - timedelta(seconds=1))
    try:
        yield House(service, hooks)
    finally:
        await service.stop()


async def recover_cut_off(
    service: ReportingService, path: str, body: Mapping[str, Any], held: UUID, **headers: str
) -> int:
    """Ask for a recovery and kill its connection while the statement is under way; return the answer's status.

    Args:
        service: the running application.
        path: of the recovery.
        body: of the request.
        held: event of the last delivery in question: somebody else holds its row, so all before it are done by then.
        headers: of the request.
    """
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE webhook_del%'"
    async with service.engine.connect() as holder:
        await holder.execute(text("SELECT 1 FROM webhook_deliveries WHERE event_id = :id FOR UPDATE"), {"id": held})
        recovery = asyncio.create_task(Person(service).post(path, body, **headers))
        found: list[dict[str, Any]] = await eventually(lambda: service.rows(waiting))
        await service.rows("SELECT pg_terminate_backend(:pid)", pid=found[0]["pid"])
        return (await recovery).status_code
