"""What stands behind a figure: its formula, its filter, and the tasks counted with their events and documents.

Works on tasks as answers, so a figure of a draft and a frozen one are explained by the same code.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from services.reporting.domain.errors import FigureNotFound
from services.reporting.domain.method import Rounding, rate
from services.reporting.domain.presentation import Answer, rate_answer


@dataclass(frozen=True, slots=True)
class _Definition:
    name: str
    filter: str
    counts: Callable[[Answer], bool]


def _state(code: str) -> Callable[[Answer], bool]:
    return lambda task: task["state"] == code


def _timing(code: str) -> Callable[[Answer], bool]:
    return lambda task: task["timing"] == code


_PLAIN = {
    "total": _Definition("Tổng số nhiệm vụ", "Nhiệm vụ của kế hoạch thuộc phương pháp tính", lambda _: True),
    "done": _Definition(
        "Nhiệm vụ đã hoàn thành",
        "Có báo cáo hoàn thành được tính, ngày hoàn thành không sau ngày chốt số liệu, không bị trả lại, không mở lại",
        _state("done"),
    ),
    "done_on_time": _Definition(
        "Hoàn thành đúng hạn", "Đã hoàn thành, ngày hoàn thành không sau thời hạn hoặc không có hạn", _timing("on_time")
    ),
    "done_late": _Definition("Hoàn thành quá hạn", "Đã hoàn thành, ngày hoàn thành sau thời hạn", _timing("late")),
    "due": _Definition(
        "Nhiệm vụ đến hạn",
        "Đã hoàn thành, hoặc chưa hoàn thành và thời hạn không sau ngày chốt số liệu",
        lambda task: bool(task["is_due"]),
    ),
    "overdue": _Definition(
        "Nhiệm vụ quá hạn chưa hoàn thành", "Chưa hoàn thành, thời hạn trước ngày chốt số liệu", _timing("overdue")
    ),
    "unfinished": _Definition(
        "Nhiệm vụ chưa hoàn thành", "Chưa hoàn thành đến ngày chốt số liệu", lambda task: task["state"] != "done"
    ),
    "due_soon": _Definition(
        "Nhiệm vụ sắp đến hạn", "Chưa hoàn thành, còn không quá 3 ngày đến thời hạn", _timing("due_soon")
    ),
    "in_time": _Definition("Chưa hoàn thành, trong hạn", "Chưa hoàn thành, còn trên 3 ngày", _timing("in_time")),
    "no_deadline": _Definition(
        "Chưa hoàn thành, không có hạn", "Chưa hoàn thành, không có thời hạn", _timing("no_deadline")
    ),
    "awaiting_confirmation": _Definition(
        "Chờ xác nhận", "Đã báo cáo hoàn thành, chưa được xác nhận", _state("awaiting_confirmation")
    ),
    "returned": _Definition("Bị trả lại", "Báo cáo hoàn thành gần nhất bị trả lại", _state("returned")),
    "in_progress": _Definition("Đang thực hiện", "Chưa hoàn thành, đã có cập nhật", _state("in_progress")),
    "not_started": _Definition("Chưa thực hiện", "Chưa có cập nhật nào", _state("not_started")),
}
_RATES = {
    "done_of_total": ("Tỷ lệ hoàn thành trên tổng số nhiệm vụ", "done", "total"),
    "done_of_due": ("Tỷ lệ hoàn thành trên số nhiệm vụ đến hạn", "done", "due"),
    "on_time_of_done": ("Tỷ lệ đúng hạn trên số nhiệm vụ hoàn thành", "done_on_time", "done"),
}


def explain(tasks: Iterable[Answer], figure_id: str, rounding: Rounding) -> Answer:
    """Explain one figure of a report.

    Args:
        tasks: every counted task of the report (`tasks_answer`).
        figure_id: `done`, `done_of_total`, `field.<code>.done`, `unit.<code>.overdue`, ...
        rounding: how the report rounds its percents.

    Raises:
        FigureNotFound: no such figure, field or unit.
    """
    scope, scope_text, name = _scope(list(tasks), figure_id)
    if name in _RATES:
        return _explain_rate(scope, scope_text, figure_id, name, rounding)
    definition = _PLAIN.get(name)
    if definition is None:
        raise FigureNotFound(figure_id)
    counted = [task for task in scope if definition.counts(task)]
    return {
        "id": figure_id,
        "name": definition.name,
        "formula": f"Số nhiệm vụ thỏa điều kiện lọc{scope_text}",
        "filter": definition.filter,
        "value": len(counted),
        "rate": None,
        "tasks": counted,
    }


def _explain_rate(scope: list[Answer], scope_text: str, figure_id: str, name: str, rounding: Rounding) -> Answer:
    title, above, below = _RATES[name]
    numerator = [task for task in scope if _PLAIN[above].counts(task)]
    denominator = [task for task in scope if _PLAIN[below].counts(task)]
    found = rate(len(numerator), len(denominator), rounding)
    return {
        "id": figure_id,
        "name": title,
        "formula": f"{_PLAIN[above].name} / {_PLAIN[below].name} x 100 %{scope_text}",
        "filter": f"Tử số: {_PLAIN[above].filter}. Mẫu số: {_PLAIN[below].filter}.",
        "value": None if found.percent is None else float(found.percent),
        "rate": rate_answer(found),
        "tasks": denominator,
    }


def _scope(tasks: list[Answer], figure_id: str) -> tuple[list[Answer], str, str]:
    """Split `field.<code>.<name>` and `unit.<code>.<name>`; codes may hold points, names do not."""
    kind, first_point, rest = figure_id.partition(".")
    if not first_point:
        return tasks, "", figure_id
    code, _, name = rest.rpartition(".")
    if kind == "field":
        scope, scope_text = [task for task in tasks if task["field"] == code], f", lĩnh vực {code}"
    elif kind == "unit":
        scope = [task for task in tasks if any(unit["code"] == code for unit in task["lead_units"])]
        scope_text = f", cơ quan chủ trì {code}"
    else:
        raise FigureNotFound(figure_id)
    if not scope:
        raise FigureNotFound(figure_id)
    return scope, scope_text, name
