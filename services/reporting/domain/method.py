"""Counting methods: how continuous and recurring tasks count, and how a percent is brought to two digits.

No rule was found that settles either, offices differ; so both are choices, and every report prints what was chosen.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class StandingTasks(StrEnum):
    """How continuous (thường xuyên) and recurring (định kỳ) tasks count."""

    PERIOD_MET = "period_met"
    YEAR_END = "year_end"
    EXCLUDED = "excluded"


class Rounding(StrEnum):
    """How a percent gets its two digits; several published papers cut instead of rounding."""

    HALF_UP = "half_up"
    CUT = "cut"


_NAMES = {
    StandingTasks.PERIOD_MET: "Tính theo kỳ",
    StandingTasks.YEAR_END: "Tính cuối năm",
    StandingTasks.EXCLUDED: "Không tính",
}
_TEXTS = {
    StandingTasks.PERIOD_MET: (
        "Nhiệm vụ thường xuyên, định kỳ được tính là hoàn thành khi phần việc của kỳ báo cáo đã có minh chứng."
    ),
    StandingTasks.YEAR_END: (
        "Nhiệm vụ thường xuyên, định kỳ chỉ được tính là hoàn thành khi hết năm kế hoạch và đã có minh chứng."
    ),
    StandingTasks.EXCLUDED: (
        "Nhiệm vụ thường xuyên, định kỳ không tính vào tổng số nhiệm vụ và không tính vào số nhiệm vụ hoàn thành."
    ),
}
_ROUNDING_TEXTS = {
    Rounding.HALF_UP: "Tỷ lệ phần trăm được làm tròn đến hai chữ số thập phân.",
    Rounding.CUT: "Tỷ lệ phần trăm lấy hai chữ số thập phân, không làm tròn.",
}


@dataclass(frozen=True, slots=True)
class Method:
    """A counting method: what goes in, what is left out, how it is rounded."""

    standing_tasks: StandingTasks = StandingTasks.PERIOD_MET
    rounding: Rounding = Rounding.HALF_UP

    @property
    def name(self) -> str:
        """Its Vietnamese name."""
        return _NAMES[self.standing_tasks]

    @property
    def text(self) -> str:
        """What it does with continuous and recurring tasks, as a sentence for reports."""
        return _TEXTS[self.standing_tasks]

    @property
    def rounding_text(self) -> str:
        """What it does with digits, as a sentence for reports."""
        return _ROUNDING_TEXTS[self.rounding]


@dataclass(frozen=True, slots=True)
class Rate:
    """A fraction and its percent; the fraction is always shown beside the percent."""

    numerator: int
    denominator: int
    percent: Decimal | None
    """Two digits after the point; None when there is nothing to divide by."""


def rate(numerator: int, denominator: int, rounding: Rounding) -> Rate:
    """Return numerator/denominator in percent, exact to the second digit (whole-number arithmetic, no float)."""
    if denominator == 0:
        return Rate(numerator, denominator, None)
    if rounding is Rounding.CUT:
        hundredths = numerator * 10_000 // denominator
    else:
        hundredths = (numerator * 20_000 + denominator) // (2 * denominator)
    return Rate(numerator, denominator, Decimal(hundredths).scaleb(-2))
