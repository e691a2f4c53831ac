"""Walks down the table: headings, tasks, sub-items, rows that go on with the task above."""

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.plans.domain.errors import Issue
from services.plans.domain.plan_table import Column, FileRow, Header, heading_key
from services.plans.domain.programme import Programme, ProgrammeField, is_roman
from shared.text import nfc

LONGEST_CELL = 4_000
LONGEST_NUMBER = 50
LONGEST_CODE = 100
_JOINED = (Column.DELIVERABLE, Column.LEADS, Column.COORDINATORS, Column.DEADLINE, Column.NOTE)
_WHOLE_NUMBER = re.compile(r"([0-9]{1,6})\.0+")
_LETTER = re.compile(r"[a-zđA-ZĐ]")
_ROMAN_START = re.compile(r"^\s*([IVX]{1,5})\s*[.):\-]\s*(\S.*)$", re.DOTALL)
_INDEX_CELL = re.compile(r"\(?[0-9]{1,2}\)?|\(?[A-Ha-h]\)?")
_IS_HEADER_AGAIN = 3
_SUB_BULLETS = {"-", "+", "*", "•", "–"}


@dataclass
class DraftTask:
    """A task as its row or rows tell it: `cells` in NFC on one line, `raw` with the line breaks kept."""

    row: int
    number: str
    field: str
    group: str
    cells: dict[Column, str]
    raw: dict[Column, str]
    faulty: set[Column] = dataclasses.field(default_factory=set)
    """Columns with an error of their own; nothing more is said about them."""


@dataclass
class Gathered:
    """The tasks of a table in order, and what was found on the way."""

    tasks: list[DraftTask] = dataclasses.field(default_factory=list)
    errors: list[Issue] = dataclasses.field(default_factory=list)
    warnings: list[Issue] = dataclasses.field(default_factory=list)


def gather(rows: Sequence[FileRow], header: Header, programme: Programme) -> Gathered:
    """Return the tasks below the header; errors and warnings name their rows."""
    body = [row for row in rows if row.number > header.row and not row.is_blank and not row.is_comment]
    walk = _Walk(header, programme)
    for place, row in enumerate(body):
        walk.take(row, body[place + 1] if place + 1 < len(body) else None)
    walk.finish()
    return walk.found


class _Walk:
    """State of the walk: the field and group that the last headings opened, and the task above."""

    def __init__(self, header: Header, programme: Programme) -> None:
        self.found = Gathered()
        self._header = header
        self._programme = programme
        self._field: ProgrammeField | None = None
        self._group = ""
        self._parent: DraftTask | None = None
        self._sub_items = 0
        self._has_field_columns = bool({Column.FIELD_CODE, Column.FIELD_NAME} & header.places.keys())
        self._said_no_field = False
        self._faulty: set[Column] = set()

    def take(self, row: FileRow, following: FileRow | None) -> None:
        if self._repeats_header(row) or _is_index_row(row):
            return
        self._faulty = set()
        raw, cells = self._read_cells(row)
        if self._continues(row, cells):
            self._join(row, cells, raw)
            return
        if self._is_heading(cells) and self._take_heading(row, cells, following):
            return
        self._take_task(row, cells, raw)

    def finish(self) -> None:
        self._number_by_field()
        seen: dict[str, int] = {}
        for task in self.found.tasks:
            first = seen.setdefault(task.number, task.row)
            if task.number and first != task.row:
                text = f"Số thứ tự {task.number} trùng với dòng {first}."
                self._error(task.row, Column.NUMBER, "duplicate-number", text)

    def _number_by_field(self) -> None:
        """Where numbers begin anew in every field, make them unique by the field: "II.1"."""
        first: dict[str, str] = {}
        for task in self.found.tasks:
            first.setdefault(task.field, task.number)
        if len(first) > 1 and set(first.values()) == {"1"}:
            for task in self.found.tasks:
                task.number = f"{task.field}.{task.number}"

    def _read_cells(self, row: FileRow) -> tuple[dict[Column, str], dict[Column, str]]:
        raw: dict[Column, str] = {}
        cells: dict[Column, str] = {}
        for column, place in self._header.places.items():
            text = row.cells[place] if place < len(row.cells) else ""
            if not self._check_length(row.number, column, text):
                self._faulty.add(column)
                continue
            try:
                cells[column] = nfc(text)
                raw[column] = "\n".join(nfc(line) for line in text.splitlines())
            except ValueError:
                self._error(row.number, column, "bad-characters", "Ô có ký tự điều khiển hoặc ký tự hỏng.")
                self._faulty.add(column)
        return raw, cells

    def _check_length(self, row: int, column: Column, text: str) -> bool:
        longest = LONGEST_CODE if column is Column.CODE else LONGEST_CELL
        if len(text) > longest:
            self._error(row, column, "cell-too-long", f"Ô dài quá {longest} ký tự.")
        return len(text) <= longest

    def _repeats_header(self, row: FileRow) -> bool:
        """Tell whether the headings come again, as at the top of a printed page or in a merged second line."""
        at = self._header.places
        same = [
            heading_key(row.cells[place]) == heading_key(self._header.headings[column])
            for column, place in at.items()
            if place < len(row.cells) and row.cells[place].strip()
        ]
        return sum(same) >= _IS_HEADER_AGAIN

    def _continues(self, row: FileRow, cells: dict[Column, str]) -> bool:
        if not self.found.tasks or self._faulty & {Column.NUMBER, Column.TITLE}:
            return False
        places = {self._header.places[Column.NUMBER], self._header.places[Column.TITLE]}
        if places <= row.from_above:
            return True
        return not (cells.get(Column.NUMBER) or cells.get(Column.TITLE)) and any(cells.get(one) for one in _JOINED)

    def _join(self, row: FileRow, cells: dict[Column, str], raw: dict[Column, str]) -> None:
        task = self.found.tasks[-1]
        for column in _JOINED:
            place = self._header.places.get(column)
            if place is None or place in row.from_above or not cells.get(column):
                continue
            if cells[column] not in task.cells.get(column, ""):
                task.cells[column] = "; ".join(filter(None, (task.cells.get(column), cells[column])))
                task.raw[column] = "\n".join(filter(None, (task.raw.get(column), raw[column])))
                self._check_length(row.number, column, task.cells[column])
        text = f"Dòng này được gộp vào nhiệm vụ {task.number} ở dòng {task.row}."
        self.found.warnings.append(Issue(row.number, "", "row-joined", text))

    @staticmethod
    def _is_heading(cells: dict[Column, str]) -> bool:
        return not any(cells.get(one) for one in (Column.LEADS, Column.DEADLINE, Column.DELIVERABLE))

    def _take_heading(self, row: FileRow, cells: dict[Column, str], following: FileRow | None) -> bool:
        """Take a row without lead, deliverable and deadline as a heading; False when it can only be a task."""
        number, title = cells.get(Column.NUMBER, ""), cells.get(Column.TITLE, "")
        started = _ROMAN_START.match(number) or (_ROMAN_START.match(title) if not number else None)
        if started:
            number, title = started[1], nfc(started[2])
        elif number and not title and not _is_ordinal(number):
            number, title = "", number
        named = self._programme.field_by_name(title) if title else None
        if named is None and is_roman(number) and not self._has_field_columns:
            named = None if title else self._programme.field_by_code(number)
            if named is None:
                self._unknown_field(row.number, Column.TITLE, title or number)
                return True
        if named is not None and not self._has_field_columns:
            self._field, self._group, self._parent = named, "", None
            return True
        if not number or _LETTER.fullmatch(number.strip(" .)")) or is_roman(number) or self._opens(number, following):
            self._group, self._parent = title, None
            return True
        return False

    def _opens(self, number: str, following: FileRow | None) -> bool:
        """Tell whether the next row is a sub-item of `number`, so that this row is its heading."""
        if following is None:
            return False
        place = self._header.places[Column.NUMBER]
        below = _plain_number(following.cells[place] if place < len(following.cells) else "")
        return below.startswith(f"{_plain_number(number)}.") or bool(_LETTER.fullmatch(below)) or below in _SUB_BULLETS

    def _take_task(self, row: FileRow, cells: dict[Column, str], raw: dict[Column, str]) -> None:
        number = self._task_number(row, cells)
        if not cells.get(Column.TITLE) and Column.TITLE not in self._faulty:
            self._error(row.number, Column.TITLE, "missing-title", "Chưa ghi tên nhiệm vụ.")
        found = self._field_of(row, cells)
        group = cells.get(Column.GROUP) or self._group
        task = DraftTask(row.number, number, found.code if found else "", group, cells, raw, self._faulty)
        self.found.tasks.append(task)
        if "." in number and self._parent and number.startswith(f"{self._parent.number}."):
            self._inherit(task, self._parent)
        else:
            self._parent, self._sub_items = task, 0

    def _task_number(self, row: FileRow, cells: dict[Column, str]) -> str:
        number = _plain_number(cells.get(Column.NUMBER, ""))
        if Column.NUMBER in self._faulty:
            return ""
        if not number:
            self._error(row.number, Column.NUMBER, "missing-number", "Chưa ghi số thứ tự của nhiệm vụ.")
        if len(number) > LONGEST_NUMBER:
            text = f"Số thứ tự dài quá {LONGEST_NUMBER} ký tự."
            self._error(row.number, Column.NUMBER, "number-too-long", text)
            return ""
        if self._parent and (number in _SUB_BULLETS or _LETTER.fullmatch(number)):
            self._sub_items += 1
            number = f"{self._parent.number}.{self._sub_items if number in _SUB_BULLETS else number.lower()}"
        return number

    def _inherit(self, task: DraftTask, parent: DraftTask) -> None:
        """Give a sub-item what only its parent's row states; merged cells leave it blank below."""
        for column in (Column.LEADS, Column.COORDINATORS, Column.DEADLINE):
            if not task.cells.get(column) and parent.cells.get(column) and column not in task.faulty:
                task.cells[column], task.raw[column] = parent.cells[column], parent.raw[column]
                text = f"Ô trống; lấy theo nhiệm vụ {parent.number}: “{parent.cells[column][:80]}”."
                self.found.warnings.append(Issue(task.row, self._header.heading(column), "taken-from-parent", text))

    def _field_of(self, row: FileRow, cells: dict[Column, str]) -> ProgrammeField | None:
        name, code = cells.get(Column.FIELD_NAME, ""), cells.get(Column.FIELD_CODE, "")
        found = self._programme.field_by_name(name) if name else self._programme.field_by_code(code) if code else None
        if found:
            self._field = found
        elif name or code:
            self._unknown_field(row.number, Column.FIELD_NAME if name else Column.FIELD_CODE, name or code)
            return None
        if self._field is None and not self._said_no_field:
            self._said_no_field = True
            text = (
                "Không rõ nhiệm vụ thuộc lĩnh vực nào: bảng không có cột lĩnh vực, phía trên cũng không có dòng đề mục."
            )
            self._error(row.number, Column.FIELD_NAME, "missing-field", text)
        return self._field

    def _unknown_field(self, row: int, column: Column, text: str) -> None:
        known = "; ".join(f"{one.code}. {one.name}" for one in self._programme.fields)
        message = f"“{text[:200]}” không phải là lĩnh vực của {self._programme.name}. Các lĩnh vực: {known}."
        self._error(row, column, "unknown-field", message)
        self._said_no_field = True

    def _error(self, row: int, column: Column, code: str, message: str) -> None:
        self.found.errors.append(Issue(row, self._header.heading(column), code, message))


def _plain_number(text: str) -> str:
    """Return the number without closing marks; a spreadsheet's 1.0 is 1."""
    number = text.strip()
    if number in _SUB_BULLETS:
        return number
    number = number.strip(" .):")
    whole = _WHOLE_NUMBER.fullmatch(number)
    return whole[1] if whole else number


def _is_ordinal(text: str) -> bool:
    number = _plain_number(text)
    return (
        is_roman(number)
        or number in _SUB_BULLETS
        or re.fullmatch(r"[0-9]+(?:\.[0-9a-z]+)*|[a-zđA-Z]", number) is not None
    )


def _is_index_row(row: FileRow) -> bool:
    """Tell whether the row only counts the columns, "(1) (2) (3)", as the second line of many headers does."""
    filled = [cell.strip() for cell in row.cells if cell.strip()]
    if len(filled) < 4 or not all(_INDEX_CELL.fullmatch(_plain_number(cell)) for cell in filled):  # noqa: PLR2004 -- fewer may be data
        return False
    numbers = [int(found) for cell in filled if (found := _plain_number(cell).strip("()")).isdigit()]
    return len(numbers) >= len(filled) - 2 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
