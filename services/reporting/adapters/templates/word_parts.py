"""Paragraphs, tables and lines of the Word template, in the sizes that the decree asks for."""

from collections.abc import Sequence

from docx.document import Document as WordDocument
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml.ns import qn
from docx.oxml.parser import OxmlElement
from docx.shared import Length, Mm, Pt
from docx.table import Table, _Cell, _Row
from docx.text.paragraph import Paragraph

BODY, TABLE = Pt(14), Pt(12)
LEFT_COLUMN, RIGHT_COLUMN = Mm(63), Mm(102)
LEFT, CENTRE, JUSTIFY = WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.JUSTIFY
INDENT = Mm(12.7)


def add_columns(document: WordDocument) -> Table:
    """A borderless table of two columns; widths on the columns and on each cell, as some readers ignore one of them."""
    table: Table = document.add_table(1, 2)
    table.autofit = False
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    set_widths(table, (LEFT_COLUMN, RIGHT_COLUMN))
    return table


def add_table(document: WordDocument, heads: Sequence[str], widths: Sequence[Length]) -> Table:
    """Add a ruled table whose head row repeats on each page."""
    table: Table = document.add_table(1, len(heads), style="Table Grid")
    table.autofit = False
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    row = table.rows[0]
    for cell, head in zip(row.cells, heads, strict=True):
        add_text(cell, head, size=TABLE, bold=True, align=CENTRE, first=True, before=Pt(2), after=Pt(2))
    _mark(row, "w:tblHeader")
    keep_whole(row)
    set_widths(table, widths)
    return table


def add_rows(table: Table, loop: str, texts: Sequence[str], left_aligned: set[int]) -> None:
    """Add a row that repeats over `loop`; the rows with the tags vanish when the template is filled."""
    _new_row(table).cells[0].text = f"{{%tr for {loop} %}}"
    add_row(table, texts, left_aligned)
    _new_row(table).cells[0].text = "{%tr endfor %}"
    set_widths(table, [column.width or Length(0) for column in table.columns])


def add_row(table: Table, texts: Sequence[str], left_aligned: set[int], *, bold: bool = False) -> None:
    row = _new_row(table)
    keep_whole(row)
    for place, (cell, text) in enumerate(zip(row.cells, texts, strict=True)):
        align = LEFT if place in left_aligned else CENTRE
        add_text(cell, text, size=TABLE, bold=bold, align=align, first=True, before=Pt(2), after=Pt(2))


def _new_row(table: Table) -> _Row:
    row: _Row = table.add_row()  # type: ignore[no-untyped-call]  # python-docx forgot to say what it returns
    return row


def set_widths(table: Table, widths: Sequence[Length]) -> None:
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    for row in table.rows:
        for cell, width in zip(row.cells, widths, strict=True):
            cell.width = width


def keep_whole(row: _Row) -> None:
    _mark(row, "w:cantSplit")


def _mark(row: _Row, name: str) -> None:
    row._tr.get_or_add_trPr().append(OxmlElement(name))  # noqa: SLF001 -- python-docx has no such property


def add_heading(document: WordDocument, text: str) -> None:
    paragraph = add_text(document, text, bold=True, align=LEFT, indent=INDENT, before=Pt(10), after=Pt(6))
    paragraph.paragraph_format.keep_with_next = True


def add_subheading(document: WordDocument, text: str) -> None:
    paragraph = add_text(document, text, bold=True, align=LEFT, indent=INDENT, before=Pt(6), after=Pt(6))
    paragraph.paragraph_format.keep_with_next = True


def add_body(document: WordDocument, text: str) -> None:
    add_text(document, text, align=JUSTIFY, indent=INDENT, before=Pt(6), after=Pt(6))


def add_tagged(document: WordDocument, opening: str, text: str, closing: str) -> None:
    add_text(document, f"{{%p {opening} %}}")
    add_body(document, text)
    add_text(document, f"{{%p {closing} %}}")


def add_text(
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


def draw_line(place: WordDocument | _Cell, width: int, length: Length) -> None:
    """Draw a centred line: a paragraph two points high with a top border, indented from both sides."""
    paragraph = add_text(place, "", size=Pt(2))
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
