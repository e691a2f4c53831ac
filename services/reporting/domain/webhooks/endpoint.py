"""An endpoint: where an office wants to be told, and of what."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.reporting.domain.errors import WebhookEndpointChangedMeanwhile, WebhookEndpointDisabled
from services.reporting.domain.webhooks.health import Health
from services.reporting.domain.webhooks.signatures import Scheme

MOST_ENDPOINTS = 50
"""Of one owner."""


class EndpointState(StrEnum):
    """Only an enabled endpoint is told of anything."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class DisabledReason(StrEnum):
    """Who or what switched an endpoint off: its owner, an answer 410, days of failure."""

    OWNER = "owner"
    GONE = "gone"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class Owner:
    """Who made the endpoint, and the office it belongs to (none: a person for the whole installation)."""

    subject: str
    unit: str | None


@dataclass(frozen=True, slots=True)
class EventFilter:
    """What is told is about all of these; None: any that the owner may see."""

    plan_id: UUID | None = None
    unit: str | None = None
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """What an owner chooses and may change."""

    url: str
    event_types: tuple[str, ...]
    filter: EventFilter = field(default_factory=EventFilter)
    description: str | None = None
    per_second: int | None = None
    """Most attempts a second; None: no limit of the owner's."""


@dataclass(frozen=True, slots=True)
class Disabling:
    """Why and when an endpoint was switched off."""

    reason: DisabledReason
    at: datetime


@dataclass(slots=True)
class Endpoint:
    """A receiver's address with what it subscribed to."""

    id: UUID
    owner: Owner
    subscription: Subscription
    scheme: Scheme
    created_at: datetime
    version: int = 1
    disabled: Disabling | None = None
    health: Health = field(default_factory=Health)

    @property
    def state(self) -> EndpointState:
        """Whether anything is sent."""
        return EndpointState.ENABLED if self.disabled is None else EndpointState.DISABLED

    def expect_version(self, expected: int | None) -> None:
        """Go on if the caller has seen this version.

        Raises:
            WebhookEndpointChangedMeanwhile: the caller saw another.
        """
        if expected is not None and expected != self.version:
            raise WebhookEndpointChangedMeanwhile

    def require_enabled(self) -> None:
        """Go on if what is to be sent would be sent.

        Raises:
            WebhookEndpointDisabled: it would wait for nobody knows how long.
        """
        if self.disabled is not None:
            raise WebhookEndpointDisabled

    def change(self, subscription: Subscription, state: EndpointState, *, at: datetime) -> None:
        """Take the owner's choices. One that is switched on again begins without a past."""
        self.subscription = subscription
        if state is EndpointState.DISABLED and self.disabled is None:
            self.disabled = Disabling(DisabledReason.OWNER, at)
        elif state is EndpointState.ENABLED and self.disabled is not None:
            self.disabled = None
            self.health = Health()
        self.version += 1

    def key_changed(self) -> None:
        """Note that what it signs with is another."""
        self.version += 1
