"""Reports: draft, edit, issue.

Of two equal requests the second waits for the lock on the report and then finds the first's answer or its effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from services.reporting.domain.content import Letterhead, content, report_answer
from services.reporting.domain.errors import CorrectedReportNotIssued, PlanNotFound, ReportNotFound
from services.reporting.domain.facts import DocumentFact
from services.reporting.domain.method import Method
from services.reporting.domain.periods import Period
from services.reporting.domain.presentation import Answer
from services.reporting.domain.report import Report
from services.reporting.handlers.desk import Ask, Desk, keep, run, sight_of
from services.reporting.ports import FORMATS, FrozenReport, LedgerReading, ReportingUnitOfWork
from shared.database.idempotency import StoredAnswer

OK, CREATED = 200, 201


@dataclass(frozen=True)
class Draft:
    """What a new report is to be about."""

    plan_id: UUID
    period: Period
    method: Method
    session_id: UUID | None = None
    corrects: UUID | None = None


async def create_report(desk: Desk, ask: Ask, draft: Draft) -> StoredAnswer:
    """Make a draft; answers with the report.

    Raises:
        PlanNotFound: the plan was not heard of, or is out of sight.
        CorrectedReportNotIssued: `corrects` names no issued report of the plan.
    """

    async def use(work: ReportingUnitOfWork) -> StoredAnswer:
        plan = await work.plans.find(draft.plan_id)
        if plan is None or not (await sight_of(work.plans, ask.viewer)).sees_fully(plan.unit_code):
            raise PlanNotFound
        corrected = await work.reports.corrected(draft.corrects)
        if draft.corrects is not None and (corrected is None or corrected.plan_id != str(plan.id)):
            raise CorrectedReportNotIssued
        earlier = await work.answers.find(ask.request)
        if earlier is not None:
            return earlier
        report = Report(
            id=desk.ids.new(),
            plan_id=plan.id,
            unit_code=plan.unit_code,
            period=draft.period,
            method=draft.method,
            created_by=ask.viewer.subject,
            created_at=desk.clock.now(),
            corrects=draft.corrects,
            session_id=draft.session_id,
        )
        await work.reports.add(report)
        return await keep(work, ask, StoredAnswer(CREATED, report_answer(report)))

    return await run(desk, use)


async def edit_report(desk: Desk, ask: Ask, report_id: UUID, sections: Mapping[str, str]) -> StoredAnswer:
    """Replace the named narrative sections of a draft; answers with the report."""

    async def use(work: ReportingUnitOfWork) -> StoredAnswer:
        report = await _load(work, ask, report_id)
        earlier = await work.answers.find(ask.request)
        if earlier is not None:
            return earlier
        report.edit(sections, expected_version=ask.expected_version)
        await work.reports.save(report)
        return await keep(work, ask, StoredAnswer(OK, report_answer(report)))

    return await run(desk, use)


async def issue_report(
    desk: Desk, ask: Ask, report_id: UUID, document: DocumentFact, signature: tuple[str, ...]
) -> StoredAnswer:
    """Freeze figures and documents under a number and tell the others; answers with the report.

    State, documents, event and answer are one transaction: after a crash all of them are there, or none.
    """

    async def use(work: ReportingUnitOfWork) -> StoredAnswer:
        report = await _load(work, ask, report_id)
        earlier = await work.answers.find(ask.request)
        if earlier is not None:
            return earlier
        moment = desk.clock.now()
        report.issue_as(
            document,
            signature=signature or desk.office.signature,
            at=moment,
            by=ask.viewer.subject,
            expected_version=ask.expected_version,
        )
        said, reading = await compose(desk, work, report, moment)
        documents = {name: await desk.renderer.render(said, name) for name in FORMATS}
        digests = {name: sha256(body).hexdigest() for name, body in documents.items()}
        await work.reports.freeze(report, FrozenReport(said, documents, digests, reading.position))
        whole = said["figures"]
        await work.announcements.add(report.issued_event(total=whole["total"], done=whole["done"], sha256=digests))
        return await keep(work, ask, StoredAnswer(OK, report_answer(report, sha256=digests)))

    return await run(desk, use)


async def compose(
    desk: Desk, work: ReportingUnitOfWork, report: Report, as_of: datetime | None
) -> tuple[Answer, LedgerReading]:
    """Return what a report says at a moment, and the reading of the ledger that it was made from.

    A draft has no moment of its own: it says what the newest event heard says (`as_of` None), so that the same place in
    the ledger gives the same draft.

    Raises:
        PlanNotFound: the ledger does not hold the plan.
    """
    reading = await work.ledger.read(report.plan_id, as_of or desk.clock.now())
    plan = reading.known.plan
    if plan is None or reading.last_time is None:
        raise PlanNotFound
    office = desk.office
    letterhead = Letterhead(
        issuer=office.issuer or plan.unit.name,
        parent=office.parent or await work.plans.parent_name(plan.unit.code),
        place=office.place,
        signature=office.signature,
        recipients=office.recipients,
    )
    corrected = await work.reports.corrected(report.corrects)
    said = content(
        report,
        reading.known,
        as_of=as_of or reading.last_time,
        letterhead=letterhead,
        rule=desk.rule,
        corrected=corrected,
    )
    return said, reading


async def _load(work: ReportingUnitOfWork, ask: Ask, report_id: UUID) -> Report:
    report = await work.reports.load(report_id)
    if report is None or not (await sight_of(work.plans, ask.viewer)).sees_fully(report.unit_code):
        raise ReportNotFound
    return report
