"""What happened here, in inside words; adapters/event_mapping.py turns it into published contracts."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.reporting.domain.facts import DocumentFact
from services.reporting.domain.periods import Period


@dataclass(frozen=True, slots=True)
class ReportIssued:
    """A report was issued; figures and bytes are frozen."""

    report_id: UUID
    version: int
    plan_id: UUID
    period: Period
    document: DocumentFact
    total: int
    done: int
    sha256: dict[str, str]
    issued_at: datetime
