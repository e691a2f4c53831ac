"""Plan tables into tasks: what appendices look like, and what is said about what is wrong in them."""

import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.plans.adapters.event_mapping import to_published
from services.plans.adapters.plan_files import read_plan_file
from services.plans.adapters.seed_files import seed_programmes, seed_units
from services.plans.domain.deadline import DeadlineKind
from services.plans.domain.errors import ImportRefused, Issue
from services.plans.domain.events import PlanIssued
from services.plans.domain.plan import Document, Plan, UnitName
from services.plans.domain.plan_import import Imported, ImportRules, UnknownUnits, read_plan
from services.plans.domain.plan_table import FileRow
from services.plans.domain.unit import Unit, UnitKind
from services.plans.domain.unit_directory import UnitDirectory
from shared.contracts.plans import PlanIssuedV1
from shared.ids import TimeOrderedIds
from tests.support.plan_tables import (
    COMMUNE_PLAN,
    DIRECTION,
    HEADINGS,
    PROVINCE_PLAN,
    Table,
    a_row,
    a_table,
    as_text,
    as_workbook,
)

UNITS = {unit.code: unit for unit in seed_units()}
NQ76 = next(programme for programme in seed_programmes() if programme.code == "NQ76")


def imported(content: bytes, *, unit: str = "TV", year: int = 2023, create: bool = False) -> Imported:
    directory = UnitDirectory.of(
        [one for one in UNITS.values() if one.code.split("-")[0] == unit.split("-", maxsplit=1)[0]],
        home=unit,
        year=year,
    )
    rules = ImportRules(
        unit=UNITS[unit],
        year=year,
        programme=NQ76,
        unknown_units=UnknownUnits.CREATE if create else UnknownUnits.REFUSE,
    )
    return read_plan(read_plan_file(content), directory, rules, TimeOrderedIds().new)


def of_table(table: Table, *, year: int = 2023, create: bool = False) -> Imported:
    return imported(as_text(table), year=year, create=create)


def errors(table: Table, *, year: int = 2023) -> list[Issue]:
    with pytest.raises(ImportRefused) as caught:
        of_table(table, year=year)
    return caught.value.issues


def test_sample_plan_of_the_province_is_read_without_a_warning() -> None:
    found = imported(PROVINCE_PLAN.read_bytes())
    assert found.warnings == []
    assert [task.number for task in found.tasks] == [str(number) for number in range(1, 39)]
    assert [task.code for task in found.tasks] == [f"TV23-{number:02}" for number in range(1, 39)]
    fields = [task.field for task in found.tasks]
    assert {field: fields.count(field) for field in fields} == {
        "I": 9, "II": 5, "III": 7, "IV": 5, "V": 5, "VI": 3, "VII": 4,
    }  # fmt: skip
    by_number = {task.number: task for task in found.tasks}
    assert [unit.code for unit in by_number["19"].lead_units] == ["TV-CS", "TV-UBNDCH", "TV-UBNDCX"]
    assert by_number["17"].lead_units[0].kind is UnitKind.GROUP
    assert all(unit.code for task in found.tasks for unit in task.coordinating_units)
    event = by_number["6"].deadline
    assert (event.kind, event.date) == (DeadlineKind.EVENT, date(2023, 2, 15))
    lasting = [task for task in found.tasks if task.deadline.kind in {"continuous", "recurring"}]
    assert len(lasting) == 6
    assert all(task.deadline.date is None for task in lasting)
    assert by_number["5"].deadline.dates == (date(2023, 7, 31), date(2023, 12, 31))


def test_sample_plan_of_the_commune_is_read_without_a_warning() -> None:
    found = imported(COMMUNE_PLAN.read_bytes(), unit="DL", year=2026)
    assert found.warnings == []
    assert len(found.tasks) == 24
    assert {task.lead_units[0].code for task in found.tasks} == {"DL-VHXH", "DL-VP", "DL-PVHCC", "DL-KT"}
    assert found.tasks[16].deadline.date == date(2026, 11, 30)


def test_appendix_with_group_rows_and_lines_above_the_headings_is_read() -> None:
    table = [
        ("ỦY BAN NHÂN DÂN", "", "", "", "", ""),
        ("PHỤ LỤC", "", "", "", "", ""),
        ("Kèm theo Kế hoạch số 12/KH-UBND", "", "", "", "", ""),
        ("TT", "NHIỆM VỤ, HOẠT ĐỘNG", "Sản phẩm, kết quả", "ĐƠN VỊ CHỦ TRÌ", "Đơn vị phối hợp", "Thời gian thực hiện"),
        ("(1)", "(2)", "(3)", "(4)", "(5)", "(6)"),
        ("I. CÔNG TÁC CHỈ ĐẠO, ĐIỀU HÀNH", "", "", "", "", ""),
        a_row("1"),
        ("II", "Cải cách thể chế", "", "", "", ""),
        ("", "Nhiệm vụ trọng tâm", "", "", "", ""),
        a_row("2."),
        ("STT", "NHIỆM VỤ, HOẠT ĐỘNG", *table_rest()),
        ("VII", "Xây dựng và phát triển CQĐT, CQS", "", "", "", ""),
        a_row("3"),
        ("", "", "", "", "", ""),
        ("", "TM. ỦY BAN NHÂN DÂN", "", "", "", ""),
    ]
    found = of_table(table)
    assert [(task.number, task.field, task.group) for task in found.tasks] == [
        ("1", "I", None),
        ("2", "II", "Nhiệm vụ trọng tâm"),
        ("3", "VII", None),
    ]


def table_rest() -> tuple[str, ...]:
    return ("Sản phẩm, kết quả", "ĐƠN VỊ CHỦ TRÌ", "Đơn vị phối hợp", "Thời gian thực hiện")


@pytest.mark.parametrize(
    "headings",
    [
        HEADINGS,
        tuple(unicodedata.normalize("NFD", heading) for heading in HEADINGS),
        tuple(heading.upper() for heading in HEADINGS),
        ("stt", "nhiem vu", "san pham", "co quan chu tri", "co quan phoi hop", "thoi gian hoan thanh"),
        ("Số TT", "Nội dung công việc", "Kết quả đầu ra", "Chủ trì", "Phối hợp", "Thời hạn"),
        ("STT", "Nhiệm vụ", "Sản phẩm\nđầu ra", "Đơn vị/chủ trì", "Đơn vị/phối hợp", "Thời gian\nhoàn thành"),
    ],
    ids=["as usual", "NFD", "capitals", "no marks", "other words", "two lines"],
)  # fmt: skip
def test_headings_are_known_in_any_writing(headings: Sequence[str]) -> None:
    found = of_table(a_table(a_row("1", coordinators="Sở Tư pháp"), headings=headings))
    task = found.tasks[0]
    assert (task.title, task.deliverable, task.deadline.date) == ("Nhiệm vụ số 1", "Báo cáo", date(2023, 3, 31))
    assert task.lead_units[0].code == "TV-SNV"
    assert task.coordinating_units[0].code == "TV-STP"


def test_numbers_that_begin_anew_in_each_field_are_told_apart() -> None:
    second = ("II", "Cải cách thể chế", "", "", "", "")
    found = of_table([HEADINGS, DIRECTION, a_row("1"), a_row("2"), second, a_row("1")])
    assert [task.number for task in found.tasks] == ["I.1", "I.2", "II.1"]


def test_sub_items_stand_under_their_heading_or_their_task() -> None:
    table = a_table(
        ("1", "Tuyên truyền", "", "", "", ""),
        a_row("1.1"),
        a_row("1.2"),
        a_row("2", lead="Sở Tư pháp", deadline="Quý III"),
        a_row("a)", lead="", deadline="", deliverable="Kế hoạch"),
        a_row("-", lead="Sở Tài chính"),
    )
    found = of_table(table)
    assert [task.number for task in found.tasks] == ["1.1", "1.2", "2", "2.a", "2.2"]
    assert found.tasks[0].group == "Tuyên truyền"
    assert found.tasks[3].lead_units[0].code == "TV-STP"
    assert found.tasks[3].deadline.date == date(2023, 9, 30)
    assert found.tasks[4].lead_units[0].code == "TV-STC"
    assert {issue.code for issue in found.warnings} == {"taken-from-parent"}


def test_rows_of_one_merged_task_are_one_task() -> None:
    table = a_table(
        a_row("1", deliverable="Kế hoạch", deadline="Quý I"),
        a_row("", title="", deliverable="Báo cáo", deadline="Quý IV"),
    )
    found = imported(as_workbook(table, merged=["A3:A4", "B3:B4", "D3:D4"]))
    assert len(found.tasks) == 1
    assert found.tasks[0].deliverable == "Kế hoạch; Báo cáo"
    assert found.tasks[0].deadline.dates == (date(2023, 3, 31), date(2023, 12, 31))
    assert [(issue.row, issue.code) for issue in found.warnings] == [(4, "row-joined")]


def test_numbers_and_days_of_a_spreadsheet_are_read() -> None:
    found = imported(as_workbook([HEADINGS, DIRECTION, (1, "a", "b", "Sở Nội vụ", "", date(2023, 9, 15))]))
    assert (found.tasks[0].number, found.tasks[0].deadline.date) == ("1", date(2023, 9, 15))


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        (a_row("1", title=""), "Nhiệm vụ", "missing-title"),
        (a_row("1", lead=""), "Cơ quan chủ trì", "missing-lead"),
        (a_row(""), "STT", "missing-number"),
        (a_row("9" * 51), "STT", "number-too-long"),
        (a_row("1", lead="Sở Ngoại giao"), "Cơ quan chủ trì", "unknown-unit"),
        (a_row("1", lead="Sở Nội vụ; Hội X"), "Cơ quan chủ trì", "unknown-unit"),
        (a_row("1", title="x" * 4001), "Nhiệm vụ", "cell-too-long"),
        (a_row("1", deadline="\x01"), "Thời gian hoàn thành", "bad-characters"),
    ],
)
def test_error_names_row_and_column(row: Sequence[object], column: str, code: str) -> None:
    found = errors(a_table(a_row("7"), row))
    assert [(issue.row, issue.column, issue.code) for issue in found] == [(4, column, code)]
    assert found[0].message.endswith((".", "?"))


def test_all_errors_are_told_at_once_in_order() -> None:
    found = errors(a_table(a_row("1", lead=""), a_row("1", lead="Sở X"), a_row("2", title="")))
    assert [(issue.row, issue.code) for issue in found] == [
        (3, "missing-lead"),
        (4, "duplicate-number"),
        (4, "unknown-unit"),
        (5, "missing-title"),
    ]


def test_unknown_lead_hints_at_what_was_meant() -> None:
    assert "Có phải: Sở Nội vụ" in errors(a_table(a_row("1", lead="Sở Nội vu tinhr")))[0].message


def test_unknown_and_missing_fields_are_errors() -> None:
    unknown = errors([HEADINGS, ("I", "Nhiệm vụ chung khác", "", "", "", ""), a_row("1")])
    assert [(issue.row, issue.code) for issue in unknown] == [(2, "unknown-field")]
    missing = errors([HEADINGS, a_row("1"), a_row("2")])
    assert [(issue.row, issue.code) for issue in missing] == [(2, "missing-field")]


def test_field_columns_name_the_field_of_each_row() -> None:
    headings = ("Mục", "Lĩnh vực", *HEADINGS)
    found = of_table(
        [headings, ("III", "", *a_row("1")), ("", "", *a_row("2")), ("1", "Cải cách tài chính công", *a_row("3"))]
    )
    assert [task.field for task in found.tasks] == ["III", "III", "VI"]
    wrong = errors([headings, ("", "Lĩnh vực lạ", *a_row("1"))])
    assert [(issue.column, issue.code) for issue in wrong] == [("Lĩnh vực", "unknown-field")]


def test_table_without_headings_or_columns_is_refused() -> None:
    assert errors([["a", "b"], ["c", "d"]])[0].code == "no-header"
    found = errors([("STT", "Nhiệm vụ", "Thời gian hoàn thành"), ("1", "a", "Quý I")])
    assert [(issue.row, issue.column, issue.code) for issue in found] == [(1, "Cơ quan chủ trì", "missing-column")]
    assert errors([HEADINGS])[0].code == "no-tasks"


def test_duplicate_codes_are_errors() -> None:
    headings = ("Mã", *HEADINGS)
    found = errors([headings, ("", *DIRECTION), ("X-1", *a_row("1")), ("X-1", *a_row("2"))])
    assert [(issue.row, issue.column, issue.code) for issue in found] == [(4, "Mã", "duplicate-code")]


@pytest.mark.parametrize(
    ("deadline", "code"),
    [
        ("30/02/2023", "deadline-impossible-day"),
        ("sớm nhất có thể", "deadline-unreadable"),
        ("", "deadline-missing"),
        ("Từ ngày 01/3/2023", "deadline-only-a-start"),
        ("Đầu quý II", "deadline-part-of-a-period"),
    ],
)
def test_task_with_a_strange_deadline_stays_and_is_warned_of(deadline: str, code: str) -> None:
    found = of_table(a_table(a_row("1", deadline=deadline)))
    assert len(found.tasks) == 1
    assert found.tasks[0].deadline.phrase == deadline
    assert [(issue.row, issue.column, issue.code) for issue in found.warnings] == [(3, "Thời gian hoàn thành", code)]


def test_normalised_date_fills_in_what_the_phrase_leaves_open_and_is_compared_otherwise() -> None:
    headings = (*HEADINGS, "Hạn chuẩn hóa")
    found = of_table(
        [
            headings,
            (*DIRECTION, ""),
            (*a_row("1", deadline="Theo hướng dẫn của Bộ"), "2023-02-15"),
            (*a_row("2", deadline="Quý I"), "2023-04-30"),
            (*a_row("3", deadline="Thường xuyên"), "2023-12-31"),
            (*a_row("4", deadline="Quý II"), "sau"),
        ]
    )
    assert [task.deadline.date for task in found.tasks] == [
        date(2023, 2, 15),
        date(2023, 3, 31),
        None,
        date(2023, 6, 30),
    ]
    assert [(issue.row, issue.code) for issue in found.warnings] == [
        (4, "deadline-differs"),
        (6, "bad-normalised-date"),
    ]


def test_unknown_lead_becomes_a_unit_when_asked_for() -> None:
    found = of_table(a_table(a_row("1", lead="Hội Luật gia; Sở Nội vụ"), a_row("2", lead="hội luật gia")), create=True)
    assert [(unit.code, unit.name, unit.kind) for unit in found.new_units] == [
        ("TV-HLG", "Hội Luật gia", UnitKind.DEPARTMENT)
    ]
    assert [[unit.code for unit in task.lead_units] for task in found.tasks] == [["TV-HLG", "TV-SNV"], ["TV-HLG"]]


def test_unknown_coordinator_keeps_its_name_and_is_never_created() -> None:
    found = of_table(a_table(a_row("1", coordinators="Hội Cây cảnh; Sở Tư pháp")), create=True)
    assert [(unit.name, unit.code) for unit in found.tasks[0].coordinating_units] == [
        ("Hội Cây cảnh", None),
        ("Sở Tư pháp", "TV-STP"),
    ]
    assert [issue.code for issue in found.warnings] == ["unknown-coordinator"]
    assert found.new_units == []


def test_unit_that_has_ended_is_named_with_its_successor() -> None:
    found = of_table(a_table(a_row("1", lead="Sở Thông tin và Truyền thông")), year=2026)
    assert found.tasks[0].lead_units[0].code == "TV-STTTT"
    assert [issue.code for issue in found.warnings] == ["unit-ended"]
    assert "28/02/2025" in found.warnings[0].message
    assert "Sở Khoa học và Công nghệ" in found.warnings[0].message
    early = of_table(a_table(a_row("1", lead="Sở Nông nghiệp và Môi trường")), year=2023)
    assert [issue.code for issue in early.warnings] == ["unit-not-yet"]


def test_ambiguous_lead_is_an_error() -> None:
    units = [
        Unit("TV", "Tỉnh", UnitKind.PROVINCE),
        Unit("TV-A", "Xã A", UnitKind.COMMUNE, "TV"),
        Unit("TV-B", "Xã B", UnitKind.COMMUNE, "TV"),
        Unit("TV-A-1", "Phòng Kinh tế", UnitKind.DEPARTMENT, "TV-A"),
        Unit("TV-B-1", "Phòng Kinh tế", UnitKind.DEPARTMENT, "TV-B"),
    ]
    directory = UnitDirectory.of(units, home="TV", year=2023)
    rules = ImportRules(unit=units[0], year=2023, programme=NQ76)
    rows = read_plan_file(as_text(a_table(a_row("1", lead="Phòng Kinh tế"))))
    with pytest.raises(ImportRefused) as caught:
        read_plan(rows, directory, rules, TimeOrderedIds().new)
    assert [issue.code for issue in caught.value.issues] == ["ambiguous-unit"]


CELLS = st.one_of(
    st.sampled_from(["", "", "1", "2", "I", "II.", "a)", "-", "1.1", "Sở Nội vụ", "Sở Nội vụ; Hội X", "Các sở"]),
    st.sampled_from(["Quý I", "Tháng 7 và tháng 12", "30/02", "Thường xuyên", "Cải cách thể chế", "#", "x" * 600]),
    st.text(max_size=12),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=6, max_size=7), max_size=8), st.booleans())
def test_any_table_is_refused_or_becomes_tasks_that_can_be_issued(body: list[list[str]], create: bool) -> None:
    rows = [FileRow(number, tuple(cells)) for number, cells in enumerate([list(HEADINGS), list(DIRECTION), *body], 1)]
    directory = UnitDirectory.of([unit for unit in UNITS.values() if unit.code.startswith("TV")], home="TV", year=2023)
    unknown = UnknownUnits.CREATE if create else UnknownUnits.REFUSE
    rules = ImportRules(unit=UNITS["TV"], year=2023, programme=NQ76, unknown_units=unknown)
    try:
        found = read_plan(rows, directory, rules, TimeOrderedIds().new)
    except ImportRefused as refused:
        found = Imported(warnings=refused.issues)
    assert all(issue.row <= len(rows) and issue.message for issue in found.warnings)
    if found.tasks:
        province = UnitName("TV", "Tỉnh Trà Vinh", UnitKind.PROVINCE)
        draft = Plan(TimeOrderedIds().new(), province, 2023, "Kế hoạch", "NQ76", tasks=tuple(found.tasks))
        now = datetime(2023, 1, 1, tzinfo=UTC)
        issued = draft.issue(Document("1/KH-UBND", date(2023, 1, 1)), at=now)
        published, _, _ = to_published(PlanIssued(issued, NQ76, now))
        assert PlanIssuedV1.model_validate_json(published.model_dump_json()) == published
        assert (
            len({task.number for task in found.tasks}) == len({task.code for task in found.tasks}) == len(found.tasks)
        )


def test_joined_cells_and_codes_keep_their_bounds() -> None:
    joined = errors(a_table(a_row("1", deliverable="x" * 3000), a_row("", title="", deliverable="y" * 3000)))
    assert [(issue.row, issue.column, issue.code) for issue in joined] == [(4, "Sản phẩm", "cell-too-long")]
    headings = ("Mã", *HEADINGS)
    coded = errors([headings, ("", *DIRECTION), ("X" * 101, *a_row("1"))])
    assert [(issue.row, issue.column, issue.code) for issue in coded] == [(3, "Mã", "cell-too-long")]


def test_a_plan_that_no_event_could_carry_is_refused_when_it_is_read() -> None:
    long = "Rà soát thủ tục " * 110
    found = errors(a_table(*(a_row(str(number), title=long) for number in range(1, 1801))))
    assert [(issue.row, issue.code) for issue in found] == [(0, "plan-too-large")]
    assert "tách" in found[0].message
