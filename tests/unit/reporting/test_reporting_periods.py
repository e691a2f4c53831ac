"""Every period that a scheme defines comes out of its code, day for day."""

from datetime import date

import pytest

from services.reporting.domain.errors import PeriodBackwards
from services.reporting.domain.periods import (
    Period,
    Scheme,
    by_hand,
    months_to_date,
    periods,
    working_days_after,
)
from tests.unit.reporting.sample_plan import PERIODS_FILE, rows

TABLE = rows(PERIODS_FILE)


def made(row: dict[str, str]) -> Period:
    year, _, suffix = row["ma_ky"].partition("-")
    match row["bo_quy_tac"]:
        case "ND09_D12":
            return next(found for found in periods(Scheme.DECREE, int(year)) if found.code == row["ma_ky"])
        case "BNV_581":
            return next(found for found in periods(Scheme.MINISTRY, int(year)) if found.code == row["ma_ky"])
        case _:
            scheme = Scheme.CALENDAR if suffix.endswith("-DL") else Scheme.DECREE
            return months_to_date(int(year), int(suffix.partition("T")[0]), scheme=scheme)


def test_the_table_has_all_its_rows() -> None:
    assert len(TABLE) == 104


@pytest.mark.parametrize("row", TABLE, ids=[row["ma_ky"] for row in TABLE])
def test_every_row_of_the_table_comes_out_of_the_scheme_code(row: dict[str, str]) -> None:
    period = made(row)
    assert period.code == row["ma_ky"]
    assert row["ten_ky"].startswith(period.name)
    assert period.from_ == date.fromisoformat(row["tu_ngay"])
    assert period.to == date.fromisoformat(row["den_ngay"])
    if row["han_gui"].startswith("20"):
        assert period.send_by == date.fromisoformat(row["han_gui"])
    else:
        assert period.send_by is None


@pytest.mark.parametrize("scheme", [Scheme.DECREE, Scheme.MINISTRY])
def test_a_scheme_makes_no_period_that_the_table_does_not_have(scheme: Scheme) -> None:
    known = {row["ma_ky"] for row in TABLE}
    assert {period.code for year in range(2023, 2027) for period in periods(scheme, year)} <= known


def test_cchc_quarter_three_is_not_nine_months() -> None:
    quarter = next(found for found in periods(Scheme.MINISTRY, 2023) if found.code == "2023-CCHC-Q3")
    nine = months_to_date(2023, 9, scheme=Scheme.DECREE)
    assert (quarter.from_, nine.from_) == (date(2023, 6, 15), date(2022, 12, 15))
    assert quarter.to == nine.to


def test_calendar_quarters_end_on_the_last_day_of_their_month() -> None:
    found = {period.code: period.to for period in periods(Scheme.CALENDAR, 2024)}
    assert found["2024-T02-DL"] == date(2024, 2, 29)
    assert found["2024-Q1-DL"] == date(2024, 3, 31)


def test_two_working_days_after_a_thursday_is_monday_and_holidays_do_not_count() -> None:
    assert working_days_after(date(2023, 9, 14), 2) == date(2023, 9, 18)
    assert working_days_after(date(2023, 9, 14), 2, holidays={date(2023, 9, 15)}) == date(2023, 9, 19)


def test_a_period_made_by_hand_may_not_end_before_it_begins() -> None:
    with pytest.raises(PeriodBackwards):
        by_hand("10 tháng", date(2023, 10, 31), date(2023, 1, 1))
