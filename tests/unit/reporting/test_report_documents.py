"""The documents say what the figures say, look as NĐ 30/2020 asks, and have the same bytes for the same content."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from docx.document import Document as WordDocument
from docx.oxml.ns import qn
from docx.shared import Mm

from services.reporting.adapters.documents import TEMPLATE, to_docx, to_json
from services.reporting.adapters.templates.make_template import make
from services.reporting.domain.content import CorrectedReport, Letterhead, content
from services.reporting.domain.errors import ReportAlreadyIssued, ReportChangedMeanwhile, ReportTemplateBroken
from services.reporting.domain.facts import DocumentFact
from services.reporting.domain.fold import known_at
from services.reporting.domain.method import Method, Rounding, StandingTasks
from services.reporting.domain.periods import by_hand
from services.reporting.domain.report import Report
from services.reporting.domain.scoring import proportional
from services.reporting.domain.wording import letter_date, number_text, padded_number
from tests.unit.reporting.sample_plan import LONG_AFTER, PLAN_ID, identifier, the_sample

ISSUED_AT = datetime(2023, 11, 3, 3, 5, 9, tzinfo=UTC)
AWKWARD = 'Cơ quan A & B <chậm> "quá" {{ 7*7 }} {% raw %}'


def a_report(*, method: Method | None = None) -> Report:
    period = by_hand("10 tháng năm 2023", date(2023, 1, 1), date(2023, 10, 31))
    return Report(identifier("report"), PLAN_ID, "TV", period, method or Method(), "thu-ky", LONG_AFTER)


def issued(report: Report) -> Report:
    document = DocumentFact("5/BC-UBND", date(2023, 2, 3), "Người Ký Mẫu")
    report.issue_as(
        document,
        signature=("TL. Chủ tịch", "Giám đốc Sở Nội vụ"),
        at=ISSUED_AT,
        by="thu-ky",
        expected_version=None,
    )
    return report


def said(report: Report, *, corrected: CorrectedReport | None = None, **letterhead: Any) -> dict[str, Any]:  # noqa: ANN401 -- any name on paper
    names = {"issuer": "Ủy ban nhân dân tỉnh Trà Vinh", "place": "Trà Vinh", "recipients": ("Bộ Nội vụ", "Lưu: VT")}
    return content(
        report,
        known_at(the_sample(), LONG_AFTER),
        as_of=ISSUED_AT,
        letterhead=Letterhead(**{**names, **letterhead}),
        rule=proportional(Decimal(1)),
        corrected=corrected,
    )


def opened(body: bytes) -> WordDocument:
    return Document(BytesIO(body))


def tables(document: WordDocument) -> list[list[list[str]]]:
    return [[[cell.text for cell in row.cells] for row in table.rows] for table in document.tables]


def whole_text(document: WordDocument) -> str:
    cells = [text for table in tables(document) for row in table for text in row]
    return "\n".join([paragraph.text for paragraph in document.paragraphs] + cells)


def test_the_main_sentence_and_the_three_rates_with_their_fractions() -> None:
    document = opened(to_docx(said(issued(a_report()))))
    assert "Đến ngày 31/10/2023 hoàn thành 32/38 nhiệm vụ, đạt 84,21 %" in whole_text(document)
    rates = tables(document)[1]
    assert [row[2:] for row in rates[1:]] == [["32/38", "84,21 %"], ["32/33", "96,97 %"], ["29/32", "90,63 %"]]


@pytest.mark.parametrize("standing", list(StandingTasks))
@pytest.mark.parametrize("rounding", list(Rounding))
def test_word_and_json_carry_the_same_figures(standing: StandingTasks, rounding: Rounding) -> None:
    found = said(issued(a_report(method=Method(standing, rounding))))
    figures = json.loads(to_json(found))["figures"]
    document = opened(to_docx(found))
    _, rates, fields, units, unfinished, late, _ = tables(document)
    names = ("done_of_total", "done_of_due", "on_time_of_done")
    expected = [(figures["rates"][name]["numerator"], figures["rates"][name]["denominator"]) for name in names]
    assert [tuple(map(int, row[2].split("/"))) for row in rates[1:]] == expected
    assert [row[3] for row in rates[1:]] == [figures["rates"][name]["text"] for name in names]
    for table, rows in ((fields, figures["by_field"]), (units, figures["by_unit"])):
        columns = ("total", "done", "done_on_time", "done_late", "due", "overdue")
        wanted = [[number_text(row[name]) for name in columns] for row in (*rows, figures)]
        assert [row[1:7] for row in table[1:]] == wanted
        assert [row[7] for row in table[1:]] == [row["rates"]["done_of_total"]["text"] for row in (*rows, figures)]
    assert len(unfinished) - 1 == figures["unfinished"]
    assert len(late) - 1 == figures["done_late"]
    assert figures["method"]["text"] in whole_text(document)


def test_the_overdue_task_stands_first_among_the_unfinished() -> None:
    unfinished = tables(opened(to_docx(said(issued(a_report())))))[4]
    assert [row[0] for row in unfinished[1:]] == ["18", "3", "5", "7", "14", "28"]
    assert unfinished[1][4] == "Chưa thực hiện, quá hạn"
    assert unfinished[1][3] == "Quý III/2023"


def test_late_tasks_show_day_and_evidence() -> None:
    late = tables(opened(to_docx(said(issued(a_report())))))[5]
    assert [row[0] for row in late[1:]] == ["8", "13", "24"]
    assert late[1][4:] == ["20/04/2023", "640/QĐ-UBND"]


def test_equal_content_gives_equal_bytes() -> None:
    first, second = said(issued(a_report())), said(issued(a_report()))
    assert to_docx(first) == to_docx(second)
    assert to_json(first) == to_json(second)


def test_the_bytes_do_not_depend_on_the_way_through_the_database() -> None:
    found = said(issued(a_report()))
    shuffled = json.loads(json.dumps(dict(reversed(found.items()))))
    assert to_docx(shuffled) == to_docx(found)
    assert to_json(shuffled) == to_json(found)


def test_an_issued_paper_has_number_place_date_and_signer() -> None:
    document = opened(to_docx(said(issued(a_report()))))
    head, signature = tables(document)[0][0], tables(document)[-1][0]
    assert head[0].split("\n") == ["ỦY BAN NHÂN DÂN TỈNH TRÀ VINH", "", "Số: 05/BC-UBND"]
    assert head[1].split("\n") == [
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "Độc lập - Tự do - Hạnh phúc",
        "",
        "Trà Vinh, ngày 03 tháng 02 năm 2023",
    ]
    assert signature[0].split("\n") == ["Nơi nhận:", "- Bộ Nội vụ;", "- Lưu: VT."]
    assert signature[1].split("\n") == ["TL. CHỦ TỊCH", "GIÁM ĐỐC SỞ NỘI VỤ", "Người Ký Mẫu"]
    assert "DỰ THẢO" not in whole_text(document)


def test_a_draft_is_marked_and_leaves_number_and_date_to_the_clerk() -> None:
    document = opened(to_docx(said(a_report(), place=None)))
    head = tables(document)[0][0]
    assert head[0].split("\n")[-2:] == ["Số:        /BC-…", "DỰ THẢO"]
    assert head[1].split("\n")[-1] == "…………, ngày      tháng      năm"


def test_the_parent_body_stands_above_the_issuer_where_it_is_known() -> None:
    head = tables(opened(to_docx(said(a_report(), parent="Bộ Nội vụ"))))[0][0]
    assert head[0].split("\n")[:2] == ["BỘ NỘI VỤ", "ỦY BAN NHÂN DÂN TỈNH TRÀ VINH"]


def test_narrative_sections_are_numbered_over_those_that_are_written_and_never_run_as_template() -> None:
    report = a_report()
    report.edit({"results": "Một.\nHai.", "causes": AWKWARD}, expected_version=None)
    text = whole_text(opened(to_docx(said(report))))
    assert "V. KẾT QUẢ NỔI BẬT\nMột.\nHai.\nVI. NGUYÊN NHÂN\n" + AWKWARD in text
    assert "TỒN TẠI" not in text


def test_a_correction_names_the_report_that_it_corrects() -> None:
    corrected = CorrectedReport("1", str(PLAN_ID), "310/BC-UBND", "2023-11-03")
    text = whole_text(opened(to_docx(said(a_report(), corrected=corrected))))
    assert "đính chính Báo cáo số 310/BC-UBND ngày 03/11/2023" in text


def test_page_and_type_are_those_of_the_decree() -> None:
    document = opened(to_docx(said(issued(a_report()))))
    section = document.sections[0]
    millimetres = [
        round(length.mm) if (length := getattr(section, name)) is not None else None
        for name in ("page_width", "page_height", "top_margin", "bottom_margin", "left_margin", "right_margin")
    ]
    assert millimetres == [210, 297, 20, 20, 30, 15]
    assert document.styles["Normal"].font.name == "Times New Roman"
    assert section.different_first_page_header_footer
    assert " PAGE " in section.header.paragraphs[0]._p.xml
    assert section.first_page_header.is_linked_to_previous or not section.first_page_header.paragraphs[0].text


def test_header_rows_repeat_and_no_row_breaks_across_pages() -> None:
    for table in opened(to_docx(said(issued(a_report())))).tables[1:-1]:
        assert table.rows[0]._tr.findall(f".//{qn('w:tblHeader')}")
        assert all(row._tr.findall(f".//{qn('w:cantSplit')}") for row in table.rows)


def test_tables_keep_within_the_margins() -> None:
    for table in opened(to_docx(said(issued(a_report())))).tables:
        assert sum(column.width or 0 for column in table.columns) <= Mm(166)


def test_the_template_in_the_repository_is_what_its_program_makes() -> None:
    assert make() == TEMPLATE.read_bytes()


def test_a_template_that_asks_for_what_is_not_there_is_named_not_printed(tmp_path: Path) -> None:
    office = Document(str(TEMPLATE))
    office.add_paragraph("{{ so_lieu_la }}")
    path = tmp_path / "mau.docx"
    office.save(str(path))
    with pytest.raises(ReportTemplateBroken) as refused:
        to_docx(said(a_report()), path)
    assert "so_lieu_la" in refused.value.place


def test_a_template_cannot_reach_python(tmp_path: Path) -> None:
    office = Document(str(TEMPLATE))
    office.add_paragraph("{{ subject.__class__.__mro__ }}")
    path = tmp_path / "mau.docx"
    office.save(str(path))
    with pytest.raises(ReportTemplateBroken):
        to_docx(said(a_report()), path)


def test_numbers_and_days_are_written_as_the_decree_asks() -> None:
    assert letter_date(date(2026, 2, 5)) == "ngày 05 tháng 02 năm 2026"
    assert letter_date(date(2026, 11, 25)) == "ngày 25 tháng 11 năm 2026"
    assert letter_date(date(2026, 3, 9)) == "ngày 09 tháng 3 năm 2026"
    assert (padded_number("5/BC-UBND"), padded_number("15/BC-UBND"), padded_number("BC-5")) == (
        "05/BC-UBND",
        "15/BC-UBND",
        "BC-5",
    )
    assert number_text(15247) == "15.247"


def test_an_issued_report_can_neither_be_edited_nor_issued_again() -> None:
    report = issued(a_report())
    with pytest.raises(ReportAlreadyIssued):
        report.edit({"results": "Khác"}, expected_version=None)
    with pytest.raises(ReportAlreadyIssued):
        issued(report)


def test_a_draft_changed_meanwhile_is_not_overwritten() -> None:
    report = a_report()
    report.edit({"results": "Một"}, expected_version=1)
    with pytest.raises(ReportChangedMeanwhile):
        report.edit({"results": "Hai"}, expected_version=1)
