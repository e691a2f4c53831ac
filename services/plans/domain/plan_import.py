"""Turns the rows of a plan file into tasks, or into findings that name row and column.

Nothing is half-taken: with one error no task counts.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from services.plans.domain.errors import ImportRefused, Issue
from services.plans.domain.plan import Coordinator, PlanTask, UnitName
from services.plans.domain.plan_deadlines import read_cell
from services.plans.domain.plan_rows import DraftTask, gather
from services.plans.domain.plan_table import Column, FileRow, Header, find_header
from services.plans.domain.portrait import task_portrait
from services.plans.domain.programme import Programme
from services.plans.domain.unit import Unit
from services.plans.domain.unit_directory import AmbiguousUnit, Named, UnitDirectory

LONGEST_NAME = 500
LARGEST_PLAN = 3584 * 1024
"""Bytes of all tasks as JSON. A plan is issued in one event, and an event log takes four MiB at most: what could never
be issued is refused when it is read."""


class UnknownUnits(StrEnum):
    """What becomes of a lead that is no known unit."""

    REFUSE = "refuse"
    CREATE = "create"


@dataclass(frozen=True)
class ImportRules:
    """How a file is to be read."""

    unit: Unit
    year: int
    programme: Programme
    unknown_units: UnknownUnits = UnknownUnits.REFUSE
    before_is_inclusive: bool = True


@dataclass
class Imported:
    """What a file holds: tasks, the units that had to be made for them, and what a person should look at."""

    tasks: list[PlanTask] = field(default_factory=list)
    new_units: list[Unit] = field(default_factory=list)
    warnings: list[Issue] = field(default_factory=list)


def read_plan(
    rows: Sequence[FileRow], directory: UnitDirectory, rules: ImportRules, new_id: Callable[[], UUID]
) -> Imported:
    """Read a whole plan table.

    Raises:
        ImportRefused: with every error found in the file, not only the first.
    """
    header = find_header(rows)
    if header is None:
        expected = ", ".join(column.value for column in Column if column is not Column.FIELD_CODE)
        message = f"Không tìm thấy dòng tiêu đề của bảng nhiệm vụ. Bảng cần các cột: {expected}."
        raise ImportRefused([Issue(rows[0].number if rows else 0, "", "no-header", message)], [])
    if header.missing:
        missing = [
            Issue(header.row, column.value, "missing-column", f"Bảng thiếu cột “{column.value}”.")
            for column in header.missing
        ]
        raise ImportRefused(missing, [])
    reading = _Reading(header, directory, rules, new_id)
    return reading.run(rows)


class _Reading:
    """One pass over one file."""

    def __init__(
        self, header: Header, directory: UnitDirectory, rules: ImportRules, new_id: Callable[[], UUID]
    ) -> None:
        self._header = header
        self._directory = directory
        self._rules = rules
        self._new_id = new_id
        self._errors: list[Issue] = []
        self._done = Imported()

    def run(self, rows: Sequence[FileRow]) -> Imported:
        gathered = gather(rows, self._header, self._rules.programme)
        self._errors += gathered.errors
        self._done.warnings += gathered.warnings
        for place, draft in enumerate(gathered.tasks, start=1):
            self._done.tasks.append(self._task(draft, place))
        self._check_codes(gathered.tasks)
        if not gathered.tasks and not self._errors:
            self._error(self._header.row, None, "no-tasks", "Bảng không có nhiệm vụ nào.")
        self._check_size()
        if self._errors:
            raise ImportRefused(_in_order(self._errors), _in_order(self._done.warnings))
        self._done.warnings = _in_order(self._done.warnings)
        return self._done

    def _check_size(self) -> None:
        size = sum(len(json.dumps(task_portrait(task), ensure_ascii=False).encode()) for task in self._done.tasks)
        if size > LARGEST_PLAN:
            message = f"Kế hoạch lớn quá ({size:,} byte, tối đa {LARGEST_PLAN:,}): hãy tách thành nhiều kế hoạch."
            self._errors.append(Issue(0, "", "plan-too-large", message.replace(",", ".")))

    def _task(self, draft: DraftTask, place: int) -> PlanTask:
        rules = self._rules
        deadline, doubts = read_cell(draft, self._header, rules.year, before_is_inclusive=rules.before_is_inclusive)
        self._done.warnings += doubts
        code = draft.cells.get(Column.CODE) or f"{rules.unit.code}{rules.year % 100:02}-{place:02}"
        return PlanTask(
            id=self._new_id(),
            code=code,
            number=draft.number,
            field=draft.field,
            title=draft.cells.get(Column.TITLE, ""),
            deadline=deadline,
            lead_units=self._leads(draft),
            coordinating_units=self._coordinators(draft),
            deliverable=draft.cells.get(Column.DELIVERABLE) or None,
            group=draft.group or None,
            note=draft.cells.get(Column.NOTE) or None,
        )

    def _leads(self, draft: DraftTask) -> tuple[UnitName, ...]:
        found: list[UnitName] = []
        named = self._split(draft, Column.LEADS)
        if not named and Column.LEADS not in draft.faulty:
            self._error(draft.row, Column.LEADS, "missing-lead", f"Nhiệm vụ {draft.number} chưa ghi cơ quan chủ trì.")
        for one in named:
            unit = one.unit or self._unknown_lead(draft, one.name)
            if unit:
                self._warn_of_ended(draft, unit, Column.LEADS)
                found.append(UnitName(unit.code, unit.name, unit.kind))
        return tuple(found)

    def _unknown_lead(self, draft: DraftTask, name: str) -> Unit | None:
        if self._rules.unknown_units is UnknownUnits.CREATE:
            unit = self._directory.create(name)
            self._done.new_units.append(unit)
            return unit
        near = self._directory.like(name)
        hint = f" Có phải: {'; '.join(near)}?" if near else ""
        self._error(
            draft.row,
            Column.LEADS,
            "unknown-unit",
            f"Không tìm thấy đơn vị “{name}” trong danh mục.{hint} Sửa tên trong tệp, thêm đơn vị vào danh mục, hoặc"
            " nhập với lựa chọn tự tạo đơn vị.",
        )
        return None

    def _coordinators(self, draft: DraftTask) -> tuple[Coordinator, ...]:
        found: list[Coordinator] = []
        for one in self._split(draft, Column.COORDINATORS):
            if one.unit is None:
                message = f"“{one.name}” không có trong danh mục đơn vị; giữ nguyên tên như trong tệp."
                self._warn(draft.row, Column.COORDINATORS, "unknown-coordinator", message)
                found.append(Coordinator(one.name))
            else:
                self._warn_of_ended(draft, one.unit, Column.COORDINATORS)
                found.append(Coordinator(one.unit.name, one.unit.code))
        return tuple(found)

    def _split(self, draft: DraftTask, column: Column) -> list[Named]:
        try:
            named = self._directory.split(draft.raw.get(column, ""))
        except AmbiguousUnit as error:
            message = f"Tên đơn vị chỉ nhiều đơn vị khác nhau: {', '.join(error.codes)}. Ghi rõ tên hơn."
            self._error(draft.row, column, "ambiguous-unit", message)
            draft.faulty.add(column)
            return []
        for one in named:
            if len(one.name) > LONGEST_NAME:
                self._error(draft.row, column, "name-too-long", f"Tên đơn vị dài quá {LONGEST_NAME} ký tự.")
                draft.faulty.add(column)
                return []
        return named

    def _warn_of_ended(self, draft: DraftTask, unit: Unit, column: Column) -> None:
        year = self._rules.year
        if unit.lives_through(year):
            return
        if unit.valid_to and unit.valid_to.year <= year:
            successors = [self._directory.units[code].name for code in unit.successors if code in self._directory.units]
            following = f" Đơn vị kế thừa: {', '.join(successors)}." if successors else ""
            text = f"“{unit.name}” đã kết thúc hoạt động ngày {unit.valid_to:%d/%m/%Y}.{following}"
            self._warn(draft.row, column, "unit-ended", text)
        else:
            text = f"“{unit.name}” chỉ hoạt động từ ngày {unit.valid_from:%d/%m/%Y}, sau năm {year}."
            self._warn(draft.row, column, "unit-not-yet", text)

    def _check_codes(self, drafts: list[DraftTask]) -> None:
        seen: dict[str, int] = {}
        for draft, task in zip(drafts, self._done.tasks, strict=True):
            first = seen.setdefault(task.code, draft.row)
            if first != draft.row:
                text = f"Mã {task.code} đã dùng ở dòng {first}."
                self._error(draft.row, Column.CODE, "duplicate-code", text)

    def _error(self, row: int, column: Column | None, code: str, message: str) -> None:
        self._errors.append(Issue(row, self._header.heading(column) if column else "", code, message))

    def _warn(self, row: int, column: Column, code: str, message: str) -> None:
        self._done.warnings.append(Issue(row, self._header.heading(column), code, message))


def _in_order(issues: list[Issue]) -> list[Issue]:
    return sorted(dict.fromkeys(issues), key=lambda issue: issue.row)
