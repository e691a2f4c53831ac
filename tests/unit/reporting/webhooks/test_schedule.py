"""When a refused delivery is tried again, and when an endpoint is left alone (W3, W9): for any policy, any chance."""

import math
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.reporting.domain.webhooks.health import (
    FAILING_FOR,
    LEAST_ATTEMPTS,
    OPENS_AFTER,
    Health,
    Verdict,
)
from services.reporting.domain.webhooks.schedule import DEFAULT_DELAYS, JITTER, LEAST, MOST, OTHER_PAUSE_MOST, Schedule

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
DELAYS = st.lists(st.floats(min_value=0.001, max_value=7 * 86400), max_size=30).map(tuple)
CHANCE = st.floats(min_value=0, max_value=1, exclude_max=True)
OK, BAD, GONE = Verdict(204), Verdict(500), Verdict(410)


@given(DELAYS, st.integers(min_value=-2, max_value=40), CHANCE)
def test_each_pause_is_within_a_fifth_of_its_place_in_the_schedule(
    delays: tuple[float, ...], tries: int, chance: float
) -> None:
    pause = Schedule(delays).pause(tries, chance=chance)
    if 1 <= tries <= len(delays):
        assert pause is not None
        planned = delays[tries - 1]
        tolerance = 1e-6  # timedelta counts in microseconds
        assert planned * (1 - JITTER) - tolerance <= pause.total_seconds() <= planned * (1 + JITTER) + tolerance
    else:
        assert pause is None


@given(DELAYS, st.integers(min_value=1, max_value=40), CHANCE, st.floats(allow_nan=True, allow_infinity=True))
def test_what_the_receiver_asks_for_is_honoured_within_a_second_and_a_day(
    delays: tuple[float, ...], tries: int, chance: float, asked: float
) -> None:
    pause = Schedule(delays).pause(tries, chance=chance, retry_after=asked)
    if tries > len(delays):
        assert pause is None, "asking for a pause gives no more tries"
        return
    assert pause is not None
    assert LEAST <= pause <= MOST
    if LEAST.total_seconds() <= asked <= MOST.total_seconds():
        assert math.isclose(pause.total_seconds(), asked, abs_tol=1e-6)


def test_default_schedule_bridges_a_weekend() -> None:
    assert timedelta(hours=75) < timedelta(seconds=sum(DEFAULT_DELAYS)) < timedelta(hours=77)
    assert len(DEFAULT_DELAYS) == 12


@given(DELAYS, st.integers(min_value=OPENS_AFTER, max_value=1000), CHANCE)
def test_open_circuit_is_probed_at_least_every_hour(delays: tuple[float, ...], failures: int, chance: float) -> None:
    assert timedelta(0) <= Schedule(delays).probe(failures, OPENS_AFTER, chance=chance) <= OTHER_PAUSE_MOST


@given(st.lists(st.tuples(st.booleans(), st.integers(min_value=0, max_value=86400 * 3)), max_size=60), CHANCE)
def test_any_success_closes_the_circuit_and_forgets_the_failures(course: list[tuple[bool, int]], chance: float) -> None:
    """Against a plain recount: failures since the last success, the first of them, and off only after days of them."""
    health, moment = Health(), NOW
    failed_at: list[datetime] = []
    for is_good, later in course:
        moment += timedelta(seconds=later)
        health = health.after(OK if is_good else BAD, moment, Schedule(), chance=chance)
        failed_at = [] if is_good else [*failed_at, moment]
        assert health.failures == len(failed_at)
        assert health.failing_since == (failed_at[0] if failed_at else None)
        assert health.is_open == (len(failed_at) >= OPENS_AFTER)
        assert (health.paused_until is not None) == health.is_open
        lasts = bool(failed_at) and moment - failed_at[0] >= FAILING_FOR
        wanted = "failing" if lasts and len(failed_at) >= LEAST_ATTEMPTS else None
        assert health.off(OK if is_good else BAD, moment) == wanted


def test_gone_is_off_at_once() -> None:
    assert Health().after(GONE, NOW, Schedule(), chance=0.5).off(GONE, NOW) == "gone"


@given(st.integers(min_value=100, max_value=599) | st.none())
def test_only_2xx_is_a_yes(status: int | None) -> None:
    assert Verdict(status).is_accepted == (status is not None and status // 100 == 2)
