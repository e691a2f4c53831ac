"""Read side: plain SQL that returns the shapes of the answers."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.plans.adapters.tables import (
    access_key_grants,
    plan_task_progress,
    plan_tasks,
    plans,
    programme_fields,
    programmes,
    units,
)
from services.plans.domain.access import Scope
from services.plans.domain.errors import PlanNotFound, UnitNotFound
from services.plans.domain.unit import UnitKind
from shared.database.engine import DriverConnections
from shared.database.tables import access_keys
from shared.text import fold

_UNIT_COLUMNS = (
    units.c.code,
    units.c.name,
    units.c.kind,
    units.c.parent,
    units.c.valid_from,
    units.c.valid_to,
    units.c.successors,
    units.c.aliases,
    units.c.version,
)

PLAN_DOCUMENT = """
SELECT p.version, json_build_object(
    'id', p.id,
    'unit', json_build_object('code', p.unit, 'name', p.unit_name, 'kind', p.unit_kind),
    'year', p.year, 'title', p.title, 'programme', p.programme,
    'fields', (
        SELECT json_agg(json_build_object('code', f.code, 'name', f.name) ORDER BY f.position)
        FROM programme_fields f WHERE f.programme = p.programme),
    'state', p.state, 'counts_when', p.counts_when, 'evidence_required', p.evidence_required,
    'document', CASE WHEN p.document_number IS NOT NULL THEN json_build_object(
        'number', p.document_number, 'issued_on', p.document_issued_on, 'signed_by', p.document_signed_by) END,
    'issued_at', p.issued_at, 'version', p.version,
    'progress', json_build_object('total', t.total, 'done', t.done),
    'tasks', t.tasks)::text AS document
FROM plans p
JOIN units u ON u.code = p.unit
LEFT JOIN units own ON own.code = $2::text
CROSS JOIN LATERAL (
    SELECT count(*) AS total,
        count(*) FILTER (WHERE g.state = 'confirmed' OR g.state = 'reported' AND p.counts_when = 'reported') AS done,
        coalesce(json_agg(json_build_object(
            'id', k.id, 'code', k.code, 'number', k.number, 'field', k.field, 'group', k.group_title,
            'title', k.title, 'deliverable', k.deliverable, 'note', k.note,
            'lead_units', coalesce(d.leads, '[]'), 'coordinating_units', coalesce(d.coordinators, '[]'),
            'deadline', json_build_object('phrase', k.deadline_phrase, 'kind', k.deadline_kind,
                'date', k.deadline_date, 'dates', k.deadline_dates)) ORDER BY k.position), '[]') AS tasks
    FROM plan_tasks k
    LEFT JOIN plan_task_progress g ON g.task_id = k.id
    LEFT JOIN LATERAL (
        SELECT json_agg(json_build_object('code', n.unit, 'name', n.name, 'kind', n.kind) ORDER BY n.position)
                FILTER (WHERE n.duty = 'lead') AS leads,
            json_agg(json_build_object('code', n.unit, 'name', n.name) ORDER BY n.position)
                FILTER (WHERE n.duty = 'coordinating') AS coordinators
        FROM plan_task_units n WHERE n.task_id = k.id) d ON true
    WHERE k.plan_id = p.id) t
WHERE p.id = $1 AND (
    $2::text IS NULL OR starts_with(u.path, own.path)
    OR $3::boolean AND p.state <> 'draft' AND starts_with(own.path, u.path))
"""
"""Of the plan $1, for who belongs to the unit $2 and, if $3, reads the issued plans of the units above it."""


@dataclass(frozen=True)
class UnitFilter:
    """Which units are asked for; `search` finds names and codes without marks and case."""

    search: str | None = None
    kind: UnitKind | None = None
    parent: str | None = None


@dataclass(frozen=True)
class PlanFilter:
    """Which plans are asked for."""

    unit: str | None = None
    year: int | None = None


PlanPosition = tuple[int, str]
"""Year and id of the last plan of a page."""


async def list_units(
    engine: AsyncEngine, wanted: UnitFilter, *, after: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """Return a page of units by code, and the code after which the next page begins."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.search:
        conditions.append(_found(fold(wanted.search)))
    if wanted.kind:
        conditions.append(units.c.kind == wanted.kind.value)
    if wanted.parent:
        conditions.append(units.c.parent == wanted.parent)
    if after is not None:
        conditions.append(units.c.code > after)
    statement = select(*_UNIT_COLUMNS).where(and_(True, *conditions)).order_by(units.c.code).limit(limit + 1)
    async with _reading(engine) as connection:
        rows = (await connection.execute(statement)).mappings().all()
    items = [_plain(row) for row in rows[:limit]]
    return items, items[-1]["code"] if len(rows) > limit else None


async def get_unit(engine: AsyncEngine, code: str) -> dict[str, Any]:
    """Return one unit.

    Raises:
        UnitNotFound: there is none.
    """
    async with _reading(engine) as connection:
        row = (await connection.execute(select(*_UNIT_COLUMNS).where(units.c.code == code))).mappings().one_or_none()
    if row is None:
        raise UnitNotFound(code)
    return _plain(row)


async def list_programmes(engine: AsyncEngine) -> list[dict[str, Any]]:
    """Return every programme with its fields, the newest first."""
    async with _reading(engine) as connection:
        found = (await connection.execute(select(programmes).order_by(programmes.c.from_year.desc()))).all()
        fields = (await connection.execute(select(programme_fields).order_by(programme_fields.c.position))).all()
    return [
        {
            "code": programme.code,
            "name": programme.name,
            "from_year": programme.from_year,
            "to_year": programme.to_year,
            "fields": [{"code": one.code, "name": one.name} for one in fields if one.programme == programme.code],
        }
        for programme in found
    ]


async def list_plans(
    engine: AsyncEngine, scope: Scope, wanted: PlanFilter, *, after: PlanPosition | None, limit: int
) -> tuple[list[dict[str, Any]], PlanPosition | None]:
    """Return a page of the plans that the caller may see, the latest year first, with their progress."""
    conditions: list[ColumnElement[bool]] = [_visible(scope)]
    if wanted.unit:
        conditions.append(plans.c.unit == wanted.unit)
    if wanted.year is not None:
        conditions.append(plans.c.year == wanted.year)
    if after is not None:
        year, last = after
        conditions.append(tuple_(-plans.c.year, plans.c.id) > tuple_(-year, UUID(last)))
    counted = (plan_task_progress.c.state == "confirmed") | (
        (plan_task_progress.c.state == "reported") & (plans.c.counts_when == "reported")
    )
    tasks = plan_tasks.outerjoin(plan_task_progress, plan_task_progress.c.task_id == plan_tasks.c.id)
    mine = plan_tasks.c.plan_id == plans.c.id
    total = select(func.count()).select_from(plan_tasks).where(mine).correlate(plans).scalar_subquery()
    done = select(func.count()).select_from(tasks).where(mine, counted).correlate(plans).scalar_subquery()
    statement = (
        select(plans, total.label("total"), done.label("done"))
        .join(units, units.c.code == plans.c.unit)
        .where(*conditions)
        .order_by(plans.c.year.desc(), plans.c.id)
        .limit(limit + 1)
    )
    async with _reading(engine) as connection:
        rows = (await connection.execute(statement)).all()
    items = [_plan_line(row) for row in rows[:limit]]
    return items, (items[-1]["year"], items[-1]["id"]) if len(rows) > limit else None


async def get_plan(connections: DriverConnections, scope: Scope, plan_id: UUID) -> tuple[str, int]:
    """Return the plan with progress and tasks as a JSON text, and its version. One statement makes the document.

    Raises:
        PlanNotFound: there is none, or not one that the caller may see.
    """
    rows = await connections.read(PLAN_DOCUMENT, plan_id, scope.unit, scope.reads_above)
    if not rows:
        raise PlanNotFound(plan_id)
    return rows[0]["document"], rows[0]["version"]


async def list_access_keys(
    engine: AsyncEngine, scope: Scope, *, unit: str | None, after: UUID | None, limit: int
) -> tuple[list[dict[str, Any]], UUID | None]:
    """Return a page of the keys of the caller's units, the oldest first, and the id after which the next begins."""
    conditions: list[ColumnElement[bool]] = []
    if scope.unit is not None:
        own = units.alias("own")
        path = select(own.c.path).where(own.c.code == scope.unit).scalar_subquery()
        conditions.append(func.starts_with(units.c.path, path))
    if unit:
        conditions.append(access_keys.c.unit == unit)
    if after is not None:
        conditions.append(access_keys.c.id > after)
    statement = (
        select(access_keys, access_key_grants)
        .join(access_key_grants, access_key_grants.c.key_id == access_keys.c.id)
        .join(units, units.c.code == access_keys.c.unit)
        .where(and_(True, *conditions))
        .order_by(access_keys.c.id)
        .limit(limit + 1)
    )
    async with _reading(engine) as connection:
        rows = (await connection.execute(statement)).all()
    items = [
        {
            "id": str(row.id),
            "name": row.name,
            "unit": row.unit,
            "verbs": list(row.verbs),
            "expires_at": row.expires_at.isoformat(),
            "created_at": row.created_at.isoformat(),
            "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
            "last_used_on": row.used_on.isoformat() if row.used_on else None,
        }
        for row in rows[:limit]
    ]
    return items, rows[limit - 1].id if len(rows) > limit else None


def _reading(engine: AsyncEngine) -> AsyncConnection:
    """Return a connection on which each statement stands alone, without BEGIN and ROLLBACK around it."""
    return engine.execution_options(isolation_level="AUTOCOMMIT").connect()


def _found(wanted: str) -> ColumnElement[bool]:
    return units.c.name_folded.contains(wanted, autoescape=True) | func.lower(units.c.code).contains(
        wanted, autoescape=True
    )


def _visible(scope: Scope) -> ColumnElement[bool]:
    if scope.unit is None:
        return units.c.path.is_not(None)
    own = units.alias("own")
    path = select(own.c.path).where(own.c.code == scope.unit).scalar_subquery()
    within = func.starts_with(units.c.path, path)
    return within | (func.starts_with(path, units.c.path) & (plans.c.state != "draft")) if scope.reads_above else within


def _plain(row: Any) -> dict[str, Any]:  # noqa: ANN401 -- a row mapping
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}


def _plan_line(row: Any) -> dict[str, Any]:  # noqa: ANN401 -- a row
    document = None
    if row.document_number is not None:
        document = {
            "number": row.document_number,
            "issued_on": row.document_issued_on.isoformat(),
            "signed_by": row.document_signed_by,
        }
    return {
        "id": str(row.id),
        "unit": {"code": row.unit, "name": row.unit_name, "kind": row.unit_kind},
        "year": row.year,
        "title": row.title,
        "programme": row.programme,
        "state": row.state,
        "counts_when": row.counts_when,
        "evidence_required": row.evidence_required,
        "document": document,
        "issued_at": row.issued_at.isoformat() if row.issued_at else None,
        "version": row.version,
        "progress": {"total": row.total, "done": row.done},
    }
