"""Owners of webhook endpoints as the interface meets them, and rows that the sender would have written."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
from sqlalchemy import text

from tests.support.reporting_service import IDS, ReportingService

ENDPOINTS, DELIVERIES, NOTICES = "/v1/webhook-endpoints", "/v1/webhook-deliveries", "/v1/notices"
COMPLETED = "cchc.task.completed.v1"
WANTED: dict[str, Any] = {"url": "https://lanhdao.example.vn/cchc", "event_types": [COMPLETED]}


@dataclass(frozen=True)
class Person:
    """One who calls: a role of a unit."""

    service: ReportingService
    role: str = "leader"
    unit: str | None = "TV"
    headers: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:  # noqa: ANN401
        async with self.service.caller(self.role, self.unit, **self.headers, **headers) as caller:
            sent = {} if body is None else {"json": body}
            return await caller.request(method, path, **sent)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx2.Response:  # noqa: ANN401 -- JSON
        return await self.call("POST", path, {} if body is None else body, **headers)

    async def get(self, path: str) -> Any:  # noqa: ANN401 -- JSON
        """Return the body of a successful answer."""
        answer = await self.call("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def pages(self, path: str) -> list[dict[str, Any]]:
        """Return the items of all pages of a list; the path has a query already."""
        items: list[dict[str, Any]] = []
        following = ""
        while True:
            page = await self.get(f"{path}{following}")
            items += page["items"]
            if page["next"] is None:
                return items
            following = f"&cursor={page['next']}"

    async def endpoint(self, **changed: Any) -> dict[str, Any]:  # noqa: ANN401 -- any field of the body
        """Make an endpoint and return the answer."""
        answer = await self.post(ENDPOINTS, {**WANTED, **changed})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


async def deliveries(
    service: ReportingService, endpoint_id: str, count: int, *, state: str, settled_at: datetime | None = None
) -> list[UUID]:
    """Write deliveries of one endpoint in a state, the newest event last; return their events."""
    events = [IDS.new() for _ in range(count)]
    now = service.clock.now()
    settled = None if state == "waiting" else settled_at or now
    given = {"events": events, "endpoint": UUID(endpoint_id), "now": now, "state": state, "settled": settled}
    async with service.engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO webhook_events (id, type, order_key, body, occurred_at, created_at) "
                "SELECT id, 'cchc.task.completed.v1', id::text, '{}', moment, moment "
                "FROM unnest(CAST(:events AS uuid[])) AS id, CAST(:now AS timestamptz) AS moment"
            ),
            given,
        )
        await connection.execute(
            text(
                "INSERT INTO webhook_deliveries "
                "(endpoint_id, event_id, order_key, state, attempts, tries, due_at, created_at, settled_at) "
                "SELECT CAST(:endpoint AS uuid), id, id::text, :state, 12, 12, CAST(:now AS timestamptz), "
                "CAST(:now AS timestamptz), CAST(:settled AS timestamptz) FROM unnest(CAST(:events AS uuid[])) AS id"
            ),
            given,
        )
    return events


async def attempt(service: ReportingService, event_id: UUID, number: int, **result: Any) -> None:  # noqa: ANN401
    """Write an attempt of an event's deliveries."""
    row = {"duration_ms": None, "status": None, "failure": None, "excerpt": None, **result}
    async with service.engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO webhook_attempts (delivery_id, number, started_at, duration_ms, status, failure, excerpt) "
                "SELECT id, :number, :at, :duration_ms, :status, :failure, :excerpt "
                "FROM webhook_deliveries WHERE event_id = :event"
            ),
            {"number": number, "at": service.clock.now() + timedelta(minutes=number), "event": event_id, **row},
        )


async def notice(service: ReportingService, endpoint_id: str, kind: str = "gone", *, minutes: int = 0) -> None:
    """Write a notice to the endpoint's owner."""
    async with service.engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO webhook_notices (owner_subject, owner_unit, endpoint_id, kind, created_at, detail) "
                "SELECT owner_subject, owner_unit, id, :kind, :at, '{\"failures\": 1}' "
                "FROM webhook_endpoints WHERE id = :endpoint"
            ),
            {"kind": kind, "at": service.clock.now() + timedelta(minutes=minutes), "endpoint": UUID(endpoint_id)},
        )
