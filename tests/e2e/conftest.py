"""Running systems for the end-to-end tests: one on each transport, each with a home and ports of its own."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded.kafka import LIBRARIES, fetch_libraries
from deploy.embedded.refusal import StartRefusedError
from tests.support.ports import free_base_port
from tests.support.system import System

TRANSPORTS = [
    pytest.param("postgres", id="postgres"),
    pytest.param("kafka", id="kafka", marks=pytest.mark.kafka),
]


@pytest.fixture(scope="session")
def kafka_libraries() -> Path:
    """Kafka's jars; skips aloud where Java or Maven is missing."""
    try:
        asyncio.run(fetch_libraries(dict(os.environ)))  # noqa: TID251 -- Maven needs PATH and HOME
    except (StartRefusedError, OSError) as refusal:
        pytest.skip(f"NO KAFKA: {refusal}")
    return LIBRARIES


@pytest.fixture(scope="module", params=TRANSPORTS)
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A running, empty system (units only); on Kafka it brings a broker of its own."""
    if request.param == "kafka":
        request.getfixturevalue("kafka_libraries")
    running = System(
        tmp_path_factory.mktemp(f"system-{request.param}"),
        free_base_port(),
        {"CCHC_TRANSPORT": request.param, "CCHC_SAMPLE": "0"},
    )
    try:
        running.start()
        yield running
    finally:
        running.stop()
