"""Between published contracts and inside words: what was heard becomes facts, what happened here becomes an event."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from services.reporting.domain.events import ReportIssued
from services.reporting.domain.facts import (
    CompletionState,
    DeadlineFact,
    DocumentFact,
    EvidenceFact,
    FieldFact,
    PlanFacts,
    TaskFacts,
    UnitFact,
)
from services.reporting.domain.fold import CompletionHeard, Heard, PlanHeard, ProgressHeard, VerdictHeard
from shared.contracts.plans import DocumentV1, PlanIssuedV1, PlanTaskV1
from shared.contracts.reports import PeriodV1, ReportIssuedV1
from shared.contracts.tasks import (
    CompletionConfirmedV1,
    CompletionReturnedV1,
    EvidenceV1,
    TaskCompletedV1,
    TaskProgressedV1,
    TaskReopenedV1,
)


def heard(kind: str, event_id: UUID, recorded_at: datetime, data: dict[str, Any]) -> Heard | None:
    """Return what a ledger row says about figures; None for types that say nothing about them."""
    reader = _READERS.get(kind)
    return None if reader is None else reader(event_id, recorded_at, data)


def report_issued(event: ReportIssued) -> ReportIssuedV1:
    """Return the published form."""
    document = event.document
    return ReportIssuedV1(
        report_id=event.report_id,
        version=event.version,
        plan_id=event.plan_id,
        period=PeriodV1.model_validate({"name": event.period.name, "from": event.period.from_, "to": event.period.to}),
        document=DocumentV1(number=document.number, issued_on=document.issued_on, signed_by=document.signed_by),
        total=event.total,
        done=event.done,
        sha256=event.sha256,
        issued_at=event.issued_at,
    )


def plan_facts(data: PlanIssuedV1) -> PlanFacts:
    """Return the plan that an event tells of."""
    document = data.document
    return PlanFacts(
        id=data.plan_id,
        version=data.version,
        unit=UnitFact(data.unit.code, data.unit.name),
        year=data.year,
        title=data.title,
        fields=tuple(FieldFact(field.code, field.name) for field in data.fields),
        counts_when=data.counts_when.value,
        document=DocumentFact(document.number, document.issued_on, document.signed_by),
        tasks=tuple(_task_facts(task) for task in data.tasks),
    )


def _task_facts(task: PlanTaskV1) -> TaskFacts:
    return TaskFacts(
        id=task.id,
        code=task.code,
        number=task.number,
        field=task.field,
        title=task.title,
        lead_units=tuple(UnitFact(unit.code, unit.name) for unit in task.lead_units),
        deadline=DeadlineFact(task.deadline.phrase, task.deadline.kind.value, task.deadline.date),
        deliverable=task.deliverable,
    )


def _plan_issued(event_id: UUID, recorded_at: datetime, data: dict[str, Any]) -> Heard:
    return PlanHeard(event_id, recorded_at, plan_facts(PlanIssuedV1.model_validate(data)))


def _progressed(event_id: UUID, recorded_at: datetime, data: dict[str, Any]) -> Heard:
    found = TaskProgressedV1.model_validate(data)
    return ProgressHeard(event_id, recorded_at, found.task_id, found.version)


def _completed(event_id: UUID, recorded_at: datetime, data: dict[str, Any]) -> Heard:
    found = TaskCompletedV1.model_validate(data)
    return CompletionHeard(
        event_id,
        recorded_at,
        found.task_id,
        found.version,
        found.completion_id,
        found.completed_on,
        _evidence(found.evidence),
    )


def _evidence(found: Iterable[EvidenceV1]) -> tuple[EvidenceFact, ...]:
    return tuple(
        EvidenceFact(
            document.number, document.issued_on, document.issuer, document.title, document.url, document.sha256
        )
        for document in found
    )


_Verdict = type[CompletionConfirmedV1] | type[CompletionReturnedV1] | type[TaskReopenedV1]
_Reader = Callable[[UUID, datetime, dict[str, Any]], Heard]


def _verdict(contract: _Verdict, verdict: CompletionState) -> _Reader:
    def read(event_id: UUID, recorded_at: datetime, data: dict[str, Any]) -> Heard:
        found = contract.model_validate(data)
        return VerdictHeard(event_id, recorded_at, found.task_id, found.version, found.completion_id, verdict)

    return read


_READERS: dict[str, _Reader] = {
    PlanIssuedV1.event_type: _plan_issued,
    TaskProgressedV1.event_type: _progressed,
    TaskCompletedV1.event_type: _completed,
    CompletionConfirmedV1.event_type: _verdict(CompletionConfirmedV1, CompletionState.CONFIRMED),
    CompletionReturnedV1.event_type: _verdict(CompletionReturnedV1, CompletionState.RETURNED),
    TaskReopenedV1.event_type: _verdict(TaskReopenedV1, CompletionState.REOPENED),
}
"""Published type -> how its rows are read."""
