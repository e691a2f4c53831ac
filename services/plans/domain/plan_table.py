"""Recognises the table of a plan's appendix: which row holds the headings, and which column is which."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from shared.text import fold

HEADER_WITHIN = 30
"""Appendices begin with the office's name, the number, the title: the headings come within so many rows."""


class Column(StrEnum):
    """What a column of the table holds; the value is its Vietnamese name in messages."""

    NUMBER = "STT"
    TITLE = "Nhiệm vụ"
    DELIVERABLE = "Sản phẩm"
    LEADS = "Cơ quan chủ trì"
    COORDINATORS = "Cơ quan phối hợp"
    DEADLINE = "Thời gian hoàn thành"
    FIELD_CODE = "Mục"
    FIELD_NAME = "Lĩnh vực"
    GROUP = "Nhóm"
    CODE = "Mã"
    NORMALISED = "Hạn chuẩn hóa"
    NOTE = "Ghi chú"


REQUIRED = (Column.NUMBER, Column.TITLE, Column.LEADS, Column.DEADLINE)

SPELLINGS: Mapping[Column, tuple[str, ...]] = {
    Column.NUMBER: ("stt", "tt", "so tt", "so thu tu", "no"),
    Column.TITLE: (
        "nhiem vu",
        "ten nhiem vu",
        "nhiem vu cu the",
        "noi dung nhiem vu",
        "nhiem vu cong viec",
        "nhiem vu hoat dong",
        "nhiem vu giai phap",
        "noi dung cong viec",
        "noi dung nhiem vu cong viec",
        "noi dung thuc hien",
        "cong viec",
        "hoat dong",
        "ten cong viec",
        "noi dung",
    ),
    Column.DELIVERABLE: (
        "san pham",
        "san pham ket qua",
        "ket qua san pham",
        "san pham dau ra",
        "san pham ket qua dau ra",
        "ket qua dau ra",
        "san pham hoan thanh",
        "ket qua dat duoc",
        "ket qua",
    ),
    Column.LEADS: (
        "co quan chu tri",
        "don vi chu tri",
        "co quan don vi chu tri",
        "co quan chu tri thuc hien",
        "don vi chu tri thuc hien",
        "chu tri",
        "co quan thuc hien",
        "don vi thuc hien",
    ),
    Column.COORDINATORS: (
        "co quan phoi hop",
        "don vi phoi hop",
        "co quan don vi phoi hop",
        "co quan phoi hop thuc hien",
        "phoi hop",
    ),
    Column.DEADLINE: (
        "thoi gian hoan thanh",
        "thoi han hoan thanh",
        "han hoan thanh",
        "thoi diem hoan thanh",
        "thoi gian thuc hien hoan thanh",
        "thoi gian thuc hien",
        "thoi han thuc hien",
        "thoi han",
        "thoi gian",
        "tien do hoan thanh",
        "tien do",
    ),
    Column.FIELD_CODE: ("muc", "ma linh vuc"),
    Column.FIELD_NAME: ("linh vuc", "ten linh vuc"),
    Column.GROUP: ("nhom", "nhom cong viec", "nhom nhiem vu"),
    Column.CODE: ("ma", "ma nhiem vu"),
    Column.NORMALISED: ("han chuan hoa",),
    Column.NOTE: ("ghi chu",),
}
"""Headings in folded spelling, the likeliest first. Columns with other headings are passed over."""

_PARTLY: tuple[tuple[Column, re.Pattern[str]], ...] = (
    (Column.LEADS, re.compile(r"\bchu tri\b")),
    (Column.COORDINATORS, re.compile(r"\bphoi hop\b")),
    (Column.DELIVERABLE, re.compile(r"\bsan pham\b|\bket qua dau ra\b")),
    (Column.DEADLINE, re.compile(r"^(?:thoi (?:gian|han|diem)|han|tien do)\b.*\b(?:hoan thanh|thuc hien)\b")),
    (Column.TITLE, re.compile(r"\bnhiem vu\b|\bcong viec\b|\bhoat dong\b")),
)
_NO_WORD = re.compile(r"[^a-z0-9]+")
_IS_HEADER = 3


@dataclass(frozen=True)
class FileRow:
    """One row of a file.

    `number` counts from 1 as a spreadsheet or an editor shows it. `from_above` are the places whose text comes from a
    merged cell that begins in a row above.
    """

    number: int
    cells: tuple[str, ...]
    from_above: frozenset[int] = field(default_factory=frozenset)

    @property
    def is_blank(self) -> bool:
        return not any(cell.strip() for cell in self.cells)

    @property
    def is_comment(self) -> bool:
        return next((cell.lstrip() for cell in self.cells if cell.strip()), "").startswith("#")


@dataclass(frozen=True)
class Header:
    """The row with the headings: where each column is and how its heading is written."""

    row: int
    places: Mapping[Column, int]
    headings: Mapping[Column, str]

    @property
    def missing(self) -> tuple[Column, ...]:
        return tuple(column for column in REQUIRED if column not in self.places)

    def heading(self, column: Column) -> str:
        """Return the heading as written, or the column's usual name where the table has no such column."""
        return self.headings.get(column, column.value)


def heading_key(text: str) -> str:
    """Return the form in which headings are compared: "Cơ quan chủ trì", "co_quan_chu_tri" are one."""
    return _NO_WORD.sub(" ", fold(text)).strip()


def find_header(rows: Sequence[FileRow]) -> Header | None:
    """Return the header: of the first rows, the one with the most known headings; None when there is no plan table."""
    best: Header | None = None
    looked_at = [row for row in rows if not row.is_blank and not row.is_comment][:HEADER_WITHIN]
    for row in looked_at:
        header = _as_header(row)
        if header and (best is None or len(header.places) > len(best.places)):
            best = header
    return best


def _as_header(row: FileRow) -> Header | None:
    keys = [heading_key(cell) for cell in row.cells]
    places: dict[Column, int] = {}
    for column, spellings in SPELLINGS.items():
        place = next((keys.index(spelling) for spelling in spellings if spelling in keys), None)
        if place is not None:
            places[column] = place
    for column, pattern in _PARTLY:
        taken = set(places.values())
        if column not in places:
            free = (index for index, key in enumerate(keys) if index not in taken and pattern.search(key))
            place = next(free, None)
            if place is not None:
                places[column] = place
    if len(places) < _IS_HEADER or not {Column.TITLE, Column.LEADS, Column.DEADLINE} & places.keys():
        return None
    headings = {column: " ".join(row.cells[place].split()) for column, place in places.items()}
    return Header(row.number, places, headings)
