"""What happened here, in this service's own words; adapters/event_mapping turns it into the published contracts."""

from dataclasses import dataclass
from datetime import datetime

from services.plans.domain.plan import Plan
from services.plans.domain.programme import Programme
from services.plans.domain.unit import Unit
from shared.access_keys import AccessKey


@dataclass(frozen=True)
class UnitChanged:
    """A unit was added or changed."""

    unit: Unit
    root: str
    """Code of the root of its tree: events of one tree keep their order."""
    at: datetime


@dataclass(frozen=True)
class PlanIssued:
    """A plan was issued, with all its tasks."""

    plan: Plan
    programme: Programme
    at: datetime


@dataclass(frozen=True)
class AccessKeyChanged:
    """An access key was made or revoked."""

    key: AccessKey
    at: datetime


Happened = UnitChanged | PlanIssued | AccessKeyChanged
