"""What stands on the paper: a report's content in Vietnamese writing, as the Word template asks for it."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from services.reporting.domain.presentation import Answer
from services.reporting.domain.report import SECTIONS
from services.reporting.domain.wording import (
    day_text,
    decimal_text,
    letter_date,
    moment_text,
    number_text,
    padded_number,
)

_STATES = {
    "awaiting_confirmation": "Chờ xác nhận hoàn thành",
    "returned": "Bị trả lại",
    "in_progress": "Đang thực hiện",
    "not_started": "Chưa thực hiện",
}
_TIMINGS = {
    "in_time": "trong hạn",
    "due_soon": "sắp đến hạn",
    "overdue": "quá hạn",
    "no_deadline": "không có hạn",
}
_HEADINGS = {
    "results": "KẾT QUẢ NỔI BẬT",
    "shortcomings": "TỒN TẠI, HẠN CHẾ",
    "causes": "NGUYÊN NHÂN",
    "directions": "PHƯƠNG HƯỚNG, NHIỆM VỤ THỜI GIAN TỚI",
    "proposals": "KIẾN NGHỊ, ĐỀ XUẤT",
}
_ROMAN = ("V", "VI", "VII", "VIII", "IX")
_RATES = (
    ("done_of_total", "Nhiệm vụ hoàn thành trên tổng số nhiệm vụ của kế hoạch"),
    ("done_of_due", "Nhiệm vụ hoàn thành trên số nhiệm vụ đến hạn"),
    ("on_time_of_done", "Nhiệm vụ hoàn thành đúng hạn trên số nhiệm vụ hoàn thành"),
)
_BLANK_NUMBER = "Số:        /BC-…"
_BLANK_PLACE = "…………"
_BLANK_SIGNER = ("QUYỀN HẠN, CHỨC VỤ CỦA NGƯỜI KÝ",)
_KINDS_OF_DOCUMENT = {"QĐ": "Quyết định", "KH": "Kế hoạch", "NQ": "Nghị quyết", "CT": "Chỉ thị"}


def on_paper(content: Answer) -> dict[str, Any]:
    """Return what the template prints: texts only, so that the template decides on nothing but places."""
    figures, report = content["figures"], content["report"]
    issued = report["document"]
    tasks = content["tasks"]
    return {
        "is_draft": issued is None,
        **_letterhead(content),
        "subject": f"Kết quả {_about(content)}",
        "basis": _basis(content["plan"]),
        "corrects": _corrects(report["corrects"]),
        "period_text": f"Kỳ báo cáo từ ngày {_day(report['period']['from'])} đến ngày {_day(report['period']['to'])}.",
        "summary": _summary(figures),
        "rates": _rates(figures),
        "method_text": f"{figures['method']['name']}. {figures['method']['text']} {figures['method']['rounding_text']}",
        "as_of_text": (
            f"Số liệu chốt đến hết ngày {_day(figures['cutoff'])}, "
            f"ghi nhận đến {moment_text(datetime.fromisoformat(content['as_of']))}."
        ),
        "score_text": _score(figures),
        "by_field": [_group(row, f"{row['code']}. {row['name']}") for row in figures["by_field"]],
        "by_unit": [_group(row, row["name"]) for row in figures["by_unit"]],
        "whole": _group(figures, "Toàn kế hoạch"),
        "unfinished": [_unfinished(task) for task in _overdue_first(tasks)],
        "late": [_late(task) for task in tasks if task["timing"] == "late"],
        "narrative": _narrative(content["narrative"]),
        "closing": f"Trên đây là báo cáo kết quả {_about(content)}./.",
    }


def _about(content: Answer) -> str:
    return f"thực hiện {content['plan']['title']} ({content['report']['period']['name']})"


def _letterhead(content: Answer) -> dict[str, Any]:
    head, issued = content["letterhead"], content["report"]["document"]
    place = head["place"] or _BLANK_PLACE
    return {
        "parent": (head["parent"] or "").upper(),
        "issuer": head["issuer"].upper(),
        "number_line": f"Số: {padded_number(issued['number'])}" if issued else _BLANK_NUMBER,
        "place_and_date": f"{place}, {letter_date(date.fromisoformat(issued['issued_on']) if issued else None)}",
        "signature": [line.upper() for line in head["signature"] or _BLANK_SIGNER],
        "signed_by": (issued["signed_by"] or "") if issued else "",
        "recipients": [f"- {line.rstrip('.;')}{';' if rest else '.'}" for line, rest in _with_rest(head["recipients"])],
    }


def _with_rest(lines: list[str]) -> Iterable[tuple[str, int]]:
    """Each line with the number of lines after it."""
    return ((line, len(lines) - place - 1) for place, line in enumerate(lines))


def _basis(plan: Answer) -> str:
    number = plan["document"]["number"]
    symbol = number.partition("/")[2].partition("-")[0].rpartition("/")[2]
    kind = _KINDS_OF_DOCUMENT.get(symbol, "Văn bản")
    return f"Căn cứ {kind} số {number} ngày {_day(plan['document']['issued_on'])} về {plan['title']}."


def _corrects(corrected: Answer | None) -> str:
    if corrected is None:
        return ""
    return f"Báo cáo này đính chính Báo cáo số {corrected['number']} ngày {_day(corrected['issued_on'])}."


def _summary(figures: Answer) -> str:
    reached = figures["rates"]["done_of_total"]
    percent = "" if reached["percent"] is None else f", đạt {reached['text']}"
    return (
        f"Đến ngày {_day(figures['cutoff'])} hoàn thành {_fraction(reached)} nhiệm vụ{percent}; "
        f"trong đó hoàn thành đúng hạn {number_text(figures['done_on_time'])} nhiệm vụ, "
        f"hoàn thành quá hạn {number_text(figures['done_late'])} nhiệm vụ. "
        f"Còn {number_text(figures['unfinished'])} nhiệm vụ chưa hoàn thành, "
        f"trong đó {number_text(figures['overdue'])} nhiệm vụ đã quá hạn."
    )


def _rates(figures: Answer) -> list[Answer]:
    found = figures["rates"]
    return [
        {"order": order, "name": text, "fraction": _fraction(found[name]), "percent": found[name]["text"]}
        for order, (name, text) in enumerate(_RATES, start=1)
    ]


def _score(figures: Answer) -> str:
    score, margin = figures["score"], figures["margin"]
    points = "-" if score["points"] is None else _decimal(score["points"])
    return (
        f"Điểm mức độ hoàn thành kế hoạch: {points}/{_decimal(score['max_points'])} điểm. {score['text']} "
        f"Để không mất điểm, kế hoạch được phép còn tối đa {number_text(margin['allowed_unfinished'])} "
        f"nhiệm vụ chưa hoàn thành; hiện còn {number_text(margin['unfinished'])} nhiệm vụ."
    )


def _group(row: Answer, name: str) -> Answer:
    return {
        "name": name,
        **{key: number_text(row[key]) for key in ("total", "done", "done_on_time", "done_late", "due", "overdue")},
        "percent": row["rates"]["done_of_total"]["text"],
    }


def _overdue_first(tasks: list[Answer]) -> list[Answer]:
    unfinished = [task for task in tasks if task["state"] != "done"]
    return sorted(unfinished, key=lambda task: task["timing"] != "overdue")  # stable: else the plan's order


def _unfinished(task: Answer) -> Answer:
    return {**_task(task), "state": f"{_STATES[task['state']]}, {_TIMINGS[task['timing']]}"}


def _late(task: Answer) -> Answer:
    evidence = "; ".join(found["number"] for found in task["evidence"])
    return {**_task(task), "completed_on": _day(task["completed_on"]), "evidence": evidence}


def _task(task: Answer) -> Answer:
    return {
        "number": task["number"],
        "title": task["title"],
        "leads": "; ".join(unit["name"] for unit in task["lead_units"]),
        "deadline": task["deadline"]["phrase"],
    }


def _narrative(sections: dict[str, str]) -> list[Answer]:
    written = [name for name in SECTIONS if sections[name]]
    return [
        {"heading": f"{roman}. {_HEADINGS[name]}", "paragraphs": sections[name].split("\n")}
        for roman, name in zip(_ROMAN, written, strict=False)
    ]


def _fraction(rate: Answer) -> str:
    return f"{number_text(rate['numerator'])}/{number_text(rate['denominator'])}"


def _day(iso: str) -> str:
    return day_text(date.fromisoformat(iso))


def _decimal(number: float) -> str:
    return decimal_text(Decimal(str(number)).normalize())
