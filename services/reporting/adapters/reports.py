"""Reports in PostgreSQL: a draft is a row; an issue is that row completed, its documents and its hash, for ever."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.adapters.tables import report_documents, reports
from services.reporting.adapters.violations import violated
from services.reporting.domain.content import CorrectedReport
from services.reporting.domain.errors import ReportNumberTaken
from services.reporting.domain.facts import DocumentFact
from services.reporting.domain.method import Method, Rounding, StandingTasks
from services.reporting.domain.periods import Period
from services.reporting.domain.report import Issue, Narrative, Report, ReportState
from services.reporting.ports import FrozenReport


def to_report(row: Row[Any]) -> Report:
    """Build the report of a row."""
    issue = None
    if row.state == ReportState.ISSUED:
        document = DocumentFact(row.number, row.issued_on, row.signed_by)
        issue = Issue(document, tuple(row.signature), row.issued_at, row.issued_by, row.as_of)
    return Report(
        id=row.id,
        plan_id=row.plan_id,
        unit_code=row.unit_code,
        period=Period(row.period_name, row.period_name, row.period_from, row.period_to),
        method=Method(StandingTasks(row.standing_tasks), Rounding(row.rounding)),
        created_by=row.created_by,
        created_at=row.created_at,
        corrects=row.corrects,
        session_id=row.session_id,
        narrative=Narrative(**row.narrative),
        version=row.version,
        issue=issue,
    )


class SqlReports:
    """Writes and locks reports on the connection of a transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, report: Report) -> None:
        """Write a new draft."""
        await self._connection.execute(
            insert(reports).values(
                id=report.id,
                plan_id=report.plan_id,
                unit_code=report.unit_code,
                state=report.state.value,
                version=report.version,
                period_name=report.period.name,
                period_from=report.period.from_,
                period_to=report.period.to,
                standing_tasks=report.method.standing_tasks.value,
                rounding=report.method.rounding.value,
                narrative=asdict(report.narrative),
                corrects=report.corrects,
                session_id=report.session_id,
                created_by=report.created_by,
                created_at=report.created_at,
            )
        )

    async def load(self, report_id: UUID) -> Report | None:
        """Lock the report until the end of the transaction and return it."""
        statement = select(reports).where(reports.c.id == report_id).with_for_update()
        row = (await self._connection.execute(statement)).one_or_none()
        return None if row is None else to_report(row)

    async def save(self, report: Report) -> None:
        """Write a draft's sections and version."""
        values = {"narrative": asdict(report.narrative), "version": report.version}
        await self._connection.execute(update(reports).where(reports.c.id == report.id).values(values))

    async def freeze(self, report: Report, frozen: FrozenReport) -> None:
        """Write the documents, then the issue that closes them in.

        Raises:
            ReportNumberTaken: another report of the unit has the number in the same year.
        """
        issue = report.issue
        if issue is None:
            raise ValueError("only an issued report is frozen")
        rows = [
            {"report_id": report.id, "format": name, "bytes": body, "sha256": frozen.sha256[name]}
            for name, body in frozen.documents.items()
        ]
        await self._connection.execute(insert(report_documents), rows)
        values = {
            "state": report.state.value,
            "version": report.version,
            "number": issue.document.number,
            "issued_on": issue.document.issued_on,
            "issue_year": issue.document.issued_on.year,
            "signed_by": issue.document.signed_by,
            "signature": list(issue.signature),
            "issued_at": issue.issued_at,
            "issued_by": issue.issued_by,
            "as_of": issue.as_of,
            "ledger_position": frozen.ledger_position,
            "frozen": frozen.content,
            "sha256": frozen.sha256,
        }
        try:
            await self._connection.execute(update(reports).where(reports.c.id == report.id).values(values))
        except IntegrityError as error:
            if violated(error) == "uq_reports_number":
                raise ReportNumberTaken from error
            raise

    async def corrected(self, report_id: UUID | None) -> CorrectedReport | None:
        """Return the issue that a report corrects; None for a draft or an unknown one."""
        if report_id is None:
            return None
        found = reports.c
        statement = select(found.id, found.plan_id, found.number, found.issued_on).where(
            found.id == report_id, found.state == ReportState.ISSUED.value
        )
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            return None
        return CorrectedReport(str(row.id), str(row.plan_id), row.number, row.issued_on.isoformat())
