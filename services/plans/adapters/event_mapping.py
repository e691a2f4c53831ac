"""Inside events into the published contracts of shared/contracts/plans and access_keys."""

from datetime import UTC

from services.plans.domain.events import AccessKeyChanged, Happened, PlanIssued, UnitChanged
from services.plans.domain.plan import PlanTask, UnitName
from shared.contracts import plans as published
from shared.contracts.access_keys import AccessKeyChangedV1, KeyVerb
from shared.contracts.envelope import Contract
from shared.messaging.outbox import Outbox


class OutboxEvents:
    """Writes inside events into the outbox as published ones."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def add(self, happened: Happened) -> None:
        data, subject, key = to_published(happened)
        await self._outbox.add(data, subject=subject, key=key, time=happened.at)


def to_published(happened: Happened) -> tuple[Contract, str, str]:
    """Return the contract, its subject and its partition key: of units the root of their tree, else the subject."""
    if isinstance(happened, AccessKeyChanged):
        return _access_key_changed(happened), str(happened.key.id), str(happened.key.id)
    if isinstance(happened, UnitChanged):
        return _unit_changed(happened), happened.unit.code, happened.root
    return _plan_issued(happened), str(happened.plan.id), str(happened.plan.id)


def _unit_changed(happened: UnitChanged) -> published.UnitChangedV1:
    unit = happened.unit
    return published.UnitChangedV1(
        code=unit.code,
        version=unit.version,
        name=unit.name,
        kind=published.UnitKind(unit.kind.value),
        parent=unit.parent,
        valid_from=unit.valid_from,
        valid_to=unit.valid_to,
        successors=unit.successors,
    )


def _access_key_changed(happened: AccessKeyChanged) -> AccessKeyChangedV1:
    key = happened.key
    return AccessKeyChangedV1(
        key_id=key.id,
        version=key.version,
        sha256=key.sha256.hex(),
        unit=key.unit,
        verbs=tuple(sorted(KeyVerb(verb.value) for verb in key.verbs)),
        expires_at=key.expires_at.astimezone(UTC),
        revoked=key.revoked,
    )


def _plan_issued(happened: PlanIssued) -> published.PlanIssuedV1:
    plan, document = happened.plan, happened.plan.document
    if document is None or plan.issued_at is None:
        raise ValueError("an issued plan has a document")
    return published.PlanIssuedV1(
        plan_id=plan.id,
        version=plan.version,
        unit=_unit(plan.unit),
        year=plan.year,
        title=plan.title,
        programme=happened.programme.code,
        fields=tuple(published.ProgrammeField(code=one.code, name=one.name) for one in happened.programme.fields),
        counts_when=published.CountsWhen(plan.counts_when.value),
        evidence_required=plan.evidence_required,
        document=published.DocumentV1(
            number=document.number, issued_on=document.issued_on, signed_by=document.signed_by
        ),
        issued_at=plan.issued_at,
        tasks=tuple(_task(task) for task in plan.tasks),
    )


def _unit(unit: UnitName) -> published.UnitRef:
    return published.UnitRef(code=unit.code, name=unit.name, kind=published.UnitKind(unit.kind.value))


def _task(task: PlanTask) -> published.PlanTaskV1:
    deadline = task.deadline
    return published.PlanTaskV1(
        id=task.id,
        code=task.code,
        number=task.number,
        field=task.field,
        group=task.group,
        title=task.title,
        deliverable=task.deliverable,
        lead_units=tuple(_unit(unit) for unit in task.lead_units),
        coordinating_units=tuple(
            published.CoordinatingUnit(code=unit.code, name=unit.name) for unit in task.coordinating_units
        ),
        deadline=published.DeadlineV1(
            phrase=deadline.phrase,
            kind=published.DeadlineKind(deadline.kind.value),
            date=deadline.date,
            dates=deadline.dates,
        ),
        note=task.note,
    )
