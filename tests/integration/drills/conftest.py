"""The messaging room's world, and a process without faults after each test."""

from collections.abc import Iterator

import pytest

from shared.messaging import fault_points
from tests.support.messaging import world

__all__ = ["world"]


@pytest.fixture(autouse=True)
def no_faults_left() -> Iterator[None]:
    yield
    fault_points.arm([])
