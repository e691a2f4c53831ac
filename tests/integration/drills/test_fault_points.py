"""Fault points: nothing in normal running, every one of them reached, and nothing lost at any of them."""

import re

import pytest
from pydantic import ValidationError

from shared.contracts.topics import TASKS
from shared.messaging import fault_points
from shared.messaging.fault_points import POINTS, Fault, arm, reach, read_faults
from shared.messaging.relay import Relay
from shared.settings import SharedSettings
from tests.drills import r02_relay_kills, r03_consumer_kills, r04_webhook_kills, r10_reminders
from tests.support.messaging import World, a_progress, notes_of
from tests.support.system import ROOT
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow(25)


def points_in_the_code() -> list[str]:
    files = [file for room in ("shared", "services") for file in (ROOT / room).rglob("*.py")]
    return sorted(point for file in files for point in re.findall(r'\breach\("([^"]+)"\)', file.read_text("utf-8")))


def test_every_point_has_one_place_in_the_code_and_one_meaning() -> None:
    assert points_in_the_code() == sorted(POINTS)


def test_every_point_is_struck_by_a_drill() -> None:
    struck = (r02_relay_kills, r03_consumer_kills, r04_webhook_kills, r10_reminders)
    assert {point for drill in struck for point in drill.POINTS} == set(POINTS)


def test_without_the_setting_a_point_does_nothing() -> None:
    assert fault_points._plan is None
    for point in POINTS:
        reach(point)
    assert SharedSettings(_env_file=None).faults == ""


def test_a_process_in_service_refuses_to_be_broken() -> None:
    with pytest.raises(ValidationError, match="CCHC_FAULTS_ALLOWED"):
        SharedSettings(faults="relay.read:1:kill", _env_file=None)
    assert SharedSettings(faults="relay.read:1:kill", faults_allowed=True, _env_file=None).faults


@pytest.mark.parametrize(
    "text",
    [
        "relay.read",
        "relay.read:0:kill",
        "relay.nowhere:1:kill",
        "relay.read:1:explode",
        "relay.read:1:sleep",
        "x:1:kill",
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"form|no fault point|kill, raise or sleep"):
        read_faults(text)


def test_a_plan_is_read_as_it_is_written() -> None:
    plan = [Fault("relay.read", 3, "kill"), Fault("consumer.opened", 1, "sleep", 0.5)]
    assert read_faults(",".join(str(fault) for fault in plan)) == plan


def test_only_the_named_passing_of_the_named_point_breaks() -> None:
    arm([Fault("relay.read", 2, "raise")])
    reach("relay.read")
    reach("relay.marked")
    with pytest.raises(ConnectionResetError):
        reach("relay.read")
    reach("relay.read")


@pytest.mark.parametrize("point", sorted({*r02_relay_kills.POINTS, *r03_consumer_kills.POINTS}))
async def test_a_connection_broken_at_any_point_loses_nothing_and_repeats_nothing(
    world: World, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken: list[str] = []

    def breaking(_plan: object, reached: str) -> None:
        if reached == point and not broken:
            broken.append(reached)
            raise ConnectionResetError(f"drill: {reached}")

    monkeypatch.setattr(fault_points._Plan, "reach", breaking)
    arm([Fault(point, 1, "raise")])
    async with world.running(Relay(world.engine, world.log, [TASKS]), world.consumer()):
        for number in range(6):
            await world.add(a_progress(str(number)))
            await eventually(lambda number=number: _notes_are(world, number + 1), within=20)  # type: ignore[misc]
        await eventually(lambda: broken, within=20)
    assert await world.notes() == notes_of(range(6))


async def _notes_are(world: World, count: int) -> bool:
    return len(await world.notes()) >= count
