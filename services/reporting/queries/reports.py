"""Reports and what stands behind their figures."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, and_, false, or_, select, true

from services.reporting.adapters.ledger import SqlLedger
from services.reporting.adapters.plans import SqlPlans
from services.reporting.adapters.reports import to_report
from services.reporting.adapters.tables import report_documents, reports
from services.reporting.domain.content import report_answer
from services.reporting.domain.counting import figures
from services.reporting.domain.errata import errata
from services.reporting.domain.errors import FormatNotAvailable, ReportNotFound
from services.reporting.domain.explanation import explain
from services.reporting.domain.method import Rounding
from services.reporting.domain.presentation import Answer, tasks_answer
from services.reporting.domain.report import Report, ReportState
from services.reporting.domain.sight import Sight, Viewer
from services.reporting.handlers import Desk, compose, sight_of
from services.reporting.ports import FORMATS
from services.reporting.queries.engine import Engine


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
