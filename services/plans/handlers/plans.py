"""Plans: import, issue; what is heard of their completions."""

import asyncio
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from services.plans.domain.access import may_act, may_read_plan
from services.plans.domain.errors import (
    FileRefused,
    ImportRefused,
    Issue,
    PlanNotFound,
    ProgrammeNotFound,
    TaskUnknown,
    UnitOutsideCallersUnits,
)
from services.plans.domain.events import PlanIssued
from services.plans.domain.plan import CompletionState, CountsWhen, Document, Plan, UnitName
from services.plans.domain.plan_import import Imported, ImportRules, UnknownUnits, read_plan
from services.plans.domain.plan_table import FileRow
from services.plans.domain.portrait import plan_portrait, task_portrait
from services.plans.domain.programme import Programme
from services.plans.domain.unit import Unit
from services.plans.domain.unit_directory import UnitDirectory
from services.plans.handlers.desk import CREATED, OK, Ask, Desk
from services.plans.handlers.units import own_unit, save_unit
from services.plans.ports import PlansUnitOfWork, ProgressRepository
from shared.database.idempotency import StoredAnswer


@dataclass(frozen=True)
class PlanFile:
    """A plan table to be imported, and what the file itself does not say."""

    content: bytes
    unit: str
    year: int
    title: str
    programme: str
    unknown_units: UnknownUnits = UnknownUnits.REFUSE
    counts_when: CountsWhen = CountsWhen.CONFIRMED
    evidence_required: bool = True


async def import_plan(desk: Desk, ask: Ask, file: PlanFile, *, dry_run: bool) -> StoredAnswer:
    """Read a plan table and store it as a draft with all its tasks; with `dry_run` only say what would be stored.

    Raises:
        ImportRefused: the file has errors; nothing is stored.
        UnitNotFound, UnitOutsideCallersUnits, ProgrammeNotFound: whose plan it would be.
    """
    rows = await _read_rows(desk, file.content)
    async with desk.unit_of_work() as work:
        if file.unknown_units is UnknownUnits.CREATE:
            await work.units.lock()
        answered = None if dry_run else await work.answers.find(ask.request)
        if answered:
            return answered
        home = await own_unit(work, ask.scope, file.unit)
        imported = await _read_tasks(desk, work, file, home, rows)
        if dry_run:
            return StoredAnswer(OK, _import_answer(None, imported))
        plan = Plan(
            id=desk.ids.new(),
            unit=UnitName(home.code, home.name, home.kind),
            year=file.year,
            title=file.title,
            programme=file.programme,
            counts_when=file.counts_when,
            evidence_required=file.evidence_required,
            tasks=tuple(imported.tasks),
        )
        now = desk.clock.now()
        for unit in imported.new_units:
            await save_unit(work, unit, now)
        await work.plans.add(plan, imported_at=now)
        answer = StoredAnswer(CREATED, _import_answer(plan.id, imported))
        await work.answers.keep(ask.request, answer)
        await work.commit()
        return answer


async def issue_plan(desk: Desk, ask: Ask, plan_id: UUID, document: Document) -> StoredAnswer:
    """Issue a draft by its document: one event with all tasks.

    Raises:
        PlanNotFound: there is none, or not one that the caller may see.
        UnitOutsideCallersUnits: the caller sees it from below only.
        PlanAlreadyIssued, PlanWithoutTasks, PlanVersionStale: as the plan says.
    """
    async with desk.unit_of_work() as work:
        plan = await work.plans.load(plan_id)
        if plan is None:
            raise PlanNotFound(plan_id)
        own = await work.units.path(ask.scope.unit) if ask.scope.unit else None
        path = await work.units.path(plan.unit.code) or ""
        if not may_read_plan(ask.scope, own, path, plan.state):
            raise PlanNotFound(plan_id)
        if not may_act(ask.scope, own, path):
            raise UnitOutsideCallersUnits(plan.unit.code)
        answered = await work.answers.find(ask.request)
        if answered:
            return answered
        now = desk.clock.now()
        issued = plan.issue(document, at=now, expected_version=ask.expected_version)
        programme = await _programme(work, plan.programme)
        await work.plans.save_issue(issued)
        await work.events.add(PlanIssued(issued, programme, now))
        answer = StoredAnswer(OK, plan_portrait(issued, programme))
        await work.answers.keep(ask.request, answer)
        await work.commit()
        return answer


async def note_completion(
    progress: ProgressRepository, plan_id: UUID, task_id: UUID, version: int, state: CompletionState
) -> None:
    """Keep what a task event tells about a completion. In the consumer's transaction, which commits.

    The task's version decides, not the order of arrival: repeats and older events change nothing.

    Raises:
        TaskUnknown: no plan of ours has the task.
    """
    if not await progress.apply(plan_id, task_id, version, state):
        raise TaskUnknown(task_id)


async def _read_rows(desk: Desk, content: bytes) -> list[FileRow]:
    try:
        return await asyncio.to_thread(desk.read_file, content)
    except FileRefused as refusal:
        raise ImportRefused([Issue(refusal.row, "", refusal.code, refusal.message)], []) from refusal


async def _read_tasks(desk: Desk, work: PlansUnitOfWork, file: PlanFile, home: Unit, rows: list[FileRow]) -> Imported:
    rules = ImportRules(
        unit=home,
        year=file.year,
        programme=await _programme(work, file.programme),
        unknown_units=file.unknown_units,
        before_is_inclusive=desk.before_is_inclusive,
    )
    directory = UnitDirectory.of(await work.units.tree_of(home.code), home=home.code, year=file.year)
    return await asyncio.to_thread(read_plan, rows, directory, rules, desk.ids.new)


def _import_answer(plan_id: UUID | None, imported: Imported) -> dict[str, Any]:
    return {
        "plan_id": str(plan_id) if plan_id else None,
        "tasks": len(imported.tasks),
        "targets": 0,
        "warnings": [asdict(issue) for issue in imported.warnings],
        "new_units": [
            {"code": unit.code, "name": unit.name, "kind": unit.kind.value, "parent": unit.parent}
            for unit in imported.new_units
        ],
        "preview": [] if plan_id else [task_portrait(task) for task in imported.tasks],
    }


async def _programme(work: PlansUnitOfWork, code: str) -> Programme:
    programme = await work.programmes.get(code)
    if programme is None:
        raise ProgrammeNotFound(code)
    return programme
