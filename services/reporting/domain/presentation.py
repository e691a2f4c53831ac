"""Figures as plain answers: the one shape that the API gives, a report freezes, and documents are made from.

A percent is a number with two digits and beside it its Vietnamese writing; the fraction is never left out.
"""

from collections.abc import Collection
from datetime import date
from typing import Any
from uuid import UUID

from services.reporting.domain.counting import Counts, Figures, Group, TaskAt, deciding_day
from services.reporting.domain.facts import EvidenceFact, PlanFacts
from services.reporting.domain.method import Method, Rate
from services.reporting.domain.scoring import ScoringRule, margin, score
from services.reporting.domain.wording import percent_text

Answer = dict[str, Any]

PLAIN_FIGURES = (
    "total",
    "done",
    "done_on_time",
    "done_late",
    "overdue",
    "due",
    "due_soon",
    "in_time",
    "no_deadline",
    "awaiting_confirmation",
    "returned",
    "in_progress",
    "not_started",
    "unfinished",
)


def rate_answer(rate: Rate) -> Answer:
    """Return a rate as an answer; `percent` is null when there is nothing to divide by."""
    return {
        "numerator": rate.numerator,
        "denominator": rate.denominator,
        "percent": None if rate.percent is None else float(rate.percent),
        "text": percent_text(rate.percent),
    }


def counts_answer(counts: Counts) -> Answer:
    """Return the figures of one set of tasks."""
    return {
        **{name: getattr(counts, name) for name in PLAIN_FIGURES},
        "rates": {
            "done_of_total": rate_answer(counts.done_of_total),
            "done_of_due": rate_answer(counts.done_of_due),
            "on_time_of_done": rate_answer(counts.on_time_of_done),
        },
    }


def figures_answer(figures: Figures, rule: ScoringRule, only_units: Collection[str] | None = None) -> Answer:
    """Return all figures of a plan.

    Args:
        figures: what was counted.
        rule: the scoring rule for completing the plan.
        only_units: codes of the lead units whose rows are shown; None shows all.
    """
    counts = figures.counts
    return {
        **counts_answer(counts),
        "by_field": [_group_answer(group) for group in figures.by_field],
        "by_unit": [
            _group_answer(group) for group in figures.by_unit if only_units is None or group.code in only_units
        ],
        "method": method_answer(figures.method),
        **_score_answers(counts, rule),
        "cutoff": figures.cutoff.isoformat(),
    }


def method_answer(method: Method) -> Answer:
    """Return the counting method with its Vietnamese texts."""
    return {
        "code": method.standing_tasks.value,
        "name": method.name,
        "text": method.text,
        "rounding": method.rounding.value,
        "rounding_text": method.rounding_text,
    }


def plan_answer(plan: PlanFacts) -> Answer:
    """Return what a report says of its plan."""
    return {
        "id": str(plan.id),
        "version": plan.version,
        "unit": {"code": plan.unit.code, "name": plan.unit.name},
        "year": plan.year,
        "title": plan.title,
        "document": {
            "number": plan.document.number,
            "issued_on": plan.document.issued_on.isoformat(),
            "signed_by": plan.document.signed_by,
        },
    }


def task_answer(plan: PlanFacts, at: TaskAt) -> Answer:
    """Return one classified task with what proves it: the counted completion, its documents, the events heard."""
    task = at.task
    return {
        "id": str(task.id),
        "code": task.code,
        "number": task.number,
        "title": task.title,
        "field": task.field,
        "lead_units": [{"code": unit.code, "name": unit.name} for unit in task.lead_units],
        "deadline": {
            "phrase": task.deadline.phrase,
            "kind": task.deadline.kind,
            "date": _day(task.deadline.day),
            "due_on": _day(deciding_day(plan, task)),
        },
        "state": at.state.value,
        "timing": at.timing.value,
        "is_due": at.is_due,
        "completed_on": _day(at.completion.completed_on if at.completion else None),
        "completion_id": str(at.completion.id) if at.completion else None,
        "evidence": [_evidence(found) for found in (at.completion.evidence if at.completion else ())],
        "events": _texts(at.completion.events if at.completion else at.record.events),
    }


def tasks_answer(figures: Figures) -> list[Answer]:
    """Return every counted task in the plan's order."""
    return [task_answer(figures.plan, at) for at in figures.tasks]


def _group_answer(group: Group) -> Answer:
    return {"code": group.code, "name": group.name, **counts_answer(group.counts)}


def _score_answers(counts: Counts, rule: ScoringRule) -> Answer:
    points = score(rule, counts.done, counts.total)
    left = margin(rule, counts.done, counts.total)
    return {
        "score": {
            "rule": rule.name,
            "text": rule.text,
            "points": None if points.points is None else float(points.points),
            "max_points": float(points.max_points),
        },
        "margin": {
            "allowed_unfinished": left.allowed_unfinished,
            "unfinished": left.unfinished,
            "to_spare": left.to_spare,
            "needed": left.needed,
        },
    }


def _evidence(found: EvidenceFact) -> Answer:
    return {
        "number": found.number,
        "issued_on": found.issued_on.isoformat(),
        "issuer": found.issuer,
        "title": found.title,
        "url": found.url,
        "sha256": found.sha256,
    }


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _texts(events: tuple[UUID, ...]) -> list[str]:
    return [str(event) for event in events]
