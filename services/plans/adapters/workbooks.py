"""Reads the sheet of an .xlsx that holds the plan table, as text cells."""

import io
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from services.plans.domain.errors import FileRefused
from services.plans.domain.plan_table import FileRow, find_header

_MOST_SHEETS: Final = 50
_BROKEN: Final = "Tệp .xlsx bị hỏng hoặc đặt mật khẩu; không mở được."

Cell = int | float | str | bool | time | date | datetime | timedelta


def read_workbook(content: bytes, *, most_rows: int) -> list[FileRow]:
    """Return the rows of the first visible sheet that has a plan's headings; else of the first that has any rows.

    Raises:
        FileRefused: it cannot be opened, or the sheet has more than `most_rows` filled rows.
    """
    try:
        return _limited(_plan_sheet(content), most_rows)
    except (CalamineError, OSError, ValueError) as error:
        raise FileRefused("file-broken", _BROKEN) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of the reader, which is no Exception and cannot be imported
            raise
        raise FileRefused("file-broken", _BROKEN) from error


def _plan_sheet(content: bytes) -> list[FileRow]:
    with CalamineWorkbook.from_object(io.BytesIO(content)) as workbook:
        sheets = [
            sheet.name
            for sheet in workbook.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
        ]
        fallback: list[FileRow] = []
        for name in sheets[:_MOST_SHEETS]:
            rows = _rows(workbook.get_sheet_by_name(name))
            if find_header(rows):
                return rows
            fallback = fallback or rows
    if not fallback:
        raise FileRefused("file-empty", "Các trang tính đều trống.")
    return fallback


def _limited(rows: list[FileRow], most_rows: int) -> list[FileRow]:
    if len(rows) > most_rows:
        raise FileRefused("too-many-rows", f"Tệp có hơn {most_rows} dòng.", rows[most_rows].number)
    return rows


def _rows(sheet: CalamineSheet) -> list[FileRow]:
    table = [[_text(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
    from_above = _fill_merged(table, sheet.merged_cell_ranges or [])
    return [
        FileRow(number, tuple(cells), frozenset(from_above.get(number - 1, ())))
        for number, cells in enumerate(table, start=1)
        if any(cell.strip() for cell in cells)
    ]


def _fill_merged(
    table: list[list[str]], ranges: Sequence[tuple[tuple[int, int], tuple[int, int]]]
) -> dict[int, set[int]]:
    """Repeat a merged cell's text downwards, in its first column; return which places of which rows came so.

    Not to the right: a heading merged across the table would look like a row full of cells.
    """
    filled: dict[int, set[int]] = {}
    for (top, left), (bottom, _) in ranges:
        if top >= len(table) or left >= len(table[top]) or not table[top][left].strip():
            continue
        for row in range(top + 1, min(bottom + 1, len(table))):
            table[row][left] = table[top][left]
            filled.setdefault(row, set()).add(left)
    return filled


def _text(cell: Cell) -> str:
    """Return the cell as a person reads it: 1.0 is 1, a date is dd/mm/yyyy."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)  # noqa: PLR2004 -- exact integers
    if isinstance(cell, date):  # a datetime is a date too
        return f"{cell:%d/%m/%Y}" if cell.year >= 1000 else cell.isoformat()  # noqa: PLR2004 -- %Y does not pad
    return str(cell)
