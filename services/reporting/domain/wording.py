"""Vietnamese writing of numbers and days: decimal comma, thousands point, dd/mm/yyyy."""

from datetime import date, datetime
from decimal import Decimal

from shared.clock import VIETNAM

_TWO_MONTHS, _TEN = 2, 10


def number_text(number: int) -> str:
    """15247 -> "15.247"."""
    return f"{number:,}".replace(",", ".")


def decimal_text(number: Decimal) -> str:
    """84.21 -> "84,21"; 1234.5 -> "1.234,5"."""
    return f"{number:,f}".translate(str.maketrans(",.", ".,"))


def percent_text(percent: Decimal | None) -> str:
    """84.21 -> "84,21 %"; nothing to divide by -> "-"."""
    return "-" if percent is None else f"{decimal_text(percent)} %"


def day_text(day: date) -> str:
    """31/10/2023."""
    return f"{day:%d/%m/%Y}"


def moment_text(moment: datetime) -> str:
    """A moment in Vietnam's time, to the second: "14 giờ 05 phút 09 giây ngày 31/10/2023"."""
    local = moment.astimezone(VIETNAM)
    return f"{local:%H} giờ {local:%M} phút {local:%S} giây ngày {day_text(local.date())}"


def letter_date(day: date | None) -> str:
    """The date line of an official paper (NĐ 30/2020, Phụ lục I): days under 10 and months 1, 2 with a leading 0.

    Without a day, blanks for the clerk.
    """
    if day is None:
        return "ngày      tháng      năm"
    month = f"{day.month:02}" if day.month <= _TWO_MONTHS else str(day.month)
    return f"ngày {day:%d} tháng {month} năm {day.year}"


def padded_number(number: str) -> str:
    """Numbers under ten are written 0n: "5/BC-UBND" -> "05/BC-UBND"."""
    head, slash, rest = number.partition("/")
    return f"{int(head):02}{slash}{rest}" if head.isascii() and head.isdigit() and int(head) < _TEN else number
