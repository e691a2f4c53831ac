"""Faults planted on purpose in a copy of the product: each is caught by the drill that is there for it.

A drill that was never seen to fail drills nothing.
"""

import contextlib
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.drills.catalogue import CATALOGUE
from tests.drills.ground import Ground
from tests.drills.running import play
from tests.support.system import ROOT

SEED = secrets.randbelow(10**6)

pytestmark = pytest.mark.slow(70)


@dataclass(frozen=True)
class Change:
    """Lines of one file, and what stands there instead."""

    file: str
    lines: str
    instead: str


ACKNOWLEDGES_BEFORE_THE_COMMIT = Change(
    "shared/messaging/sources.py",
    """
        if moved.rowcount != 1:
            raise Displaced
""",
    """
        if moved.rowcount != 1:
            raise Displaced
        await connection.commit()
        await connection.begin()
""",
)
GOES_ON_AFTER_THE_LAST_ID = Change(
    "shared/messaging/relay.py",
    """
            .where(outbox.c.published_at.is_(None))
            .order_by(outbox.c.id)
""",
    """
            .where(outbox.c.published_at.is_(None), outbox.c.id > getattr(self, "_last", 0))
            .order_by(outbox.c.id)
""",
)
REMEMBERS_THE_LAST_ID = Change(
    "shared/messaging/relay.py",
    """
        reach("relay.published")
""",
    """
        self._last = rows[-1].id
        reach("relay.published")
""",
)
LOOKS_OUTSIDE = Change(
    "services/reporting/consumers.py",
    """
        new = await SqlLedger(connection).write(heard, group=GROUP)
""",
    """
        from sqlalchemy.dialects.postgresql import insert
        from shared.database.tables import inbox
        seen = [{"consumer_group": GROUP, "event_id": one.attributes.id, "type": ""} for one in heard]
        async with connection.engine.begin() as outside:
            asked = insert(inbox).values(seen).on_conflict_do_nothing().returning(inbox.c.event_id)
            fresh = set((await outside.execute(asked)).scalars())
        heard = [one for one in heard if one.attributes.id in fresh]
        new = await SqlLedger(connection).write(heard, group=GROUP) if heard else set()
""",
)
PLANTED = {
    "acknowledges before the commit": ("R3", (ACKNOWLEDGES_BEFORE_THE_COMMIT,)),
    "a relay that skips a row committed late": ("R2", (GOES_ON_AFTER_THE_LAST_ID, REMEMBERS_THE_LAST_ID)),
    "a dedup that looks outside the transaction": ("R3", (LOOKS_OUTSIDE,)),
}
"""Fault -> the drill that must notice it, and how it is planted."""


@pytest.fixture(scope="module")
async def copied_house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    """A running system whose workers, once a drill kills them, start again from a copy of the product."""
    root = tmp_path_factory.mktemp("house")
    for room in ("services", "shared"):
        shutil.copytree(ROOT / room, root / room, ignore=shutil.ignore_patterns("__pycache__"))
    async with Ground(tmp_path_factory.mktemp("planted"), source=root) as ground:
        yield ground


@contextlib.contextmanager
def planted(house: Path, changes: tuple[Change, ...]) -> Iterator[None]:
    """Change the copy for the time of the block."""
    before = {house / change.file: (house / change.file).read_text(encoding="utf-8") for change in changes}
    try:
        for change in changes:
            text = (house / change.file).read_text(encoding="utf-8")
            assert text.count(change.lines) == 1, f"{change.file} has changed: plant this fault anew"
            (house / change.file).write_text(text.replace(change.lines, change.instead), encoding="utf-8")
        yield
    finally:
        for file, text in before.items():
            file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("fault", PLANTED)
async def test_a_planted_fault_is_caught(copied_house: Ground, fault: str, tell: Callable[[str], None]) -> None:
    name, changes = PLANTED[fault]
    (drill,) = [drill for drill in CATALOGUE if drill.name == name]
    with planted(copied_house.source, changes):
        result = await play(copied_house, drill, "postgres", scale="small", seed=SEED, out=None)
    tally = result.tally
    tell(f"planted: {fault}: caught by {name}, lost {tally.lost}, counted twice {tally.twice}, seed {SEED}")
    assert not [each for each in tally.complaints if each.startswith("stopped")], tally
    assert tally.lost or tally.twice, f"seed {SEED}: {tally}"
