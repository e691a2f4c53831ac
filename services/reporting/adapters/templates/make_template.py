"""Makes bao-cao.docx: `python -m services.reporting.adapters.templates.make_template`.

The layout is that of NĐ 30/2020/NĐ-CP, Phụ lục I: A4, margins 20/20/30/15 mm, Times New Roman, letterhead as a
borderless table of two columns with drawn lines, page number centred in the top margin and none on page 1. The file is
then an ordinary Word file: an office may edit it and name its own in CCHC_REPORT_TEMPLATE. What it may print is what
adapters/paper.py gives; tags are docxtpl's ({{ text }}, {%p ... %} around paragraphs, {%tr ... %} around table rows).
"""

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from docx import Document
from docx.document import Document as WordDocument
from docx.enum.text import WD_LINE_SPACING
from docx.oxml.ns import qn
from docx.oxml.parser import OxmlElement
from docx.shared import Length, Mm, Pt

from services.reporting.adapters.fixed_zip import repack
from services.reporting.adapters.templates.word_parts import (
    BODY,
    CENTRE,
    INDENT,
    JUSTIFY,
    LEFT_COLUMN,
    RIGHT_COLUMN,
    TABLE,
    add_body,
    add_columns,
    add_heading,
    add_row,
    add_rows,
    add_subheading,
    add_table,
    add_tagged,
    add_text,
    draw_line,
    keep_whole,
    set_widths,
)

FONT = "Times New Roman"
CELL_PADDING = Mm(1.9)  # what Word leaves at either side of a cell
MOTTO_LINE = Mm(58)  # "Độc lập - Tự do - Hạnh phúc" at 13.5 pt bold: the line is as long as the text
ISSUER_LINE, SUBJECT_LINE = Mm(22), Mm(50)  # a third to a half of the text

USED_STYLES = {"Normal", "Header", "DefaultParagraphFont", "TableNormal", "NoList", "TableGrid", "HeaderChar"}
UNUSED_PARTS = {"stylesWithEffects", "thumbnail", "customXml", "numbering"}

COUNT_HEADS = (
    "Tổng số",
    "Hoàn thành",
    "Đúng hạn",
    "Quá hạn",
    "Đến hạn",
    "Quá hạn chưa xong",
    "Tỷ lệ hoàn thành",
)
COUNT_NAMES = ("total", "done", "done_on_time", "done_late", "due", "overdue", "percent")
COUNT_WIDTHS = (Mm(14), Mm(16), Mm(15), Mm(14), Mm(14), Mm(17), Mm(22))


def make() -> bytes:
    """Return the template's bytes; the same on every run."""
    document = Document()
    _page(document)
    _styles(document)
    _lighten(document)
    _letterhead(document)
    _head(document)
    _results(document)
    _unfinished(document)
    _narrative(document)
    _signature(document)
    properties = document.core_properties
    properties.title, properties.author, properties.comments = "Báo cáo", "", ""
    properties.created = properties.modified = datetime(2020, 3, 5, tzinfo=UTC).replace(tzinfo=None)  # NĐ 30's date
    written = BytesIO()
    document.save(written)
    return repack(written.getvalue())


def _page(document: WordDocument) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin = section.bottom_margin = Mm(20)
    section.left_margin, section.right_margin = Mm(30), Mm(15)
    section.header_distance = Mm(10)
    section.different_first_page_header_footer = True
    paragraph = section.header.paragraphs[0]
    paragraph.alignment = CENTRE
    run = paragraph.add_run()
    run.font.size = Pt(13)
    for kind, text in (("begin", None), (None, " PAGE "), ("end", None)):
        element = OxmlElement("w:fldChar" if kind else "w:instrText")
        if kind:
            element.set(qn("w:fldCharType"), kind)
        element.text = text
        run._r.append(element)  # noqa: SLF001 -- python-docx has no page-number field


def _lighten(document: WordDocument) -> None:
    """Drop what python-docx's own template brings along and nothing here uses: nine tenths of the file."""
    styles = document.styles.element
    for style in list(styles.iter(qn("w:style"))):
        if style.get(qn("w:styleId")) not in USED_STYLES:
            styles.remove(style)
    package = document.part.package
    for part in (document.part, package):
        for key, relation in list(part.rels.items()):
            if relation.reltype.rpartition("/")[2] in UNUSED_PARTS:
                del part.rels[key]


def _styles(document: WordDocument) -> None:
    style = document.styles["Normal"]
    style.font.name, style.font.size = FONT, BODY
    fonts = style.element.rPr.rFonts
    for script in ("w:ascii", "w:hAnsi", "w:eastAsia", "w:cs"):
        fonts.set(qn(script), FONT)
    for language in style.element.getparent().iter(qn("w:lang")):
        language.set(qn("w:val"), "vi-VN")
    header = document.styles["Header"]
    header.font.name = FONT
    spacing = style.paragraph_format
    spacing.space_before = spacing.space_after = Pt(0)
    spacing.line_spacing_rule = WD_LINE_SPACING.SINGLE


def _letterhead(document: WordDocument) -> None:
    left, right = add_columns(document).rows[0].cells
    add_text(left, "{%p if parent %}", first=True)
    add_text(left, "{{ parent }}", size=Pt(13), align=CENTRE)
    add_text(left, "{%p endif %}")
    add_text(left, "{{ issuer }}", size=Pt(13), bold=True, align=CENTRE)
    draw_line(left, LEFT_COLUMN - 2 * CELL_PADDING, ISSUER_LINE)
    add_text(left, "{{ number_line }}", size=Pt(13), align=CENTRE, before=Pt(4))
    add_text(left, "{%p if is_draft %}")
    add_text(left, "DỰ THẢO", size=Pt(13), bold=True, align=CENTRE, before=Pt(4))
    add_text(left, "{%p endif %}")
    add_text(right, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", size=Pt(12.5), bold=True, align=CENTRE, first=True)
    add_text(right, "Độc lập - Tự do - Hạnh phúc", size=Pt(13.5), bold=True, align=CENTRE)
    draw_line(right, RIGHT_COLUMN - 2 * CELL_PADDING, MOTTO_LINE)
    add_text(right, "{{ place_and_date }}", size=Pt(13.5), italic=True, align=CENTRE, before=Pt(4))


def _head(document: WordDocument) -> None:
    add_text(document, "BÁO CÁO", bold=True, align=CENTRE, before=Pt(18))
    add_text(document, "{{ subject }}", bold=True, align=CENTRE)
    draw_line(document, Mm(165), SUBJECT_LINE)
    add_text(document, "{{ basis }}", italic=True, align=JUSTIFY, indent=INDENT, before=Pt(12))
    add_tagged(document, "if corrects", "{{ corrects }}", "endif")
    add_body(document, "{{ period_text }} {{ as_of_text }}")


def _results(document: WordDocument) -> None:
    add_heading(document, "I. KẾT QUẢ CHUNG")
    add_body(document, "{{ summary }}")
    table = add_table(document, ("TT", "Chỉ tiêu", "Số nhiệm vụ", "Tỷ lệ"), (Mm(12), Mm(93), Mm(30), Mm(30)))
    add_rows(
        table, "row in rates", ("{{ row.order }}", "{{ row.name }}", "{{ row.fraction }}", "{{ row.percent }}"), {1}
    )
    add_body(document, "Phương pháp tính: {{ method_text }}")
    add_body(document, "{{ score_text }}")
    add_heading(document, "II. KẾT QUẢ THEO LĨNH VỰC")
    _counts(document, "Lĩnh vực", "row in by_field")
    add_heading(document, "III. KẾT QUẢ THEO CƠ QUAN CHỦ TRÌ")
    _counts(document, "Cơ quan chủ trì", "row in by_unit")
    add_text(
        document,
        "Ghi chú: nhiệm vụ có nhiều cơ quan chủ trì được tính cho từng cơ quan, "
        "nên tổng các dòng có thể lớn hơn số của toàn kế hoạch.",
        size=TABLE,
        italic=True,
        align=JUSTIFY,
        before=Pt(4),
    )


def _unfinished(document: WordDocument) -> None:
    add_heading(document, "IV. NHIỆM VỤ CHƯA HOÀN THÀNH VÀ HOÀN THÀNH QUÁ HẠN")
    add_subheading(document, "1. Nhiệm vụ chưa hoàn thành")
    add_tagged(document, "if not unfinished", "Không có nhiệm vụ chưa hoàn thành.", "endif")
    add_text(document, "{%p if unfinished %}")
    table = add_table(
        document,
        ("STT", "Nhiệm vụ", "Cơ quan chủ trì", "Thời hạn", "Tình trạng"),
        (Mm(13), Mm(58), Mm(36), Mm(30), Mm(28)),
    )
    add_rows(
        table,
        "task in unfinished",
        ("{{ task.number }}", "{{ task.title }}", "{{ task.leads }}", "{{ task.deadline }}", "{{ task.state }}"),
        {1, 2, 3, 4},
    )
    add_text(document, "{%p endif %}")
    add_subheading(document, "2. Nhiệm vụ hoàn thành quá hạn")
    add_tagged(document, "if not late", "Không có nhiệm vụ hoàn thành quá hạn.", "endif")
    add_text(document, "{%p if late %}")
    table = add_table(
        document,
        ("STT", "Nhiệm vụ", "Cơ quan chủ trì", "Thời hạn", "Ngày hoàn thành", "Minh chứng"),
        (Mm(13), Mm(46), Mm(31), Mm(22), Mm(26), Mm(27)),
    )
    late = ("number", "title", "leads", "deadline", "completed_on", "evidence")
    add_rows(table, "task in late", tuple(f"{{{{ task.{name} }}}}" for name in late), {1, 2, 3, 5})
    add_text(document, "{%p endif %}")


def _narrative(document: WordDocument) -> None:
    add_text(document, "{%p for section in narrative %}")
    add_heading(document, "{{ section.heading }}")
    add_tagged(document, "for paragraph in section.paragraphs", "{{ paragraph }}", "endfor")
    add_text(document, "{%p endfor %}")


def _signature(document: WordDocument) -> None:
    closing = add_text(
        document, "{{ closing }}", align=JUSTIFY, indent=INDENT, before=Pt(6), after=Pt(12)
    )  # kept with the signature, which must not stand alone on a page
    closing.paragraph_format.keep_with_next = True
    table = add_columns(document)
    keep_whole(table.rows[0])
    left, right = table.rows[0].cells
    add_text(left, "Nơi nhận:", size=Pt(12), bold=True, italic=True, first=True)
    add_text(left, "{%p for line in recipients %}")
    add_text(left, "{{ line }}", size=Pt(11))
    add_text(left, "{%p endfor %}")
    add_text(right, "{%p for line in signature %}", first=True)
    add_text(right, "{{ line }}", bold=True, align=CENTRE)
    add_text(right, "{%p endfor %}")
    add_text(right, "{{ signed_by }}", bold=True, align=CENTRE, before=Pt(72))


def _counts(document: WordDocument, first_head: str, loop: str) -> None:
    rest = Mm(165) - sum(COUNT_WIDTHS)
    table = add_table(document, (first_head, *COUNT_HEADS), (Length(rest), *COUNT_WIDTHS))
    add_rows(table, loop, ("{{ row.name }}", *(f"{{{{ row.{name} }}}}" for name in COUNT_NAMES)), {0})
    add_row(table, ("{{ whole.name }}", *(f"{{{{ whole.{name} }}}}" for name in COUNT_NAMES)), {0}, bold=True)
    set_widths(table, (Length(rest), *COUNT_WIDTHS))


if __name__ == "__main__":
    Path(__file__).with_name("bao-cao.docx").write_bytes(make())
