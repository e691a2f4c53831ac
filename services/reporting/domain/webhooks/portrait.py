"""Endpoints as they are shown. Keys that are secret are no part of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.reporting.domain.webhooks.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key that signs: since when, until when, and its public half where it has one."""

    created_at: datetime
    expires_at: datetime | None
    public_key: str | None


def endpoint_portrait(endpoint: Endpoint, keys: Sequence[ShownKey]) -> dict[str, Any]:
    """Return the endpoint as JSON-ready values, its keys the newest first."""
    chosen, disabled, health = endpoint.subscription, endpoint.disabled, endpoint.health
    return {
        "id": str(endpoint.id),
        "url": chosen.url,
        "event_types": list(chosen.event_types),
        "filter": {
            "plan_id": None if chosen.filter.plan_id is None else str(chosen.filter.plan_id),
            "unit": chosen.filter.unit,
            "field": chosen.filter.field,
        },
        "description": chosen.description,
        "scheme": endpoint.scheme,
        "per_second": chosen.per_second,
        "state": endpoint.state.value,
        "disabled": None if disabled is None else {"reason": disabled.reason.value, "at": moment(disabled.at)},
        "failures": health.failures,
        "failing_since": moment(health.failing_since),
        "paused_until": moment(health.paused_until),
        "keys": [
            {
                "created_at": moment(key.created_at),
                "expires_at": moment(key.expires_at),
                "public_key": key.public_key,
            }
            for key in keys
        ],
        "unit": endpoint.owner.unit,
        "created_at": moment(endpoint.created_at),
        "version": endpoint.version,
    }


def moment(value: datetime | None) -> str | None:
    """Return a moment in UTC as ISO 8601."""
    return None if value is None else value.astimezone(UTC).isoformat()
