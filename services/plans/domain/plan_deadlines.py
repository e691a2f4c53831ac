"""The deadline of one row: the phrase decides; an explicit column of normalised dates fills in what it leaves open."""

from dataclasses import replace
from datetime import date

from services.plans.domain.deadline import Deadline, DeadlineDoubt, DeadlineKind, read_deadline
from services.plans.domain.errors import Issue
from services.plans.domain.plan_rows import DraftTask
from services.plans.domain.plan_table import Column, Header

_DOUBTS = {
    DeadlineDoubt.UNREADABLE: "Không đọc được thời hạn “{phrase}”; nhiệm vụ được giữ, không có hạn.",
    DeadlineDoubt.IMPOSSIBLE_DAY: "Thời hạn “{phrase}” có ngày không tồn tại; nhiệm vụ được giữ, không có hạn.",
    DeadlineDoubt.ONLY_A_START: "“{phrase}” chỉ nêu lúc bắt đầu, không nêu hạn; nhiệm vụ được giữ, không có hạn.",
    DeadlineDoubt.PART_OF_A_PERIOD: "“{phrase}” không nêu ngày cụ thể; lấy ngày cuối của kỳ: {day}.",
    DeadlineDoubt.DAY_LEFT_ASIDE: "“{phrase}” là việc thường xuyên, định kỳ; ngày ghi kèm không dùng làm hạn.",
}
_FILLED_IN = {DeadlineKind.EVENT, DeadlineKind.RELATIVE, DeadlineKind.NONE}
_COMPARED = {
    DeadlineKind.DATE,
    DeadlineKind.MONTH,
    DeadlineKind.QUARTER,
    DeadlineKind.RANGE,
    DeadlineKind.MILESTONES,
    DeadlineKind.YEAR,
}
_SHOWN = 80


def read_cell(
    draft: DraftTask, header: Header, year: int, *, before_is_inclusive: bool
) -> tuple[Deadline, list[Issue]]:
    """Return the row's deadline and what a person should look at."""
    issues: list[Issue] = []
    deadline = read_deadline(draft.cells.get(Column.DEADLINE, ""), year, before_is_inclusive=before_is_inclusive)
    heading = header.heading(Column.DEADLINE)
    given = _normalised(draft, header, year, issues)
    if given and deadline.kind in _FILLED_IN:
        deadline = replace(deadline, date=given)
    elif given and deadline.kind in _COMPARED and deadline.date and given != deadline.date:
        text = f"Cột “{header.heading(Column.NORMALISED)}” ghi {given:%d/%m/%Y}, còn “{_short(deadline.phrase)}” được"
        issues.append(Issue(draft.row, heading, "deadline-differs", f"{text} hiểu là {deadline.date:%d/%m/%Y}."))
    if deadline.doubt:
        day = f"{deadline.date:%d/%m/%Y}" if deadline.date else ""
        text = _DOUBTS[deadline.doubt].format(phrase=_short(deadline.phrase), day=day)
        issues.append(Issue(draft.row, heading, deadline.doubt.value, text))
    elif deadline.kind is DeadlineKind.NONE and deadline.date is None and Column.DEADLINE not in draft.faulty:
        text = f"Nhiệm vụ {draft.number} chưa ghi thời hạn; coi như không có hạn."
        issues.append(Issue(draft.row, heading, "deadline-missing", text))
    return deadline, issues


def _normalised(draft: DraftTask, header: Header, year: int, issues: list[Issue]) -> date | None:
    text = draft.cells.get(Column.NORMALISED, "")
    if not text:
        return None
    read = read_deadline(text, year)
    if read.kind is DeadlineKind.DATE:
        return read.date
    message = f"“{_short(text)}” không phải là một ngày; ô này được bỏ qua."
    issues.append(Issue(draft.row, header.heading(Column.NORMALISED), "bad-normalised-date", message))
    return None


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
