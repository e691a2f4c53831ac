"""Running systems for the end-to-end tests: one on each transport, each with a home and ports of its own."""

from collections.abc import Iterator

import pytest

from tests.support.system import System, free_base_port

TRANSPORTS = [
    pytest.param("postgres", id="postgres"),
    pytest.param("kafka", id="kafka", marks=pytest.mark.kafka),
]


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
