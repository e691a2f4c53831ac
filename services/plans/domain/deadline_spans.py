"""Finds the days, months, quarters and years that a prepared deadline phrase names."""

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

LAST = 99
"""Stands for a month's last day until the year is settled."""


class SpanKind(StrEnum):
    """What a span of days was written as."""

    DATE = "date"
    MONTH = "month"
    QUARTER = "quarter"
    RANGE = "range"
    YEAR = "year"


@dataclass(frozen=True)
class Mention:
    """One named stretch of time, its year perhaps left open by the writer.

    `first` and `last` are (month, day). `begins`/`ends` are positions in the phrase. `continues_range`: it is the end
    of a range that the mention before it opened.
    """

    kind: SpanKind
    first: tuple[int, int]
    last: tuple[int, int]
    year: int | None
    begins: int
    ends: int
    continues_range: bool = False
    last_year: int | None = None


@dataclass(frozen=True)
class Span:
    """A mention with its days settled, both ends included."""

    kind: SpanKind
    first: date
    last: date


class ImpossibleDay(Exception):  # noqa: N818 -- says the refusal
    """The phrase names a day that no calendar has (30/02)."""


_YEAR = (
    r"(?:\s*[/.,-]?\s*(?:cua\s+)?(?:nam\s+)?(?P<y>20[0-9]{2})(?![0-9])"
    r"|\s*,?\s*(?:cua\s+)?nam\s+(?P<rel>nay|sau|toi|truoc)\b)?"
)
_QUARTER = r"(?:iv|iii|ii|i|lv|lll|ll|l|0?[1-4])(?![a-z0-9])"
_ROMAN_QUARTER = r"(?:iv|iii|ii|i)(?![a-z0-9])"
_MONTH = r"(?:1[0-2]|0?[1-9])(?![0-9])"
_LIST = r"\s*(?:-|,|;|&|\+|\bva\b|\bden\b|\btoi\b)\s*"
_STOP = r"(?=\s*(?:$|[,;/.()&+-]|va\b|den\b|nam\b))(?!\s*[/.]\s*[0-9]{1,2}(?![0-9]))"
_QUARTERS = {"i": 1, "ii": 2, "iii": 3, "iv": 4}
_ORDINALS = {"dau": 0, "giua": 1, "cuoi": 2, "thu nhat": 0, "thu 1": 0, "thu hai": 1, "thu 2": 1, "thu ba": 2}

_ISO = re.compile(r"(?P<y>20[0-9]{2})[-/.](?P<m>[0-9]{1,2})[-/.](?P<d>[0-9]{1,2})(?![0-9])")
_IN_QUARTER = re.compile(
    rf"(?:(?P<d>[0-9]{{1,2}})\s+(?:cua\s+)?)?thang (?P<nth>{'|'.join(_ORDINALS)})(?: cua)?"
    rf" quy\s*(?P<q>{_QUARTER}){_YEAR}"
)
_FULL_DATE = re.compile(
    r"(?:(?P<from>[0-9]{1,2})\s*-\s*)?(?P<d>[0-9]{1,2})\s*(?P<sep>[/.-])\s*(?P<m>[0-9]{1,2})\s*(?P=sep)\s*"
    r"(?P<y>20[0-9]{2}|[0-9]{2})(?![0-9])"
)
_MIXED_DATE = re.compile(r"(?P<d>[0-9]{1,2})\s*[/.-]\s*(?P<m>[0-9]{1,2})\s*[/.-]\s*(?P<y>20[0-9]{2})(?![0-9])")
_SPELT_DATE = re.compile(
    rf"(?:(?P<from>[0-9]{{1,2}})\s*(?:-|den)\s*(?:ngay\s*)?)?(?P<d>[0-9]{{1,2}})\s*,?\s*thang\s*(?P<m>[0-9]{{1,2}})(?![0-9]){_YEAR}"
)
_MONTH_THEN_DAY = re.compile(rf"thang\s*(?P<m>{_MONTH})\s*,?\s*ngay\s*(?P<d>[0-9]{{1,2}})(?![0-9/.-]){_YEAR}")
_SHORT_DATE = re.compile(
    r"(?:(?P<from>[0-9]{1,2})\s*(?:-|den)\s*(?:ngay\s*)?)?(?P<d>[0-9]{1,2})\s*/\s*(?P<m>[0-9]{1,2})(?![0-9])"
    r"(?:\s*,?\s*nam\s+(?:(?P<y>20[0-9]{2})|(?P<rel>nay|sau|toi|truoc)\b))?"
)
_DASHED_DATE = re.compile(r"(?P<d>[0-9]{1,2})\s*[.-]\s*(?P<m>[0-9]{1,2})(?![0-9])(?=\s*(?:$|[,;)]))")
_MONTH_AND_YEAR = re.compile(r"(?P<m>0?[1-9]|1[0-2])\s*[/.-]\s*(?P<y>20[0-9]{2})(?![0-9])")
_YEAR_AND_MONTH = re.compile(r"(?P<y>20[0-9]{2})[-/](?P<m>0[1-9]|1[0-2])(?![0-9])")
_FIRST_MONTHS = re.compile(rf"(?P<n>1[0-2]|0?[1-9])\s*thang\b(?:\s*(?P<part>dau|cuoi)(?:\s+nam\b)?)?{_YEAR}")
_HALF = re.compile(rf"nua (?:nam )?(?P<part>dau|cuoi)(?: nam)?{_YEAR}")
_MONTHS = re.compile(rf"(?:thang|t\.?)\s*(?P<n>{_MONTH})(?P<more>(?:{_LIST}{_MONTH}{_STOP})*){_YEAR}")
_QUARTERS_NAMED = re.compile(
    rf"(?:quy|q)\.?\s*(?P<n>{_QUARTER})"
    rf"(?P<more>(?:(?:{_LIST}|\s*/\s*){_ROMAN_QUARTER})+|(?:{_LIST}0?[1-4](?![a-z0-9]){_STOP})*){_YEAR}"
)
_BARE_QUARTER = re.compile(rf"(?P<n>{_ROMAN_QUARTER})\s*/\s*(?P<y>20[0-9]{{2}})$")
_YEARS = re.compile(
    r"(?:nam\s+)?(?P<y>20[0-9]{2})\s*(?:-|\bden\b|\bden het\b)\s*(?:het\s+)?(?:nam\s+)?(?P<to>20[0-9]{2})(?![0-9/])"
)
_YEAR_NAMED = re.compile(
    r"(?:(?:trong|ca|het|cuoi|dau|giua|den)\s+)*nam\s+(?:(?P<y>20[0-9]{2})(?![0-9])(?!\s*(?:-|den)\s*(?:nam\s*)?20)"
    r"|(?P<rel>nay|sau|toi|truoc)\b)"
    r"|(?:trong|ca|het|cuoi|dau|giua)\s+nam\b(?!\s*(?:20|hoc))(?: ke hoach)?"
    r"|(?:trong|ca|het|cuoi|dau|giua|den)\s+(?P<bare>20[0-9]{2})(?![0-9/])"
)
_BARE_YEAR = re.compile(r"(?P<y>20[0-9]{2})\.?$")
_WORD_START = re.compile(r"(?<![a-z0-9])[a-z0-9]")
_NO_DAY_AFTER = ("so ", "so: ", "nam hoc ", "tuan ", "tuan thu ")
_DOCUMENT_TAIL = re.compile(r"\s*/\s*(?!quy|thang|nam|ngay|lan)[a-z]")
_BEFORE_DASHED = re.compile(r"(?:^|\b(?:ngay|truoc|nhat|den|het|muon|la|:)\s*)$")


def end_of_month(year: int, month: int) -> int:
    """Return the number of the month's last day."""
    return calendar.monthrange(year, month)[1]


def _quarter_number(token: str) -> int:
    return _QUARTERS.get(token.replace("l", "i")) or int(token)


class _Reader:
    """Walks through one phrase; keeps the plan's year for "năm sau"."""

    def __init__(self, text: str, plan_year: int) -> None:
        self._text = text
        self._plan_year = plan_year
        self._rules: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], list[Mention]]], ...] = (
            (_ISO, self._day),
            (_IN_QUARTER, self._in_quarter),
            (_FULL_DATE, self._day),
            (_MIXED_DATE, self._day),
            (_SPELT_DATE, self._day),
            (_MONTH_AND_YEAR, self._month),
            (_SHORT_DATE, self._day),
            (_YEARS, self._years),
            (_YEAR_AND_MONTH, self._month),
            (_FIRST_MONTHS, self._first_months),
            (_MONTH_THEN_DAY, self._day),
            (_HALF, self._first_months),
            (_MONTHS, self._months),
            (_QUARTERS_NAMED, self._quarters),
            (_BARE_QUARTER, self._quarters),
            (_YEAR_NAMED, self._year_named),
            (_BARE_YEAR, self._year_named),
            (_DASHED_DATE, self._day),
        )

    def mentions(self) -> Iterator[Mention]:
        position = 0
        for start in _WORD_START.finditer(self._text):
            if start.start() >= position and (found := self._match_at(start.start())):
                yield from found
                position = found[-1].ends

    def _match_at(self, position: int) -> list[Mention]:
        before = self._text[:position]
        if before.endswith(_NO_DAY_AFTER):
            return []
        for pattern, make in self._rules:
            match = pattern.match(self._text, position)
            if match is None or _DOCUMENT_TAIL.match(self._text, match.end()):
                continue
            if pattern is _DASHED_DATE and not _BEFORE_DASHED.search(before):
                continue
            if pattern is _BARE_YEAR and before.strip() not in {"", "giai doan", "nam:"}:
                continue
            return make(match)
        return []

    def _year_of(self, match: re.Match[str]) -> int | None:
        groups = match.groupdict()
        if groups.get("y"):
            year = int(groups["y"])
            return year if year > 99 else 2000 + year  # noqa: PLR2004 -- "15/6/26" leaves the century out
        moved = {"nay": 0, "sau": 1, "toi": 1, "truoc": -1}.get(groups.get("rel") or "")
        return None if moved is None else self._plan_year + moved

    def _day(self, match: re.Match[str]) -> list[Mention]:
        groups = match.groupdict()
        day, month, year = int(match["d"]), int(match["m"]), self._year_of(match)
        first = int(groups["from"]) if groups.get("from") else day
        if first > day:
            raise ImpossibleDay
        kind = SpanKind.DATE if first == day else SpanKind.RANGE
        return [Mention(kind, (month, first), (month, day), year, match.start(), match.end())]

    def _month(self, match: re.Match[str]) -> list[Mention]:
        month = int(match["m"])
        return [Mention(SpanKind.MONTH, (month, 1), (month, LAST), self._year_of(match), match.start(), match.end())]

    def _in_quarter(self, match: re.Match[str]) -> list[Mention]:
        month = 3 * _quarter_number(match["q"]) - 2 + _ORDINALS[match["nth"]]
        whole = Mention(SpanKind.MONTH, (month, 1), (month, LAST), self._year_of(match), match.start(), match.end())
        if match["d"]:
            return [replace(whole, kind=SpanKind.DATE, first=(month, int(match["d"])), last=(month, int(match["d"])))]
        return [whole]

    def _first_months(self, match: re.Match[str]) -> list[Mention]:
        count = int(match.groupdict().get("n") or 6)
        first, last = (13 - count, 12) if match["part"] == "cuoi" else (1, count)
        return [Mention(SpanKind.RANGE, (first, 1), (last, LAST), self._year_of(match), match.start(), match.end())]

    def _months(self, match: re.Match[str]) -> list[Mention]:
        return self._listed(match, SpanKind.MONTH, lambda token: (int(token), int(token)))

    def _quarters(self, match: re.Match[str]) -> list[Mention]:
        def months(token: str) -> tuple[int, int]:
            quarter = _quarter_number(token)
            return 3 * quarter - 2, 3 * quarter

        return self._listed(match, SpanKind.QUARTER, months)

    def _listed(self, match: re.Match[str], kind: SpanKind, months: Callable[[str], tuple[int, int]]) -> list[Mention]:
        year = self._year_of(match)
        tokens = [(match["n"], False)]
        for joint, token in re.findall(
            r"(-|,|;|&|\+|/|va|den|toi)\s*([ivl]+|[0-9]+)", match.groupdict().get("more") or ""
        ):
            tokens.append((token, joint in {"-", "den", "toi"}))
        found = []
        for token, continues in tokens:
            first, last = months(token)
            found.append(Mention(kind, (first, 1), (last, LAST), year, match.start(), match.end(), continues))
        return found

    def _years(self, match: re.Match[str]) -> list[Mention]:
        if int(match["to"]) < int(match["y"]):
            raise ImpossibleDay
        year, to = int(match["y"]), int(match["to"])
        return [Mention(SpanKind.RANGE, (1, 1), (12, LAST), year, match.start(), match.end(), last_year=to)]

    def _year_named(self, match: re.Match[str]) -> list[Mention]:
        bare = match.groupdict().get("bare")
        year = int(bare) if bare else self._year_of(match)
        return [Mention(SpanKind.YEAR, (1, 1), (12, LAST), year, match.start(), match.end())]


def find_mentions(text: str, plan_year: int) -> list[Mention]:
    """Return what the prepared phrase names, in its order.

    Raises:
        ImpossibleDay: a range runs backwards.
    """
    return list(_Reader(text, plan_year).mentions())


def settle_years(mentions: list[Mention], plan_year: int) -> list[Mention]:
    """Give each mention its year.

    Its own; else that of the next one that has one ("quý II và quý IV/2023"); else that of the one before; else the
    plan's. Mentions run forwards, so "quý IV, quý I/2027" begins in 2026.
    """
    settled = list(mentions)
    for index in reversed(range(len(settled) - 1)):
        this, following = settled[index], settled[index + 1]
        if this.year is None and following.year is not None:
            is_later = this.last > following.last and this.kind is not SpanKind.YEAR
            settled[index] = replace(this, year=following.year - (1 if is_later else 0))
    for index, this in enumerate(settled):
        if this.year is not None:
            continue
        before = settled[index - 1] if index else None
        if before is None or before.year is None:
            settled[index] = replace(this, year=plan_year)
        else:
            is_earlier = this.last < before.first and before.kind is not SpanKind.YEAR
            settled[index] = replace(this, year=before.year + (1 if is_earlier and this.continues_range else 0))
    return settled


def to_span(mention: Mention) -> Span:
    """Return the days of a mention whose year is settled.

    Raises:
        ImpossibleDay: no calendar has such a day.
    """
    year = mention.year or 0
    last_year = mention.last_year or year
    month, day = mention.last
    try:
        if day == LAST:
            day = end_of_month(last_year, month)
        return Span(mention.kind, date(year, *mention.first), date(last_year, month, day))
    except (ValueError, IndexError) as error:
        raise ImpossibleDay from error


def day_before(day: date) -> date:
    """Return the day before."""
    return day - timedelta(days=1)
