"""The drills of `make drill` at small counts, with another seed each time."""

import secrets
from collections.abc import AsyncIterator, Callable

import pytest

from tests.drills.catalogue import CATALOGUE, Drill
from tests.drills.ground import Ground
from tests.drills.running import play

SEED = secrets.randbelow(10**6)
TRANSPORTS = [
    pytest.param("postgres", id="postgres"),
    pytest.param("kafka", id="kafka", marks=pytest.mark.kafka),
]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module", params=TRANSPORTS)
async def ground(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_server: str
) -> AsyncIterator[tuple[Ground, str]]:
    """Where the drills on one event log take place."""
    if request.param == "kafka":
        request.getfixturevalue("kafka_libraries")
    async with Ground(tmp_path_factory.mktemp(f"drills-{request.param}"), postgres_server) as started:
        yield started, request.param


@pytest.mark.parametrize("drill", CATALOGUE, ids=lambda drill: drill.name)
async def test_nothing_is_lost_and_nothing_counts_twice(
    ground: tuple[Ground, str], drill: Drill, tell: Callable[[str], None]
) -> None:
    place, transport = ground
    if transport not in drill.small:
        pytest.skip("drilled on this event log by `make drill` only")
    result = await play(place, drill, transport, scale="small", seed=SEED, out=None)
    tally = result.tally
    tell(
        f"{drill.name} on {transport}, seed {SEED}: {tally.faults} faults, {tally.sent} {drill.sent} acknowledged, "
        f"lost {tally.lost}, counted twice {tally.twice}, consistent after {tally.longest:.1f} s; {drill.fault}"
    )
    assert tally.is_clean, f"seed {SEED}: {tally}"
    assert tally.faults >= drill.faults(drill.small[transport])
    assert tally.sent > 0
