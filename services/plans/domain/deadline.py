"""Reads a deadline as the appendices write it: "Quý II và quý IV/2023", "chậm nhất 20/12", "Thường xuyên".

The reader never guesses and never fails: what names no day is said so by `doubt`, which the import shows as a warning
beside the row, and the task stays.
"""

import datetime as dt
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from services.plans.domain import deadline_words as words
from services.plans.domain.deadline_spans import (
    ImpossibleDay,
    Mention,
    Span,
    SpanKind,
    day_before,
    find_mentions,
    settle_years,
    to_span,
)


class DeadlineKind(StrEnum):
    """How a deadline was written."""

    DATE = "date"
    MONTH = "month"
    QUARTER = "quarter"
    RANGE = "range"
    MILESTONES = "milestones"
    CONTINUOUS = "continuous"
    RECURRING = "recurring"
    EVENT = "event"
    RELATIVE = "relative"
    YEAR = "year"
    NONE = "none"


class DeadlineDoubt(StrEnum):
    """Why a person should look at a deadline."""

    UNREADABLE = "deadline-unreadable"
    IMPOSSIBLE_DAY = "deadline-impossible-day"
    ONLY_A_START = "deadline-only-a-start"
    PART_OF_A_PERIOD = "deadline-part-of-a-period"
    """"Đầu tháng 6", "giữa quý II": no day; the period's last day is taken."""
    DAY_LEFT_ASIDE = "deadline-day-left-aside"
    """"Thường xuyên, báo cáo trước 15/12/2026": a lasting duty has no own day."""


@dataclass(frozen=True)
class Deadline:
    """The phrase as written and its reading.

    `date` is the day that decides on lateness (the last of a range, of the milestones); none means never late.
    `dates` are the milestones, in order.
    """

    phrase: str
    kind: DeadlineKind
    date: dt.date | None = None
    dates: tuple[dt.date, ...] = ()
    doubt: DeadlineDoubt | None = None


class _Stretch(NamedTuple):
    """A span with what the writer put around it."""

    span: Span
    begins: int
    ends: int
    joint: str
    """The text between it and the stretch before."""

    @property
    def last(self) -> dt.date:
        return self.span.last


_LASTING = {DeadlineKind.RECURRING, DeadlineKind.CONTINUOUS}
_RANGE_JOINT = re.compile(
    r"^\s*(?:ngay\s*)?,?\s*(?:-|(?:cho )?den|toi|hoac)\s*(?:truoc\s*)?(?:het\s*)?(?:cuoi\s*)?(?:ngay\s*)?$"
)
_AND_JOINT = re.compile(r"^\s*(?:va|&|\+)\b|\b(?:va|dot|lan|moc)\b|[&+]")
_ASIDE_JOINT = re.compile(r"\(|\b(?:tuc|thuoc|cua|trong)\b")
_BEFORE = re.compile(r"\btruoc(?:\s+(?:ngay|het ngay|het))?\s*$")
_ONLY_FROM = re.compile(r"(?<!dau )\b(?:tu|ke tu|bat dau|sau)(?:\s+(?:tu|ngay|khi|thang|quy))*\s*$")
_PART = re.compile(r"\b(?:dau|giua|tuan(?: thu)? [a-z0-9]{1,5})\s*$")
_PART_OF_YEAR = re.compile(r"^(?:trong\s+)?(?:dau|giua)\s+(?:nam|20)")


def read_deadline(phrase: str, year: int, *, before_is_inclusive: bool = True) -> Deadline:
    """Read `phrase` of a plan of `year`.

    Args:
        phrase: the cell as written; any text at all.
        year: the plan's year, used where the phrase names none.
        before_is_inclusive: "trước ngày 15/12" allows the 15th itself (many offices) or ends on the 14th (others).
    """
    text = words.plain(phrase[: words.LONGEST_PHRASE + 1])
    if not any(char.isalnum() for char in text):
        return Deadline(phrase, DeadlineKind.NONE)
    if len(phrase) > words.LONGEST_PHRASE:
        return Deadline(phrase, DeadlineKind.NONE, doubt=DeadlineDoubt.UNREADABLE)
    try:
        return _read(phrase, text, year, before_is_inclusive=before_is_inclusive)
    except ImpossibleDay:
        kind = _kind_by_words(text, 0) or DeadlineKind.NONE
        if kind in _LASTING:
            return Deadline(phrase, kind)
        return Deadline(phrase, DeadlineKind.NONE, doubt=DeadlineDoubt.IMPOSSIBLE_DAY)


def _read(phrase: str, text: str, year: int, *, before_is_inclusive: bool) -> Deadline:
    mentions = find_mentions(text, year)
    kind = _kind_by_words(text, mentions[0].begins if mentions else len(text))
    if kind in _LASTING:
        aside = any(mention.kind is SpanKind.DATE and mention.year for mention in mentions)
        return Deadline(phrase, kind, doubt=DeadlineDoubt.DAY_LEFT_ASIDE if aside else None)
    if kind is DeadlineKind.RELATIVE:
        return Deadline(phrase, kind)
    if words.BEGINS_WITH_EVENT.search(text):
        clause = words.CLAUSE_WITH_DAY.search(text)
        mentions = [found for found in mentions if clause and found.begins >= clause.start(1)]
    if not mentions:
        if words.EVENT.search(text):
            return Deadline(phrase, DeadlineKind.EVENT)
        return Deadline(phrase, DeadlineKind.NONE, doubt=DeadlineDoubt.UNREADABLE)
    return _from_mentions(phrase, text, settle_years(mentions, year), before_is_inclusive=before_is_inclusive)


def _kind_by_words(text: str, first_day_at: int) -> DeadlineKind | None:
    """The kind that the words alone decide; the earliest of them counts, and a day before "kể từ" outweighs it."""
    relative = words.RELATIVE.search(text)
    recurring, continuous = words.RECURRING.search(text), words.CONTINUOUS.search(text)
    if recurring and (continuous is None or recurring.start() < continuous.start()):
        return DeadlineKind.RECURRING
    if continuous:
        return DeadlineKind.CONTINUOUS
    if relative and relative.start() <= first_day_at:
        return DeadlineKind.RELATIVE
    return None


def _from_mentions(phrase: str, text: str, mentions: list[Mention], *, before_is_inclusive: bool) -> Deadline:
    stretches = _without_containers(_join_ranges(text, mentions))
    ends = sorted({_end(text, stretch, before_is_inclusive=before_is_inclusive) for stretch in stretches})
    only = stretches[0] if len(stretches) == 1 and stretches[0].span.kind is not SpanKind.RANGE else None
    if only and _ONLY_FROM.search(text[: only.begins]):
        return Deadline(phrase, DeadlineKind.NONE, doubt=DeadlineDoubt.ONLY_A_START)
    doubt = DeadlineDoubt.PART_OF_A_PERIOD if _names_a_part(text, stretches[-1]) else None
    if len(ends) > 1:
        return Deadline(phrase, DeadlineKind.MILESTONES, ends[-1], tuple(ends), doubt)
    return Deadline(phrase, DeadlineKind(stretches[-1].span.kind.value), ends[-1], doubt=doubt)


def _join_ranges(text: str, mentions: list[Mention]) -> list[_Stretch]:
    """Turn mentions into stretches; "từ ... đến ..." and "... - ..." become one."""
    stretches: list[_Stretch] = []
    position = 0
    for mention in mentions:
        joint = text[position : mention.begins]
        stretch = _Stretch(to_span(mention), mention.begins, mention.ends, joint)
        is_range = mention.continues_range or _RANGE_JOINT.match(joint) is not None
        if not is_range and stretches:
            began_with_from = _ONLY_FROM.search(text[: stretches[-1].begins]) is not None
            is_range = began_with_from and re.search(r"\bden\b", joint) is not None
        if stretches and is_range:
            stretch = _joined(stretches.pop(), stretch)
        stretches.append(stretch)
        position = mention.ends
    return stretches


def _joined(first: _Stretch, last: _Stretch) -> _Stretch:
    if last.span.last < first.span.first:
        raise ImpossibleDay
    return _Stretch(Span(SpanKind.RANGE, first.span.first, last.span.last), first.begins, last.ends, first.joint)


def _without_containers(stretches: list[_Stretch]) -> list[_Stretch]:
    """Leave out what a narrower one refines: "trong năm 2026, chậm nhất 30/11"; "15/3 (quý I)"."""
    dropped: set[int] = set()
    for index in range(1, len(stretches)):
        before, this = stretches[index - 1], stretches[index]
        if _AND_JOINT.search(this.joint):
            continue
        if _contains(before.span, this.span):
            dropped.add(index - 1)
        elif _contains(this.span, before.span) and _ASIDE_JOINT.search(this.joint):
            dropped.add(index)
    return [stretch for index, stretch in enumerate(stretches) if index not in dropped]


def _contains(outer: Span, inner: Span) -> bool:
    return outer != inner and outer.first <= inner.first and inner.last <= outer.last


def _end(text: str, stretch: _Stretch, *, before_is_inclusive: bool) -> dt.date:
    span = stretch.span
    if before_is_inclusive or not _BEFORE.search(text[: stretch.begins]):
        return span.last
    return day_before(span.last if span.kind in {SpanKind.DATE, SpanKind.RANGE} else span.first)


def _names_a_part(text: str, stretch: _Stretch) -> bool:
    named = text[stretch.begins : stretch.ends]
    return _PART.search(text[: stretch.begins]) is not None or _PART_OF_YEAR.match(named) is not None
