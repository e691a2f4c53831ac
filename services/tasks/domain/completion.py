"""A completion: what a lead unit reports, and what becomes of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.tasks.domain.errors import CompletionInvalid, Fault
from services.tasks.domain.evidence import Evidence
from shared.clock import vietnam_date

CLOCK_TOLERANCE = timedelta(minutes=5)
"""So far may a department's clock run ahead of ours."""
YEARS_BACK = 2
"""A product may be older than its plan: from 1 January, so many years before the plan's year."""


class CompletionState(StrEnum):
    """What has become of a completion."""

    AWAITING = "awaiting"
    CONFIRMED = "confirmed"
    RETURNED = "returned"
    REOPENED = "reopened"


LIVE = frozenset({CompletionState.AWAITING, CompletionState.CONFIRMED})
"""A task has at most one completion in these states."""


@dataclass(frozen=True)
class CompletionReport:
    """What a department sends: the day of the product, its evidence, its own time of sending."""

    completed_on: date
    evidence: tuple[Evidence, ...] = ()
    note: str | None = None
    reported_at: datetime | None = None


@dataclass
class Completion:
    """One report of a task as done, kept with its fate for ever."""

    id: UUID
    completed_on: date
    reported_at: datetime
    recorded_at: datetime
    by_subject: str
    by_unit: str | None
    evidence: tuple[Evidence, ...]
    note: str | None
    state: CompletionState = CompletionState.AWAITING
    reason: str | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None

    @property
    def is_live(self) -> bool:
        """Whether it still stands: neither returned nor reopened."""
        return self.state in LIVE

    def decide(self, state: CompletionState, *, by: str, moment: datetime, reason: str | None = None) -> None:
        """Note what became of it, who decided and why."""
        self.state = state
        self.decided_by = by
        self.decided_at = moment
        self.reason = reason


def check_report(report: CompletionReport, *, plan_year: int, evidence_required: bool, moment: datetime) -> None:
    """Hold a report against the rules of dates and evidence.

    Raises:
        CompletionInvalid: with every fault found, not only the first.
    """
    faults = tuple(_faults(report, plan_year=plan_year, evidence_required=evidence_required, moment=moment))
    if faults:
        raise CompletionInvalid(faults)


def _faults(report: CompletionReport, *, plan_year: int, evidence_required: bool, moment: datetime) -> Iterator[Fault]:
    today = vietnam_date(moment)
    if report.completed_on > today:
        yield Fault("/body/completed_on", "completed-on-in-future", "Ngày hoàn thành không được sau ngày hôm nay.")
    if report.completed_on < date(plan_year - YEARS_BACK, 1, 1):
        yield Fault(
            "/body/completed_on",
            "completed-on-too-early",
            f"Ngày hoàn thành không được trước ngày 01/01/{plan_year - YEARS_BACK}.",
        )
    if report.reported_at is not None and report.reported_at > moment + CLOCK_TOLERANCE:
        yield Fault("/body/reported_at", "reported-at-in-future", "Thời điểm báo cáo không được ở tương lai.")
    if evidence_required and not report.evidence:
        yield Fault("/body/evidence", "evidence-missing", "Kế hoạch yêu cầu ít nhất một văn bản minh chứng.")
    for index, document in enumerate(report.evidence):
        if not document.number.strip():
            yield Fault(
                f"/body/evidence/{index}/number", "evidence-number-empty", "Thiếu số, ký hiệu văn bản minh chứng."
            )
        if document.issued_on > today:
            yield Fault(
                f"/body/evidence/{index}/issued_on",
                "evidence-issued-in-future",
                "Ngày ban hành văn bản minh chứng không được sau ngày hôm nay.",
            )
