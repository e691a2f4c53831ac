"""The score for completing the plan: a rule that is data, because offices differ (steps, or proportional)."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

_FOUR_DIGITS = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Step:
    """From this share of done tasks on (0..1; `above` excludes the bound itself), so many points."""

    from_share: Fraction
    points: Decimal
    above: bool = False


@dataclass(frozen=True, slots=True)
class ScoringRule:
    """Either steps (the first that fits, highest first), or proportional from `floor` on and zero below it."""

    name: str
    text: str
    max_points: Decimal
    floor: Fraction = Fraction(0)
    """Share of done tasks below which the score is zero."""
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """Points by the rule, four digits; None for a plan without tasks."""

    points: Decimal | None
    max_points: Decimal


@dataclass(frozen=True, slots=True)
class Margin:
    """What the plan can still afford.

    `allowed_unfinished`: so many tasks may stay unfinished at the end without the score falling to zero;
    `to_spare`: so many of the tasks done now could be missing; `needed`: so many more must be done to reach the floor.
    """

    allowed_unfinished: int
    unfinished: int
    to_spare: int
    needed: int


def proportional(max_points: Decimal) -> ScoringRule:
    """Return the Ministry's rule (QĐ 876/QĐ-BNV): full at 100 %, proportional from 80 %, zero below."""
    return ScoringRule(
        name="Tỷ lệ, từ 80 %",
        text="Hoàn thành 100 % đạt điểm tối đa; từ 80 % đến dưới 100 % tính theo tỷ lệ; dưới 80 % không có điểm.",
        max_points=max_points,
        floor=Fraction(80, 100),
    )


def score(rule: ScoringRule, done: int, total: int) -> Score:
    """Return the points for `done` of `total` tasks."""
    if total == 0:
        return Score(None, rule.max_points)
    share = Fraction(done, total)
    if rule.steps:
        return Score(_step_points(rule, share), rule.max_points)
    if share < rule.floor:
        return Score(Decimal(0), rule.max_points)
    exact = rule.max_points * Decimal(done) / Decimal(total)
    return Score(exact.quantize(_FOUR_DIGITS, rounding=ROUND_HALF_UP), rule.max_points)


def margin(rule: ScoringRule, done: int, total: int) -> Margin:
    """Return how far the plan is from a score of zero."""
    least_share = _least_share(rule)
    floor_tasks = -(-total * least_share.numerator // least_share.denominator)  # rounded up
    return Margin(
        allowed_unfinished=total - floor_tasks,
        unfinished=total - done,
        to_spare=max(0, done - floor_tasks),
        needed=max(0, floor_tasks - done),
    )


def _step_points(rule: ScoringRule, share: Fraction) -> Decimal:
    ordered = sorted(rule.steps, key=lambda step: step.from_share, reverse=True)
    fits = (step.points for step in ordered if share > step.from_share or (share == step.from_share and not step.above))
    return next(fits, Decimal(0))


def _least_share(rule: ScoringRule) -> Fraction:
    scoring = [step.from_share for step in rule.steps if step.points > 0]
    return min(scoring, default=rule.floor)
