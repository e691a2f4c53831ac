"""Everything that a report's documents say, as one plain answer: made once, frozen with the issue, rendered from."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from services.reporting.domain.counting import figures
from services.reporting.domain.facts import Knowledge
from services.reporting.domain.presentation import Answer, figures_answer, plan_answer, tasks_answer
from services.reporting.domain.report import Report
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


def _signature(report: Report, letterhead: Letterhead) -> tuple[str, ...]:
    return (report.issue.signature if report.issue else ()) or letterhead.signature


def _head(report: Report, corrected: CorrectedReport | None) -> dict[str, Any]:
    issue = report.issue
    return {
        "id": str(report.id),
        "state": report.state.value,
        "period": {
            "name": report.period.name,
            "from": report.period.from_.isoformat(),
            "to": report.period.to.isoformat(),
        },
        "document": None
        if issue is None
        else {
            "number": issue.document.number,
            "issued_on": issue.document.issued_on.isoformat(),
            "signed_by": issue.document.signed_by,
        },
        "corrects": None if corrected is None else asdict(corrected),
    }
