"""Write side: one function per use case. API, console and seeding come through here, so every door makes one event.

Each opens one transaction, looks whether the request was answered before, lets the domain decide, writes state, event
and answer, and commits as its last line.
"""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.plans.domain.access import Scope, may_act, may_read_plan
from services.plans.domain.errors import (
    FileRefused,
    ImportRefused,
    Issue,
    PlanNotFound,
    ProgrammeNotFound,
    TaskUnknown,
    UnitInvalid,
    UnitNotFound,
    UnitOutsideCallersUnits,
    UnitVersionStale,
)
from services.plans.domain.events import PlanIssued, UnitChanged
from services.plans.domain.plan import CompletionState, CountsWhen, Document, Plan, UnitName
from services.plans.domain.plan_import import Imported, ImportRules, UnknownUnits, read_plan
from services.plans.domain.plan_table import FileRow
from services.plans.domain.portrait import plan_portrait, task_portrait, unit_portrait
from services.plans.domain.programme import Programme
from services.plans.domain.unit import Unit
from services.plans.domain.unit_directory import UnitDirectory
from services.plans.ports import PlansUnitOfWork, ProgressRepository
from shared.clock import Clock
from shared.database.idempotency import RequestKey, StoredAnswer
from shared.ids import Ids

OK = 200
CREATED = 201


@dataclass(frozen=True)
class Desk:
    """What use cases work with; one for the whole process."""

    unit_of_work: Callable[[], PlansUnitOfWork]
    read_file: Callable[[bytes], list[FileRow]]
    clock: Clock
    ids: Ids
    before_is_inclusive: bool = True


@dataclass(frozen=True)
class Ask:
    """What every write carries: whose part of the tree, under which key, having read which version."""

    scope: Scope
    request: RequestKey | None = None
    expected_version: int | None = None


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


async def change_unit(desk: Desk, ask: Ask, wanted: Unit, *, only_if_new: bool = False) -> StoredAnswer:
    """Add a unit or give it a new state; an unchanged one makes no event.

    Args:
        desk: what use cases work with.
        ask: who asks.
        wanted: the whole new state; its version is counted here.
        only_if_new: leave a known unit as it is (seeding never undoes what people have changed).

    Raises:
        UnitInvalid: parent or successors are unknown, or the parent stands below the unit.
        UnitOutsideCallersUnits: the unit, or where it is to go, is not the caller's.
        UnitVersionStale: it changed since the caller read it.
    """
    async with desk.unit_of_work() as work:
        await work.units.lock()
        answered = await work.answers.find(ask.request)
        if answered:
            return answered
        known = await work.units.get(wanted.code)
        if known and only_if_new:
            return StoredAnswer(OK, unit_portrait(known))
        await _check_place(work, ask.scope, wanted, known)
        if ask.expected_version is not None and ask.expected_version != (known.version if known else 0):
            raise UnitVersionStale
        following = known.changed_into(wanted) if known else wanted
        if following:
            await _save_unit(work, following, desk.clock.now())
        answer = StoredAnswer(OK if known else CREATED, unit_portrait(following or known or wanted))
        await work.answers.keep(ask.request, answer)
        await work.commit()
        return answer


async def change_programme(desk: Desk, programme: Programme) -> None:
    """Add a programme or bring its names and fields up to date."""
    async with desk.unit_of_work() as work:
        await work.programmes.save(programme)
        await work.commit()


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
        home = await _own_unit(work, ask.scope, file.unit)
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
            await _save_unit(work, unit, now)
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


async def _own_unit(work: PlansUnitOfWork, scope: Scope, code: str) -> Unit:
    unit, path = await work.units.get(code), await work.units.path(code)
    if unit is None or path is None:
        raise UnitNotFound(code)
    own = await work.units.path(scope.unit) if scope.unit else None
    if not may_act(scope, own, path):
        raise UnitOutsideCallersUnits(code)
    return unit


async def _check_place(work: PlansUnitOfWork, scope: Scope, wanted: Unit, known: Unit | None) -> None:
    above = await work.units.path(wanted.parent) if wanted.parent else ""
    if above is None:
        raise UnitInvalid("parent", f"Không có đơn vị cấp trên {wanted.parent}.")
    if wanted.code in above.split("/"):
        raise UnitInvalid("parent", "Đơn vị cấp trên đang nằm dưới chính đơn vị này.")
    missing = set(wanted.successors) - await work.units.known(set(wanted.successors))
    if missing:
        raise UnitInvalid("successors", f"Không có đơn vị kế thừa {', '.join(sorted(missing))}.")
    own = await work.units.path(scope.unit) if scope.unit else None
    places = [f"{above}{wanted.code}/"]
    if known:
        places.append(await work.units.path(known.code) or "")
    if not all(may_act(scope, own, place) for place in places):
        raise UnitOutsideCallersUnits(wanted.code)


async def _save_unit(work: PlansUnitOfWork, unit: Unit, at: datetime) -> None:
    path = await work.units.save(unit)
    await work.events.add(UnitChanged(unit, path.split("/", 1)[0], at))
