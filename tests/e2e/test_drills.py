"""The drills of `make drill` at small counts, with another seed each time."""

import secrets
from collections.abc import AsyncIterator, Callable

import pytest

from deploy.embedded.refusal import StartRefusedError
from tests.drills.catalogue import CATALOGUE, Drill
from tests.drills.ground import Ground
from tests.drills.running import play

SEED = secrets.randbelow(10**6)
CASES = [
    pytest.param(
        transport,
        drill,
        id=f"{drill.name}-{transport}",
        marks=[pytest.mark.kafka] if transport == "kafka" else [],
    )
    for transport in ("postgres", "kafka")
    for drill in CATALOGUE
    if transport in drill.small
]

pytestmark = [pytest.mark.slow(150), pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
async def ground(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> AsyncIterator[Ground]:
    """Where the drills take place; its systems start when they are first drilled."""
    async with Ground(tmp_path_factory.mktemp("drills"), postgres_server) as started:
        yield started


@pytest.mark.parametrize(("transport", "drill"), CASES)
async def test_nothing_is_lost_and_nothing_counts_twice(
    ground: Ground, transport: str, drill: Drill, tell: Callable[[str], None]
) -> None:
    try:
        await ground.site(transport)
    except StartRefusedError as refusal:
        pytest.skip(f"NO KAFKA: {refusal}")
    result = await play(ground, drill, transport, scale="small", seed=SEED, out=None)
    tally = result.tally
    tell(
        f"{drill.name} on {transport}, seed {SEED}: {tally.faults} faults, {tally.sent} {drill.sent} acknowledged, "
        f"lost {tally.lost}, counted twice {tally.twice}, consistent after {tally.longest:.1f} s; {drill.fault}"
    )
    assert tally.is_clean, f"seed {SEED}: {tally}"
    assert tally.faults >= drill.faults(drill.small[transport])
    assert tally.sent > 0
