"""The recount itself: what clients know against what is read back, in every place that tells of a completion."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.drills.recount import KINDS, _differences
from tests.support.stream import Stream
from tests.support.system import System

CLIENTS = Stream(
    System(Path("nowhere"), 21000), "plan", acknowledged={"t1": "c1", "t2": "c2", "t3": "c3"}, confirmed={"t1", "t2"}
)


def everywhere() -> dict[str, Counter[Any]]:
    """What every reader tells when all is well: two confirmed, one awaits confirmation."""
    return {
        "list": Counter(["t1", "t2"]),
        "table": Counter(["c1", "c2", "c3"]),
        KINDS[0]: Counter(["c1", "c2", "c3"]),
        KINDS[1]: Counter(["c1", "c2"]),
        "report": Counter(done=2),
        "plan": Counter(done=2),
    }


def test_what_agrees_is_neither_lost_nor_counted_twice() -> None:
    assert _differences(CLIENTS, everywhere()) == (0, 0)


@pytest.mark.parametrize("reader", everywhere())
def test_one_missing_in_any_place_is_lost(reader: str) -> None:
    read = everywhere()
    read[reader] -= Counter([next(iter(read[reader]))])
    assert _differences(CLIENTS, read) == (1, 0)


@pytest.mark.parametrize("reader", everywhere())
def test_one_too_many_in_any_place_is_counted_twice(reader: str) -> None:
    read = everywhere()
    read[reader] += Counter([next(iter(read[reader]))])
    assert _differences(CLIENTS, read) == (0, 1)


def test_what_no_client_knows_of_is_counted_twice() -> None:
    read = everywhere()
    read[KINDS[0]] += Counter(["somebody else's"])
    assert _differences(CLIENTS, read) == (0, 1)
