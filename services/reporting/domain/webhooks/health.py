"""How an endpoint fares: the circuit that opens when it keeps failing, and when it is switched off."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from services.reporting.domain.webhooks.schedule import Schedule

OPENS_AFTER = 5
"""Failures in a row after which an endpoint gets one probe at a time."""
FAILING_FOR = timedelta(days=5)
"""So long without any success an endpoint is switched off; never for failures now and then."""
LEAST_ATTEMPTS = 10
"""And not before so many attempts have failed: an event a week is no evidence."""
GONE = 410
FIRST_ACCEPTING, FIRST_REDIRECTING = 200, 300

Off = Literal["gone", "failing"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the receiver answered: a status, or none and the reason in a stable word."""

    status: int | None
    failure: str | None = None
    retry_after: float | None = None

    @property
    def is_accepted(self) -> bool:
        """Only 2xx is a yes."""
        return self.status is not None and FIRST_ACCEPTING <= self.status < FIRST_REDIRECTING

    @property
    def is_gone(self) -> bool:
        """The receiver wants no more of it (410)."""
        return self.status == GONE


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of an endpoint. `failures` are in a row; `failing_since` is the first of them."""

    failures: int = 0
    failing_since: datetime | None = None
    paused_until: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether the circuit is open: one probe at a time, and none before `paused_until`."""
        return self.failures >= OPENS_AFTER

    def after(self, verdict: Verdict, now: datetime, schedule: Schedule, *, chance: float) -> "Health":
        """Return how it fares after an attempt that ended now. Any success closes the circuit."""
        if verdict.is_accepted:
            return Health()
        failures = self.failures + 1
        paused_until = self.paused_until
        if failures >= OPENS_AFTER:
            paused_until = now + schedule.probe(failures, OPENS_AFTER, chance=chance, retry_after=verdict.retry_after)
        return Health(failures, self.failing_since or now, paused_until)

    def off(self, verdict: Verdict, now: datetime) -> Off | None:
        """Return why the endpoint is to be switched off after this attempt, if it is."""
        if verdict.is_gone:
            return "gone"
        since = self.failing_since
        is_failing = since is not None and now - since >= FAILING_FOR and self.failures >= LEAST_ATTEMPTS
        return "failing" if is_failing else None
