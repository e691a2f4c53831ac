"""One running system for all drills of this folder that need one."""

from collections.abc import Iterator

import pytest

from tests.fuzz.world import PATIENT
from tests.support.ports import free_base_port
from tests.support.system import System


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A running system with units and without plans; each drill brings its own."""
    running = System(tmp_path_factory.mktemp("fuzz"), free_base_port(), PATIENT)
    try:
        running.start()
        yield running
    finally:
        running.stop()
