"""Makes bao-cao.docx: `python -m services.reporting.adapters.templates.make_template`.

The layout is that of NĐ 30/2020/NĐ-CP, Phụ lục I: A4, margins 20/20/30/15 mm, Times New Roman, letterhead as a
borderless table of two columns with drawn lines, page number centred in the top margin and none on page 1. The file is
then an ordinary Word file: an office may edit it and name its own in CCHC_REPORT_TEMPLATE. What it may print is what
adapters/paper.py gives; tags are docxtpl's ({{ text }}, {%p ... %} around paragraphs, {%tr ... %} around table rows).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from docx import Document
from docx.document import Document as WordDocument
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml.ns import qn
from docx.oxml.parser import OxmlElement
from docx.shared import Length, Mm, Pt
from docx.table import Table, _Cell, _Row
from docx.text.paragraph import Paragraph

from services.reporting.adapters.fixed_zip import repack

FONT = "Times New Roman"
BODY, TABLE = Pt(14), Pt(12)
LEFT_COLUMN, RIGHT_COLUMN = Mm(63), Mm(102)
CELL_PADDING = Mm(1.9)  # what Word leaves at either side of a cell
CENTRE, RIGHT, JUSTIFY = WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.RIGHT, WD_ALIGN_PARAGRAPH.JUSTIFY
LEFT = WD_ALIGN_PARAGRAPH.LEFT
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
    left, right = _columns(document).rows[0].cells
    _text(left, "{%p if parent %}", first=True)
    _text(left, "{{ parent }}", size=Pt(13), align=CENTRE)
    _text(left, "{%p endif %}")
    _text(left, "{{ issuer }}", size=Pt(13), bold=True, align=CENTRE)
    _line(left, LEFT_COLUMN - 2 * CELL_PADDING, ISSUER_LINE)
    _text(left, "{{ number_line }}", size=Pt(13), align=CENTRE, before=Pt(4))
    _text(left, "{%p if is_draft %}")
    _text(left, "DỰ THẢO", size=Pt(13), bold=True, align=CENTRE, before=Pt(4))
    _text(left, "{%p endif %}")
    _text(right, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", size=Pt(12.5), bold=True, align=CENTRE, first=True)
    _text(right, "Độc lập - Tự do - Hạnh phúc", size=Pt(13.5), bold=True, align=CENTRE)
    _line(right, RIGHT_COLUMN - 2 * CELL_PADDING, MOTTO_LINE)
    _text(right, "{{ place_and_date }}", size=Pt(13.5), italic=True, align=CENTRE, before=Pt(4))


def _head(document: WordDocument) -> None:
    _text(document, "BÁO CÁO", bold=True, align=CENTRE, before=Pt(18))
    _text(document, "{{ subject }}", bold=True, align=CENTRE)
    _line(document, Mm(165), SUBJECT_LINE)
    _text(document, "{{ basis }}", italic=True, align=JUSTIFY, indent=Mm(12.7), before=Pt(12))
    _tagged(document, "if corrects", "{{ corrects }}", "endif")
    _body(document, "{{ period_text }} {{ as_of_text }}")


def _results(document: WordDocument) -> None:
    _heading(document, "I. KẾT QUẢ CHUNG")
    _body(document, "{{ summary }}")
    table = _table(document, ("TT", "Chỉ tiêu", "Số nhiệm vụ", "Tỷ lệ"), (Mm(12), Mm(93), Mm(30), Mm(30)))
    _rows(table, "row in rates", ("{{ row.order }}", "{{ row.name }}", "{{ row.fraction }}", "{{ row.percent }}"), {1})
    _body(document, "Phương pháp tính: {{ method_text }}")
    _body(document, "{{ score_text }}")
    _heading(document, "II. KẾT QUẢ THEO LĨNH VỰC")
    _counts(document, "Lĩnh vực", "row in by_field")
    _heading(document, "III. KẾT QUẢ THEO CƠ QUAN CHỦ TRÌ")
    _counts(document, "Cơ quan chủ trì", "row in by_unit")
    _text(
        document,
        "Ghi chú: nhiệm vụ có nhiều cơ quan chủ trì được tính cho từng cơ quan, "
        "nên tổng các dòng có thể lớn hơn số của toàn kế hoạch.",
        size=TABLE,
        italic=True,
        align=JUSTIFY,
        before=Pt(4),
    )


def _unfinished(document: WordDocument) -> None:
    _heading(document, "IV. NHIỆM VỤ CHƯA HOÀN THÀNH VÀ HOÀN THÀNH QUÁ HẠN")
    _subheading(document, "1. Nhiệm vụ chưa hoàn thành")
    _tagged(document, "if not unfinished", "Không có nhiệm vụ chưa hoàn thành.", "endif")
    _text(document, "{%p if unfinished %}")
    table = _table(
        document,
        ("STT", "Nhiệm vụ", "Cơ quan chủ trì", "Thời hạn", "Tình trạng"),
        (Mm(13), Mm(58), Mm(36), Mm(30), Mm(28)),
    )
    _rows(
        table,
        "task in unfinished",
        ("{{ task.number }}", "{{ task.title }}", "{{ task.leads }}", "{{ task.deadline }}", "{{ task.state }}"),
        {1, 2, 3, 4},
    )
    _text(document, "{%p endif %}")
    _subheading(document, "2. Nhiệm vụ hoàn thành quá hạn")
    _tagged(document, "if not late", "Không có nhiệm vụ hoàn thành quá hạn.", "endif")
    _text(document, "{%p if late %}")
    table = _table(
        document,
        ("STT", "Nhiệm vụ", "Cơ quan chủ trì", "Thời hạn", "Ngày hoàn thành", "Minh chứng"),
        (Mm(13), Mm(46), Mm(31), Mm(22), Mm(26), Mm(27)),
    )
    late = ("number", "title", "leads", "deadline", "completed_on", "evidence")
    _rows(table, "task in late", tuple(f"{{{{ task.{name} }}}}" for name in late), {1, 2, 3, 5})
    _text(document, "{%p endif %}")


def _narrative(document: WordDocument) -> None:
    _text(document, "{%p for section in narrative %}")
    _heading(document, "{{ section.heading }}")
    _tagged(document, "for paragraph in section.paragraphs", "{{ paragraph }}", "endfor")
    _text(document, "{%p endfor %}")


def _signature(document: WordDocument) -> None:
    closing = _text(
        document, "{{ closing }}", align=JUSTIFY, indent=Mm(12.7), before=Pt(6), after=Pt(12)
    )  # kept with the signature, which must not stand alone on a page
    closing.paragraph_format.keep_with_next = True
    table = _columns(document)
    _keep_whole(table.rows[0])
    left, right = table.rows[0].cells
    _text(left, "Nơi nhận:", size=Pt(12), bold=True, italic=True, first=True)
    _text(left, "{%p for line in recipients %}")
    _text(left, "{{ line }}", size=Pt(11))
    _text(left, "{%p endfor %}")
    _text(right, "{%p for line in signature %}", first=True)
    _text(right, "{{ line }}", bold=True, align=CENTRE)
    _text(right, "{%p endfor %}")
    _text(right, "{{ signed_by }}", bold=True, align=CENTRE, before=Pt(72))


def _columns(document: WordDocument) -> Table:
    """A borderless table of two columns; widths on the columns and on each cell, as some readers ignore one of them."""
    table: Table = document.add_table(1, 2)
    table.autofit = False
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    _widths(table, (LEFT_COLUMN, RIGHT_COLUMN))
    return table


def _table(document: WordDocument, heads: Sequence[str], widths: Sequence[Length]) -> Table:
    table: Table = document.add_table(1, len(heads), style="Table Grid")
    table.autofit = False
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    row = table.rows[0]
    for cell, head in zip(row.cells, heads, strict=True):
        _text(cell, head, size=TABLE, bold=True, align=CENTRE, first=True, before=Pt(2), after=Pt(2))
    _mark(row, "w:tblHeader")
    _keep_whole(row)
    _widths(table, widths)
    return table


def _counts(document: WordDocument, first_head: str, loop: str) -> None:
    rest = Mm(165) - sum(COUNT_WIDTHS)
    table = _table(document, (first_head, *COUNT_HEADS), (Length(rest), *COUNT_WIDTHS))
    _rows(table, loop, ("{{ row.name }}", *(f"{{{{ row.{name} }}}}" for name in COUNT_NAMES)), {0})
    _row(table, ("{{ whole.name }}", *(f"{{{{ whole.{name} }}}}" for name in COUNT_NAMES)), {0}, bold=True)
    _widths(table, (Length(rest), *COUNT_WIDTHS))


def _rows(table: Table, loop: str, texts: Sequence[str], left_aligned: set[int]) -> None:
    _new_row(table).cells[0].text = f"{{%tr for {loop} %}}"
    _row(table, texts, left_aligned)
    _new_row(table).cells[0].text = "{%tr endfor %}"
    _widths(table, [column.width or Length(0) for column in table.columns])


def _row(table: Table, texts: Sequence[str], left_aligned: set[int], *, bold: bool = False) -> None:
    row = _new_row(table)
    _keep_whole(row)
    for place, (cell, text) in enumerate(zip(row.cells, texts, strict=True)):
        align = LEFT if place in left_aligned else CENTRE
        _text(cell, text, size=TABLE, bold=bold, align=align, first=True, before=Pt(2), after=Pt(2))


def _new_row(table: Table) -> _Row:
    row: _Row = table.add_row()  # type: ignore[no-untyped-call]  # python-docx forgot to say what it returns
    return row


def _widths(table: Table, widths: Sequence[Length]) -> None:
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    for row in table.rows:
        for cell, width in zip(row.cells, widths, strict=True):
            cell.width = width


def _keep_whole(row: _Row) -> None:
    _mark(row, "w:cantSplit")


def _mark(row: _Row, name: str) -> None:
    row._tr.get_or_add_trPr().append(OxmlElement(name))  # noqa: SLF001 -- python-docx has no such property


def _heading(document: WordDocument, text: str) -> None:
    paragraph = _text(document, text, bold=True, align=LEFT, indent=Mm(12.7), before=Pt(10), after=Pt(6))
    paragraph.paragraph_format.keep_with_next = True


def _subheading(document: WordDocument, text: str) -> None:
    paragraph = _text(document, text, bold=True, align=LEFT, indent=Mm(12.7), before=Pt(6), after=Pt(6))
    paragraph.paragraph_format.keep_with_next = True


def _body(document: WordDocument, text: str) -> None:
    _text(document, text, align=JUSTIFY, indent=Mm(12.7), before=Pt(6), after=Pt(6))


def _tagged(document: WordDocument, opening: str, text: str, closing: str) -> None:
    _text(document, f"{{%p {opening} %}}")
    _body(document, text)
    _text(document, f"{{%p {closing} %}}")


def _text(
    place: WordDocument | _Cell,
    text: str,
    *,
    size: Length = BODY,
    bold: bool = False,
    italic: bool = False,
    align: WD_ALIGN_PARAGRAPH = LEFT,
    indent: Length | None = None,
    before: Length | None = None,
    after: Length | None = None,
    first: bool = False,
) -> Paragraph:
    """Add a paragraph; `first` writes into the empty one that a new cell has."""
    paragraph = place.paragraphs[0] if first else place.add_paragraph()
    run = paragraph.add_run(text)
    run.font.size, run.bold, run.italic = size, bold, italic
    paragraph.alignment = align
    form = paragraph.paragraph_format
    form.first_line_indent, form.space_before, form.space_after = indent, before, after
    return paragraph


def _line(place: WordDocument | _Cell, width: int, length: Length) -> None:
    """Draw a centred line: a paragraph two points high with a top border, indented from both sides."""
    paragraph = _text(place, "", size=Pt(2))
    form = paragraph.paragraph_format
    form.left_indent = form.right_indent = Length((width - length) // 2)
    form.space_before = Pt(1)
    form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(2)
    borders = OxmlElement("w:pBdr")
    top = OxmlElement("w:top")
    for name, value in (("val", "single"), ("sz", "6"), ("space", "1"), ("color", "000000")):
        top.set(qn(f"w:{name}"), value)
    borders.append(top)
    paragraph._p.get_or_add_pPr().insert_element_before(  # noqa: SLF001 -- python-docx has no borders
        borders, "w:shd", "w:tabs", "w:suppressAutoHyphens", "w:spacing", "w:ind", "w:jc", "w:rPr"
    )


if __name__ == "__main__":
    Path(__file__).with_name("bao-cao.docx").write_bytes(make())
