"""A webhook endpoint of a running system with the rows that the sender would have written."""

from uuid import UUID

import asyncpg

from shared.ids import TimeOrderedIds
from tests.support.province import PROVINCE
from tests.support.system import System


async def a_silent_webhook(system: System) -> tuple[str, str, str]:
    """Return an endpoint that is switched off, a delivery of it, a notice about it, as the sender would write them."""
    wanted = {"url": "https://lanhdao.example.vn/cchc", "event_types": ["cchc.report.issued.v1"]}
    with system.client("reporting", "leader", PROVINCE) as leader:
        made = leader.post("/v1/webhook-endpoints", json=wanted)
        assert made.status_code == 201, made.text
        endpoint_id = made.json()["id"]
        leader.patch(f"/v1/webhook-endpoints/{endpoint_id}", json={"state": "disabled"})
    event_id = TimeOrderedIds().new()
    connection = await asyncpg.connect(system.admin_dsn("cchc_reporting"), ssl=False)
    try:
        await connection.execute(
            "INSERT INTO webhook_events (id, type, order_key, body, occurred_at, created_at) "
            "VALUES ($1, 'cchc.report.issued.v1', '', '{}', now(), now())",
            event_id,
        )
        await connection.execute(
            "INSERT INTO webhook_deliveries (endpoint_id, event_id, order_key, state, due_at, created_at, settled_at) "
            "VALUES ($1, $2, '', 'failed', now(), now(), now())",
            UUID(endpoint_id),
            event_id,
        )
        await connection.execute(
            "INSERT INTO webhook_notices (owner_subject, owner_unit, endpoint_id, kind, created_at, detail) "
            "SELECT owner_subject, owner_unit, id, 'failing', now(), '{}' FROM webhook_endpoints WHERE id = $1",
            UUID(endpoint_id),
        )
    finally:
        await connection.close()
    with system.client("reporting", "leader", PROVINCE) as leader:
        notice_id = leader.get("/v1/notices").json()["items"][0]["id"]
    return endpoint_id, f"{endpoint_id}.{event_id}", notice_id
