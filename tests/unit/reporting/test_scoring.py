"""The score for completing the plan and how far the plan is from losing it."""

from decimal import Decimal
from fractions import Fraction

import pytest

from services.reporting.domain.scoring import Margin, ScoringRule, Step, margin, proportional, score

MINISTRY = proportional(Decimal(1))
CA_MAU = ScoringRule(
    name="Theo bậc",
    text="Trên 90 %: 2 điểm; từ 70 % đến 90 %: 1 điểm; dưới 70 %: 0 điểm.",
    max_points=Decimal(2),
    steps=(Step(Fraction(90, 100), Decimal(2), above=True), Step(Fraction(70, 100), Decimal(1))),
)


@pytest.mark.parametrize(
    ("done", "points"),
    [(38, "1.0000"), (32, "0.8421"), (31, "0.8158"), (30, "0"), (0, "0")],
)
def test_proportional_from_eighty_percent_and_zero_below(done: int, points: str) -> None:
    assert str(score(MINISTRY, done, 38).points) == points


@pytest.mark.parametrize(("done", "points"), [(91, 2), (90, 1), (70, 1), (69, 0)])
def test_a_rule_of_steps_is_data_too(done: int, points: int) -> None:
    assert score(CA_MAU, done, 100).points == points


def test_a_plan_without_tasks_has_no_score() -> None:
    assert score(MINISTRY, 0, 0).points is None


def test_of_38_tasks_seven_may_stay_unfinished_and_one_of_the_32_done_could_be_missing() -> None:
    assert margin(MINISTRY, 32, 38) == Margin(allowed_unfinished=7, unfinished=6, to_spare=1, needed=0)
    assert margin(MINISTRY, 30, 38) == Margin(allowed_unfinished=7, unfinished=8, to_spare=0, needed=1)


@pytest.mark.parametrize("total", range(1, 60))
def test_the_margin_is_exactly_where_the_score_falls_to_zero(total: int) -> None:
    allowed = margin(MINISTRY, 0, total).allowed_unfinished
    assert score(MINISTRY, total - allowed, total).points != 0
    assert score(MINISTRY, total - allowed - 1, total).points == 0
