"""Thousands of requests made from the API documents, right ones and wrong ones: no 5xx, nothing undocumented."""

import os
from pathlib import Path

import httpx2
import pytest

from tests.fuzz.traffic import SERVICES, Traffic
from tests.fuzz.world import things_that_exist
from tests.support.system import System, until

pytestmark = pytest.mark.slow(60)

A_DRILL = 10_000
"""From so many requests on, the boundary cases of the documents are sent too, on top."""
REQUESTS = int(os.environ.get("CCHC_TEST_REQUESTS", "2000"))  # noqa: TID251 -- a drill's count


def metric(system: System, service: str, name: str) -> float:
    """Return the sum of a metric over its labels."""
    told = httpx2.get(f"{system.url(service)}/metrics", timeout=10).text
    return sum(float(line.rpartition(" ")[2]) for line in told.splitlines() if line.startswith(name))


def heard_everything(system: System) -> bool:
    """Tell whether every event has been published, heard, and found a place."""
    waiting = ("cchc_outbox_unpublished", "cchc_consumer_lag", "cchc_parked_messages")
    return not any(metric(system, service, name) for service in SERVICES for name in waiting)


def dead_letters(system: System) -> dict[str, float]:
    """Return how many dead letters each service has that nobody has resolved."""
    return {service: metric(system, service, "cchc_dead_letters_open") for service in SERVICES}


@pytest.mark.timeout(7200)
def test_no_request_brings_an_answer_that_the_documents_do_not_name(system: System, tmp_path: Path) -> None:
    """What was accepted meanwhile is heard by every service: no dead letter, nothing left waiting, no restart."""
    before = dead_letters(system)
    traffic = Traffic(system, things_that_exist(system, tmp_path))
    try:
        if REQUESTS >= A_DRILL:
            traffic.boundaries()
        tally = traffic.run(traffic.tally.sent + REQUESTS)
    finally:
        traffic.close()
    print(*tally.lines(), sep="\n")  # noqa: T201 -- the figures that are promised
    assert [*tally.faults.values()] == []
    assert tally.sent >= REQUESTS
    assert REQUESTS < A_DRILL or traffic.never_succeeded() == set()
    until(lambda: heard_everything(system), within=60, what="all events heard")
    assert dead_letters(system) == before
    assert {name: row["restarts"] for name, row in system.processes().items() if row["restarts"]} == {}
