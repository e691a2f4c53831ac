"""Builds plan tables for import tests: as text, CSV and real .xlsx files."""

import csv
import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import xlsxwriter

SEED = Path(__file__).resolve().parents[2] / "services" / "plans" / "seed"
PROVINCE_PLAN = SEED / "plan-tra-vinh-2023.tsv"
COMMUNE_PLAN = SEED / "plan-commune-2026.tsv"

HEADINGS = ("STT", "Nhiệm vụ", "Sản phẩm", "Cơ quan chủ trì", "Cơ quan phối hợp", "Thời gian hoàn thành")
DIRECTION = ("I", "Công tác chỉ đạo, điều hành CCHC", "", "", "", "")
Table = Sequence[Sequence[object]]


def a_row(number: object = "1", **changed: str) -> tuple[object, ...]:
    """Return a good row of an appendix; name what differs: title, deliverable, lead, coordinators, deadline."""
    good = {
        "title": f"Nhiệm vụ số {number}",
        "deliverable": "Báo cáo",
        "lead": "Sở Nội vụ",
        "coordinators": "",
        "deadline": "Quý I",
    }
    cells = {**good, **changed}
    return (number, *(cells[name] for name in good))


def a_table(*rows: Sequence[object], headings: Sequence[str] = HEADINGS) -> Table:
    """Return a table under the usual headings whose rows belong to the first field."""
    return [headings, DIRECTION, *rows]


def sample_table(path: Path = PROVINCE_PLAN) -> Table:
    """Return the cells of a sample plan with its headings, without its comment lines."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [line.split("\t") for line in lines]


def as_text(table: Table, delimiter: str = "\t") -> bytes:
    """Return the table as TSV, or CSV with the given delimiter."""
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, lineterminator="\n").writerows(table)
    return written.getvalue().encode()


def as_workbook(
    table: Table, *, merged: Sequence[str] = (), options: dict[str, object] | None = None, sheet: str = "Phụ lục"
) -> bytes:
    """Return the table as an .xlsx; dates become date cells, numbers stay numbers; `merged` ranges keep their text."""
    held = io.BytesIO()
    with xlsxwriter.Workbook(held, {"in_memory": True, **(options or {})}) as book:
        page = book.add_worksheet(sheet)
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        for at, row in enumerate(table):
            for place, cell in enumerate(row):
                if isinstance(cell, date):
                    page.write_datetime(at, place, cell, day)
                elif cell != "":
                    page.write(at, place, cell)
        for area in merged:
            row, column = xlsxwriter.utility.xl_cell_to_rowcol(area.split(":")[0])
            page.merge_range(area, table[row][column])
    return held.getvalue()
