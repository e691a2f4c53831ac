"""How units, plans and access keys look in answers; queries.py makes the same in SQL, held together by a test."""

from datetime import UTC
from typing import Any

from services.plans.domain.access_key import Grant
from services.plans.domain.deadline import Deadline
from services.plans.domain.plan import Plan, PlanTask, UnitName
from services.plans.domain.programme import Programme
from services.plans.domain.unit import Unit


def unit_portrait(unit: Unit) -> dict[str, Any]:
    """Return the unit."""
    return {
        "code": unit.code,
        "name": unit.name,
        "kind": unit.kind.value,
        "parent": unit.parent,
        "valid_from": unit.valid_from.isoformat() if unit.valid_from else None,
        "valid_to": unit.valid_to.isoformat() if unit.valid_to else None,
        "successors": list(unit.successors),
        "aliases": list(unit.aliases),
        "version": unit.version,
    }


def plan_portrait(plan: Plan, programme: Programme, *, done: int = 0) -> dict[str, Any]:
    """Return the plan with its tasks and progress."""
    document = plan.document
    return {
        "id": str(plan.id),
        "unit": _unit_name(plan.unit),
        "year": plan.year,
        "title": plan.title,
        "programme": plan.programme,
        "fields": [{"code": field.code, "name": field.name} for field in programme.fields],
        "state": plan.state.value,
        "counts_when": plan.counts_when.value,
        "evidence_required": plan.evidence_required,
        "document": None
        if document is None
        else {
            "number": document.number,
            "issued_on": document.issued_on.isoformat(),
            "signed_by": document.signed_by,
        },
        "issued_at": plan.issued_at.isoformat() if plan.issued_at else None,
        "version": plan.version,
        "progress": {"total": len(plan.tasks), "done": done},
        "tasks": [task_portrait(task) for task in plan.tasks],
    }


def access_key_portrait(grant: Grant) -> dict[str, Any]:
    """Return what may be told of a key, which is all but the key."""
    key = grant.key
    return {
        "id": str(key.id),
        "name": grant.name,
        "unit": key.unit,
        "verbs": sorted(verb.value for verb in key.verbs),
        "expires_at": key.expires_at.astimezone(UTC).isoformat(),
        "created_at": grant.created_at.isoformat(),
        "revoked_at": grant.revoked_at.isoformat() if grant.revoked_at else None,
        "last_used_on": key.used_on.isoformat() if key.used_on else None,
    }


def task_portrait(task: PlanTask) -> dict[str, Any]:
    """Return one task."""
    return {
        "id": str(task.id),
        "code": task.code,
        "number": task.number,
        "field": task.field,
        "group": task.group,
        "title": task.title,
        "deliverable": task.deliverable,
        "note": task.note,
        "lead_units": [_unit_name(unit) for unit in task.lead_units],
        "coordinating_units": [{"code": unit.code, "name": unit.name} for unit in task.coordinating_units],
        "deadline": _deadline(task.deadline),
    }


def _unit_name(unit: UnitName) -> dict[str, str]:
    return {"code": unit.code, "name": unit.name, "kind": unit.kind.value}


def _deadline(deadline: Deadline) -> dict[str, Any]:
    return {
        "phrase": deadline.phrase,
        "kind": deadline.kind.value,
        "date": deadline.date.isoformat() if deadline.date else None,
        "dates": [day.isoformat() for day in deadline.dates],
    }
