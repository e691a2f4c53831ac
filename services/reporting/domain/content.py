"""Everything that a report's documents say, as one plain answer: made once, frozen with the issue, rendered from."""

from dataclasses import asdict, dataclass
from datetime import datetime

from services.reporting.domain.counting import figures
from services.reporting.domain.facts import Knowledge
from services.reporting.domain.presentation import (
    Answer,
    figures_answer,
    method_answer,
    plan_answer,
    tasks_answer,
)
from services.reporting.domain.report import Issue, Report
from services.reporting.domain.scoring import ScoringRule


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Names on the paper; what is not known is left blank for the clerk, never invented."""

    issuer: str
    """The body that issues the report (cơ quan ban hành)."""
    parent: str | None = None
    """The body above it (cơ quan chủ quản)."""
    place: str | None = None
    signature: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CorrectedReport:
    """The issue that a report corrects."""

    id: str
    plan_id: str
    number: str
    issued_on: str


def content(
    report: Report,
    known: Knowledge,
    *,
    as_of: datetime,
    letterhead: Letterhead,
    rule: ScoringRule,
    corrected: CorrectedReport | None,
) -> Answer:
    """Return what the report says at `as_of`. Depends on its arguments alone, so equal facts give equal documents."""
    if known.plan is None:
        raise ValueError("a report is made of a known plan only")
    found = figures(known.plan, known, report.period.to, report.method)
    return {
        "report": _head(report, corrected),
        "letterhead": {**asdict(letterhead), "signature": list(_signature(report, letterhead))},
        "plan": plan_answer(known.plan),
        "plan_event": str(known.plan_event),
        "as_of": as_of.isoformat(),
        "figures": figures_answer(found, rule),
        "tasks": tasks_answer(found),
        "narrative": asdict(report.narrative),
    }


def report_answer(report: Report, *, sha256: dict[str, str] | None = None) -> Answer:
    """Return a report without its figures; `sha256` (format -> hex) is an issue's."""
    issue = report.issue
    return {
        "id": str(report.id),
        "state": report.state.value,
        "version": report.version,
        "plan_id": str(report.plan_id),
        "period": _period(report),
        "method": method_answer(report.method),
        "narrative": asdict(report.narrative),
        "session_id": None if report.session_id is None else str(report.session_id),
        "corrects": None if report.corrects is None else str(report.corrects),
        "created_at": report.created_at.isoformat(),
        "document": _document(issue),
        "issued_at": None if issue is None else issue.issued_at.isoformat(),
        "as_of": None if issue is None else issue.as_of.isoformat(),
        "sha256": sha256,
    }


def _signature(report: Report, letterhead: Letterhead) -> tuple[str, ...]:
    return (report.issue.signature if report.issue else ()) or letterhead.signature


def _head(report: Report, corrected: CorrectedReport | None) -> Answer:
    return {
        "id": str(report.id),
        "state": report.state.value,
        "period": _period(report),
        "document": _document(report.issue),
        "corrects": None if corrected is None else asdict(corrected),
    }


def _period(report: Report) -> Answer:
    period = report.period
    return {"name": period.name, "from": period.from_.isoformat(), "to": period.to.isoformat()}


def _document(issue: Issue | None) -> Answer | None:
    if issue is None:
        return None
    document = issue.document
    return {
        "number": document.number,
        "issued_on": document.issued_on.isoformat(),
        "signed_by": document.signed_by,
    }
