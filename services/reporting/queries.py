"""Read side: figures, reports and what stands behind them, as this caller may see them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, and_, false, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.reporting.adapters.ledger import SqlLedger
from services.reporting.adapters.plans import SqlPlans
from services.reporting.adapters.reports import to_report
from services.reporting.adapters.tables import report_documents, reports
from services.reporting.domain.content import report_answer
from services.reporting.domain.counting import before_known, figures
from services.reporting.domain.errata import errata
from services.reporting.domain.errors import AsOfInTheFuture, FormatNotAvailable, PlanNotFound, ReportNotFound
from services.reporting.domain.explanation import explain
from services.reporting.domain.method import Method, Rounding
from services.reporting.domain.presentation import Answer, figures_answer, tasks_answer
from services.reporting.domain.report import Report, ReportState
from services.reporting.domain.sight import Sight, Viewer
from services.reporting.handlers import Desk, compose, sight_of
from services.reporting.ports import FORMATS
from shared.database.tables import consumer_progress

Engine = AsyncEngine

GROUP = "reporting"
"""The consumer group whose lag tells how far behind the figures are."""


@dataclass(frozen=True)
class Question:
    """Which figures: at the end of the day `cutoff`, as known at `as_of`."""

    cutoff: date
    as_of: datetime
    method: Method


async def progress(engine: Engine, desk: Desk, viewer: Viewer, plan_id: UUID, asked: Question) -> Answer:
    """Return a plan's figures. Before anything was known of the plan they are zeros.

    Raises:
        PlanNotFound: the plan was not heard of, or is out of sight.
        AsOfInTheFuture: `as_of` is later than now.
    """
    now = desk.clock.now()
    if asked.as_of > now:
        raise AsOfInTheFuture
    async with engine.connect() as connection:
        plans = SqlPlans(connection)
        entry = await plans.find(plan_id)
        seen = await sight_of(plans, viewer)
        if entry is None or not seen.sees(entry.unit_code):
            raise PlanNotFound
        ledger = SqlLedger(connection)
        known = (await ledger.read(plan_id, asked.as_of)).known
        plan = known.plan
        if plan is None:
            later = (await ledger.read(plan_id, now)).known.plan
            if later is None:
                raise PlanNotFound
            plan = before_known(later)
        behind = await behind_seconds(connection, now)
    found = figures(plan, known, asked.cutoff, asked.method)
    return {
        "plan": {"id": str(plan_id), "title": entry.title, "unit": entry.unit_code, "year": entry.year},
        **figures_answer(found, desk.rule, seen.rows_of(entry.unit_code)),
        "as_of": asked.as_of.isoformat(),
        "behind_seconds": behind,
    }


async def behind_seconds(connection: AsyncConnection, now: datetime) -> float | None:
    """Return how old the figures may be: since when the event log has not been seen read to its end.

    Without lag it is the time since the worker last looked, with lag the age of the last event taken in; the worst
    partition counts. None: the worker has never looked, or has not taken in anything yet.
    """
    found = consumer_progress.c
    rows = await connection.execute(
        select(found.lag, found.last_event_time, found.checked_at).where(found.consumer_group == GROUP)
    )
    ages: list[float] = []
    for row in rows:
        since = row.checked_at if row.lag == 0 else row.last_event_time
        if since is None:
            return None
        ages.append(max(0.0, (now - since).total_seconds()))
    return round(max(ages), 3) if ages else None


@dataclass(frozen=True)
class ReportFilter:
    """Which reports to list; None means any."""

    plan_id: UUID | None = None
    state: ReportState | None = None


async def list_reports(
    engine: Engine, viewer: Viewer, wanted: ReportFilter, *, before: UUID | None, limit: int
) -> tuple[list[Answer], UUID | None]:
    """Return reports, newest first, without their figures, and where the next page begins."""
    async with engine.connect() as connection:
        seen = await sight_of(SqlPlans(connection), viewer)
        statement = _seen_reports(seen).order_by(reports.c.id.desc()).limit(limit + 1)
        if wanted.plan_id is not None:
            statement = statement.where(reports.c.plan_id == wanted.plan_id)
        if wanted.state is not None:
            statement = statement.where(reports.c.state == wanted.state.value)
        if before is not None:
            statement = statement.where(reports.c.id < before)
        rows = (await connection.execute(statement)).all()
    page = [report_answer(to_report(row), sha256=row.sha256) for row in rows[:limit]]
    return page, rows[limit - 1].id if len(rows) > limit else None


async def get_report(engine: Engine, desk: Desk, viewer: Viewer, report_id: UUID) -> Answer:
    """Return a report with figures and tasks: a draft's live, an issue's frozen with its errata.

    Raises:
        ReportNotFound: there is none, or it is out of sight.
    """
    row, report = await _find(engine, viewer, report_id)
    said = row.frozen or await _live(desk, report)
    late = [] if row.frozen is None else await _errata(engine, desk, report, row.frozen)
    return {
        **report_answer(report, sha256=row.sha256),
        "as_of": said["as_of"],
        "plan": said["plan"],
        "figures": said["figures"],
        "tasks": said["tasks"],
        "errata": late,
    }


async def explain_figure(engine: Engine, desk: Desk, viewer: Viewer, report_id: UUID, figure_id: str) -> Answer:
    """Return what stands behind a figure of a report.

    Raises:
        ReportNotFound: there is none, or it is out of sight.
        FigureNotFound: it has no such figure.
    """
    row, report = await _find(engine, viewer, report_id)
    said = row.frozen or await _live(desk, report)
    return explain(said["tasks"], figure_id, Rounding(report.method.rounding))


@dataclass(frozen=True)
class DocumentFile:
    """A report as a file; `sha256` only for the frozen bytes of an issue."""

    body: bytes
    format: str
    sha256: str | None


async def get_document(engine: Engine, desk: Desk, viewer: Viewer, report_id: UUID, file_format: str) -> DocumentFile:
    """Return a report's document: an issue's frozen bytes, or a draft made now and marked as one.

    Raises:
        ReportNotFound: there is none, or it is out of sight.
        FormatNotAvailable: reports are not made in this format.
    """
    _, report = await _find(engine, viewer, report_id)
    if file_format not in FORMATS:
        raise FormatNotAvailable(file_format, FORMATS)
    if report.state is ReportState.DRAFT:
        body = await desk.renderer.render(await _live(desk, report), file_format)
        return DocumentFile(body, file_format, None)
    found = report_documents.c
    statement = select(found.bytes, found.sha256).where(found.report_id == report.id, found.format == file_format)
    async with engine.connect() as connection:
        row = (await connection.execute(statement)).one()
    return DocumentFile(row.bytes, file_format, row.sha256)


async def _find(engine: Engine, viewer: Viewer, report_id: UUID) -> tuple[Row[Any], Report]:
    async with engine.connect() as connection:
        seen = await sight_of(SqlPlans(connection), viewer)
        row = (await connection.execute(_seen_reports(seen).where(reports.c.id == report_id))).one_or_none()
    if row is None:
        raise ReportNotFound
    return row, to_report(row)


def _seen_reports(seen: Sight) -> Select[Any]:
    """Reports within sight: everything of plans seen fully, issued ones of plans seen in part."""
    unit, issued = reports.c.unit_code, reports.c.state == ReportState.ISSUED.value
    fully = true() if seen.full is None else unit.in_(seen.full) if seen.full else false()
    partly = and_(issued, unit.in_(seen.partial)) if seen.partial else false()
    return select(reports).where(or_(fully, partly))


async def _live(desk: Desk, report: Report) -> Answer:
    async with desk.unit_of_work() as work:
        said, _ = await compose(desk, work, report, None)
        return said


async def _errata(engine: Engine, desk: Desk, report: Report, frozen: Answer) -> list[Answer]:
    async with engine.connect() as connection:
        known = (await SqlLedger(connection).read(report.plan_id, desk.clock.now())).known
    if known.plan is None:
        return []
    found = figures(known.plan, known, report.period.to, report.method)
    return errata(frozen, {"tasks": tasks_answer(found)})
