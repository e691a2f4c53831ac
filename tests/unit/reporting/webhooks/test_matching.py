"""Who is told: every condition of an endpoint holds, and an owner never hears of what lies outside of his unit."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.reporting.domain.webhooks.matching import Happening, Wish, is_news, matches
from services.reporting.domain.webhooks.progress import marks_passed

START = datetime(2026, 1, 1, tzinfo=UTC)
UNITS = st.sampled_from(["VN", "TV", "TV-SNV", "TV-SYT", "LD"])
TYPES = st.sampled_from(["a", "b", "c"])
PLANS = st.sampled_from([UUID(int=1), UUID(int=2)])
FIELDS = st.sampled_from(["I", "II"])
MOMENTS = st.integers(min_value=0, max_value=3).map(lambda day: START + timedelta(days=day))
WISHES = st.builds(
    Wish,
    st.just(UUID(int=9)),
    st.frozensets(TYPES),
    MOMENTS,
    st.none() | UNITS,
    st.none() | PLANS,
    st.none() | UNITS,
    st.none() | FIELDS,
)
HAPPENINGS = st.builds(
    Happening,
    st.just(UUID(int=8)),
    TYPES,
    MOMENTS,
    PLANS,
    st.frozensets(UNITS, min_size=1),
    st.frozensets(UNITS),
    st.none() | FIELDS,
)


@given(WISHES, HAPPENINGS)
def test_told_exactly_when_no_condition_speaks_against_it(wish: Wish, happening: Happening) -> None:
    against = [
        happening.type not in wish.event_types,
        happening.occurred_at < wish.created_at,
        bool(wish.owner_unit) and wish.owner_unit not in happening.above_plan,
        bool(wish.plan_id) and wish.plan_id != happening.plan_id,
        bool(wish.unit) and wish.unit not in happening.above_plan | happening.above_leads,
        bool(wish.field) and wish.field != happening.field,
    ]
    assert matches(wish, happening) == (not any(against))


@given(st.integers(min_value=0, max_value=20))
def test_what_happened_long_ago_is_no_news(days: int) -> None:
    assert is_news(START, START + timedelta(days=days), timedelta(days=7)) == (days <= 7)


@given(
    st.integers(min_value=0, max_value=200),
    st.integers(min_value=0, max_value=200),
    st.frozensets(st.integers(min_value=1, max_value=100)),
)
def test_a_mark_is_passed_by_exact_shares(done: int, total: int, marks: frozenset[int]) -> None:
    from fractions import Fraction

    expected = [mark for mark in sorted(marks) if total and Fraction(done, total) >= Fraction(mark, 100)]
    assert marks_passed(done, total, marks) == expected


def test_reference_plan_passes_its_marks() -> None:
    """31 of 38 is 81,58 %: past 80; 30 of 38 is 78,95 %: not yet."""
    assert marks_passed(31, 38, (75, 80, 90)) == [75, 80]
    assert marks_passed(30, 38, (75, 80, 90)) == [75]
