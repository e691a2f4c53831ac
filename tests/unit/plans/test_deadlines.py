"""The deadline reader: phrases as appendices write them, and any text at all."""

import csv
import unicodedata
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.plans.domain.deadline import Deadline, DeadlineDoubt, DeadlineKind, read_deadline
from shared.text import fold

SAMPLES = Path(__file__).parent / "samples"
SEED = Path(__file__).resolve().parents[3] / "services" / "plans" / "seed"
KINDS = {
    "NGAY": DeadlineKind.DATE,
    "THANG": DeadlineKind.MONTH,
    "QUY": DeadlineKind.QUARTER,
    "KHOANG": DeadlineKind.RANGE,
    "NHIEU_MOC": DeadlineKind.MILESTONES,
    "NAM": DeadlineKind.YEAR,
    "THUONG_XUYEN": DeadlineKind.CONTINUOUS,
    "DINH_KY": DeadlineKind.RECURRING,
    "SU_KIEN": DeadlineKind.EVENT,
    "TUONG_DOI": DeadlineKind.RELATIVE,
}
LASTING = {DeadlineKind.CONTINUOUS, DeadlineKind.RECURRING}
WITHOUT_DAY = LASTING | {DeadlineKind.EVENT, DeadlineKind.RELATIVE, DeadlineKind.NONE}


def rows(path: Path) -> list[dict[str, str]]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t"))


def days(deadline: Deadline) -> list[str]:
    found = deadline.dates or ((deadline.date,) if deadline.date else ())
    return [day.isoformat() for day in found]


@pytest.mark.parametrize("row", rows(SAMPLES / "deadline-phrases.tsv"), ids=lambda row: row["cum_tu"])
def test_every_phrase_of_the_list_is_read(row: dict[str, str]) -> None:
    found = read_deadline(row["cum_tu"], 2026)
    assert found.kind is KINDS[row["loai"]]
    assert days(found) == [day for day in row["ket_qua_mong_doi"].split("|") if day]
    assert found.doubt is None


@pytest.mark.parametrize("row", rows(SEED / "plan-tra-vinh-2023.tsv"), ids=lambda row: row["ma"])
def test_every_deadline_of_the_sample_plan_is_read(row: dict[str, str]) -> None:
    found = read_deadline(row["thoi_gian_hoan_thanh"], 2023)
    assert found.kind is KINDS[row["loai_han"]]
    if found.kind in WITHOUT_DAY:
        assert found.date is None
    else:
        assert found.date == date.fromisoformat(row["han_chuan_hoa"])
    assert (len(found.dates) > 1) == (found.kind is DeadlineKind.MILESTONES)


SPELLINGS = """
quy II/2026 | quarter | 2026-06-30
QUÝ II/2026 | quarter | 2026-06-30
Quí 2 | quarter | 2026-06-30
Quý Ⅱ năm 2026 | quarter | 2026-06-30
QuýII/2026 | quarter | 2026-06-30
Q2/2026 | quarter | 2026-06-30
Q.IV/2026 | quarter | 2026-12-31
quý IV-2026 | quarter | 2026-12-31
Quý lV | quarter | 2026-12-31
II/2026 | quarter | 2026-06-30
Quý tư | quarter | 2026-12-31
Hết quý III | quarter | 2026-09-30
Trong Quý 4 năm 2026 | quarter | 2026-12-31
Quý II, năm 2026 | quarter | 2026-06-30
Giải ngân đầu tư quý I/2026 | quarter | 2026-03-31
Quý I và II năm 2026 | milestones | 2026-03-31 2026-06-30
Quý 2,3/2026 | milestones | 2026-06-30 2026-09-30
Quý I, II, III | milestones | 2026-03-31 2026-06-30 2026-09-30
Quý II và quý IV/2023 | milestones | 2023-06-30 2023-12-31
Quý IV và quý I/2027 | milestones | 2026-12-31 2027-03-31
Quý II/2026 - Quý IV/2026 | range | 2026-12-31
từ quý I đến quý III | range | 2026-09-30
quý I - II | range | 2026-06-30
thang 6 | month | 2026-06-30
tháng 01/2023 | month | 2023-01-31
Tháng 2/2024 | month | 2024-02-29
T6/2026 | month | 2026-06-30
6/2026 | month | 2026-06-30
12.2026 | month | 2026-12-31
tháng sáu | month | 2026-06-30
tháng mười hai năm 2026 | month | 2026-12-31
Tháng VI/2026 | month | 2026-06-30
Tháng 1 năm sau | month | 2027-01-31
cuối tháng 6 | month | 2026-06-30
tháng 7 và 12 | milestones | 2026-07-31 2026-12-31
Tháng 3, 6, 9, 12 | milestones | 2026-03-31 2026-06-30 2026-09-30 2026-12-31
tháng 7 và 15/12/2026 | milestones | 2026-07-31 2026-12-15
Tháng 3-6 | range | 2026-06-30
Tháng 9 - 10/2026 | range | 2026-10-31
01/2026-12/2026 | range | 2026-12-31
Từ tháng 10 đến tháng 3/2027 | range | 2027-03-31
tháng 6 hoặc tháng 7 | range | 2026-07-31
trước 31-12-2022 | date | 2022-12-31
hoàn thành trước 30.6.2026 | date | 2026-06-30
chậm nhất 20/12 | date | 2026-12-20
Không quá ngày 25/11/2026 | date | 2026-11-25
ngày 15 tháng 6 năm 2026 | date | 2026-06-15
Trước ngày 28 tháng 2 | date | 2026-02-28
Tháng 6 ngày 15 | date | 2026-06-15
15 - 01 - 2026 | date | 2026-01-15
15/6/26 | date | 2026-06-15
2026-06-30 | date | 2026-06-30
2026-06-30 00:00:00 | date | 2026-06-30
17h00 ngày 15/12/2026 | date | 2026-12-15
30-6 | date | 2026-06-30
trước 15/01 năm sau | date | 2027-01-15
Trước ngày 15 tháng cuối quý III/2026 | date | 2026-09-15
Báo cáo trước ngày 15/12/2023 | date | 2023-12-15
Từ nay đến 31/12/2026 | date | 2026-12-31
Quý I/2026 (trước ngày 15/3) | date | 2026-03-15
Trong năm 2026, chậm nhất 30/11 | date | 2026-11-30
30/06/2026 (Quý II) | date | 2026-06-30
Trước 20/12/2026 (trong 5 ngày kể từ ngày họp) | date | 2026-12-20
Theo Kế hoạch số 15/KH-UBND ngày 15/01/2026, hoàn thành trong tháng 6 | month | 2026-06-30
15/3, 15/6, 15/9, 15/12 | milestones | 2026-03-15 2026-06-15 2026-09-15 2026-12-15
Đợt 1: trước 30/6; đợt 2: trước 31/10/2026 | milestones | 2026-06-30 2026-10-31
Kế hoạch: Quý I/2026; Báo cáo: Quý IV/2026 | milestones | 2026-03-31 2026-12-31
01/3 - 30/6/2026 | range | 2026-06-30
ngày 20-25/12/2026 | range | 2026-12-25
từ ngày 01 đến ngày 15/12/2026 | range | 2026-12-15
6 tháng cuối năm | range | 2026-12-31
sáu tháng đầu năm | range | 2026-06-30
9 tháng | range | 2026-09-30
Nửa đầu năm 2026 | range | 2026-06-30
giai đoạn 2026 - 2030 | range | 2030-12-31
Trong năm 2026-2027 | range | 2027-12-31
cuối năm | year | 2026-12-31
Năm 2026 | year | 2026-12-31
đến năm 2030 | year | 2030-12-31
2026 | year | 2026-12-31
Thực hiện thường xuyên, liên tục | continuous |
Suốt năm | continuous |
Hàng tuần | recurring |
Trước ngày 15/12 hằng năm | recurring |
Trước ngày 15 tháng cuối quý | recurring |
01 lần/năm | recurring |
6 tháng/lần | recurring |
Tháng, quý, năm | recurring |
Quý I, 6 tháng, quý III, năm | recurring |
Theo quý | recurring |
Theo quy định của Luật Ngân sách | event |
Theo Quyết định số 123/QĐ-UBND ngày 15/01/2026 | event |
Khi có yêu cầu | event |
Sau khi có hướng dẫn | event |
Ngay sau khi ban hành | event |
Trong vòng 30 ngày kể từ ngày có hiệu lực | relative |
Chậm nhất 05 ngày sau khi kết thúc | relative |
- | none |
"""
CASES = [[part.strip() for part in line.split("|")] for line in SPELLINGS.strip().splitlines()]


@pytest.mark.parametrize(("phrase", "kind", "expected"), CASES, ids=[case[0] for case in CASES])
def test_spellings_that_no_list_names(phrase: str, kind: str, expected: str) -> None:
    found = read_deadline(phrase, 2026)
    assert (found.kind, days(found)) == (kind, expected.split())
    assert found.doubt is None


@pytest.mark.parametrize(("phrase", "kind", "expected"), CASES, ids=[case[0] for case in CASES])
def test_case_marks_blanks_and_normal_form_do_not_matter(phrase: str, kind: str, expected: str) -> None:
    for other in (
        unicodedata.normalize("NFD", phrase),
        phrase.upper(),
        f"  {phrase.replace(' ', '   ')}\n",
        phrase.replace(" ", "\u00a0"),
    ):
        found = read_deadline(other, 2026)
        assert (found.kind, days(found)) == (kind, expected.split()), other


@pytest.mark.parametrize(
    ("phrase", "doubt"),
    [
        ("30/02/2026", DeadlineDoubt.IMPOSSIBLE_DAY),
        ("Trước ngày 31/6", DeadlineDoubt.IMPOSSIBLE_DAY),
        ("29/02/2026", DeadlineDoubt.IMPOSSIBLE_DAY),
        ("ngày 0/6", DeadlineDoubt.IMPOSSIBLE_DAY),
        ("30/6/2026 - 15/3/2026", DeadlineDoubt.IMPOSSIBLE_DAY),
        ("Quý V", DeadlineDoubt.UNREADABLE),
        ("tháng 13", DeadlineDoubt.UNREADABLE),
        ("12/2025/QĐ-UBND", DeadlineDoubt.UNREADABLE),
        ("Năm học 2026-2027", DeadlineDoubt.UNREADABLE),
        ("nt", DeadlineDoubt.UNREADABLE),
        ("x" * 2000, DeadlineDoubt.UNREADABLE),
        ("Từ ngày 01/7/2026", DeadlineDoubt.ONLY_A_START),
    ],
)
def test_what_cannot_be_read_has_no_day_and_says_so(phrase: str, doubt: DeadlineDoubt) -> None:
    assert read_deadline(phrase, 2026) == Deadline(phrase, DeadlineKind.NONE, doubt=doubt)


def test_part_of_a_period_ends_with_it_and_is_doubted() -> None:
    found = read_deadline("Đầu quý IV", 2026)
    assert (found.kind, found.date) == (DeadlineKind.QUARTER, date(2026, 12, 31))
    assert found.doubt is DeadlineDoubt.PART_OF_A_PERIOD
    assert read_deadline("Tuần 1 tháng 6", 2026).date == date(2026, 6, 30)


def test_lasting_duty_with_a_day_beside_it_keeps_no_day() -> None:
    found = read_deadline("Thường xuyên, báo cáo trước 15/12/2026", 2026)
    assert (found.kind, found.date, found.doubt) == (DeadlineKind.CONTINUOUS, None, DeadlineDoubt.DAY_LEFT_ASIDE)


def test_before_a_day_ends_the_day_before_where_the_office_reads_it_so() -> None:
    def strict(phrase: str) -> date | None:
        return read_deadline(phrase, 2026, before_is_inclusive=False).date

    assert strict("Trước ngày 15/12/2026") == date(2026, 12, 14)
    assert strict("trước 01/01/2026") == date(2025, 12, 31)
    assert strict("Trước tháng 6") == date(2026, 5, 31)
    assert strict("Chậm nhất 15/12/2026") == date(2026, 12, 15)
    assert strict("Trước 17 giờ ngày 15/12/2026") == date(2026, 12, 15)


FORMATS = (
    "{d}/{m}/{y}",
    "{d:02}/{m:02}/{y}",
    "{d:02}-{m:02}-{y}",
    "{d}.{m}.{y}",
    "Trước ngày {d}/{m}/{y}",
    "ngày {d} tháng {m} năm {y}",
    "chậm nhất ngày {d:02} tháng {m:02} năm {y}",
    "{y}-{m:02}-{d:02}",
    "Hoàn thành hồ sơ trình UBND tỉnh trước ngày {d}/{m}/{y}.",
)


@given(st.dates(date(2001, 1, 1), date(2099, 12, 31)), st.sampled_from(FORMATS), st.booleans(), st.booleans())
def test_written_day_is_read_back(day: date, form: str, bare: bool, upper: bool) -> None:
    phrase = form.format(d=day.day, m=day.month, y=day.year)
    phrase = fold(phrase) if bare else phrase
    found = read_deadline(phrase.upper() if upper else phrase, 2026)
    assert (found.kind, found.date, found.doubt) == (DeadlineKind.DATE, day, None)


@given(st.integers(1, 4), st.integers(2001, 2099), st.sampled_from(["Quý {r}/{y}", "quý {n} năm {y}", "Q{n}-{y}"]))
def test_written_quarter_ends_on_its_last_day(quarter: int, year: int, form: str) -> None:
    phrase = form.format(n=quarter, r=["I", "II", "III", "IV"][quarter - 1], y=year)
    following = date(year + quarter // 4, quarter * 3 % 12 + 1, 1)
    assert read_deadline(phrase, 2026).date == following - timedelta(days=1)


PIECES = st.sampled_from(
    ["quý", "tháng", "năm", "ngày", "trước", "đến", "-", "/", ",", "và", "15", "31", "02", "2026", "II", "IV", "cuối",
     "đầu", "hằng", "từ", "theo", "kể từ", "lần", "(", ")", "6", "T", "Q", "số"]
)  # fmt: skip
ANY_TEXT = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=14).map(" ".join), st.lists(PIECES).map("".join))


@settings(max_examples=1500, deadline=None)
@given(ANY_TEXT, st.integers(2000, 2100), st.booleans())
@example("tháng năm năm", 2026, True)
@example("1/1/0001", 2026, False)
@example("\ud800 quý \x00", 2026, True)
def test_any_text_is_read_or_doubted_and_never_fails(text: str, year: int, inclusive: bool) -> None:
    found = read_deadline(text, year, before_is_inclusive=inclusive)
    assert found.phrase == text
    assert list(found.dates) == sorted(set(found.dates))
    if found.kind in WITHOUT_DAY:
        assert found.date is None
    else:
        assert found.date is not None
    assert bool(found.dates) == (found.kind is DeadlineKind.MILESTONES)
    if found.dates:
        assert len(found.dates) > 1
        assert found.date == found.dates[-1]
    if found.kind is DeadlineKind.NONE and any(char.isalnum() for char in text):
        assert found.doubt is not None or not any(char.isalnum() for char in fold(text))
