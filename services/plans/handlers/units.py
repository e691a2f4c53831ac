"""Units and programmes: add, change."""

from datetime import datetime

from services.plans.domain.access import Scope, may_act
from services.plans.domain.errors import UnitInvalid, UnitNotFound, UnitOutsideCallersUnits, UnitVersionStale
from services.plans.domain.events import UnitChanged
from services.plans.domain.portrait import unit_portrait
from services.plans.domain.programme import Programme
from services.plans.domain.unit import Unit
from services.plans.handlers.desk import CREATED, OK, Ask, Desk
from services.plans.ports import PlansUnitOfWork
from shared.database.idempotency import StoredAnswer


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
            await save_unit(work, following, desk.clock.now())
        answer = StoredAnswer(OK if known else CREATED, unit_portrait(following or known or wanted))
        await work.answers.keep(ask.request, answer)
        await work.commit()
        return answer


async def change_programme(desk: Desk, programme: Programme) -> None:
    """Add a programme or bring its names and fields up to date."""
    async with desk.unit_of_work() as work:
        await work.programmes.save(programme)
        await work.commit()


async def own_unit(work: PlansUnitOfWork, scope: Scope, code: str) -> Unit:
    """Return the unit `code`, in which the caller acts.

    Raises:
        UnitNotFound, UnitOutsideCallersUnits: he does not.
    """
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


async def save_unit(work: PlansUnitOfWork, unit: Unit, at: datetime) -> None:
    """Write the unit's new state, with its event."""
    path = await work.units.save(unit)
    await work.events.add(UnitChanged(unit, path.split("/", 1)[0], at))
