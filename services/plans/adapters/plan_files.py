"""Reads plan files: TSV, CSV, .xlsx. What is no such file is refused with a sentence that says what to do."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Final, Literal

from services.plans.adapters.workbook_guard import refuse_unsafe_workbook
from services.plans.adapters.workbooks import read_workbook
from services.plans.domain.errors import FileRefused
from services.plans.domain.plan_table import FileRow, find_header

MOST_BYTES: Final = 10 * 1024 * 1024
MOST_ROWS: Final = 5_000
_DELIMITERS: Final = ("\t", ";", ",")
_NEW_LINE: Final = re.compile(r"\r\n|\r|\n")
_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_VIETNAMESE: Final = re.compile("[ăđơưĂĐƠƯ\u1ea0-\u1ef9]")
_OLD_FONTS: Final = re.compile("[®µ¸¶·¹¨»¾¼½Æ©ÇËÎÏÑÖ×ØÜÞßäå«æç¬ëîïñö÷øûüþ\u00adÄÅÛÐ]")
"""Letters that Vietnamese in Unicode never uses and that TCVN3 and VNI texts are full of."""
_SIGNATURES: Final = (
    (b"%PDF", "file-is-pdf", "Tệp là PDF. Hãy nhập bảng nhiệm vụ từ tệp .xlsx, .csv hoặc .tsv."),
    (
        b"\xd0\xcf\x11\xe0",
        "file-is-old-office",
        "Tệp là .xls/.doc kiểu cũ hoặc tệp Office đặt mật khẩu. Hãy lưu lại thành .xlsx không mật khẩu.",
    ),
    (b"\x89PNG", "file-is-image", "Tệp là hình ảnh. Hãy nhập bảng nhiệm vụ từ tệp .xlsx, .csv hoặc .tsv."),
    (b"\xff\xd8\xff", "file-is-image", "Tệp là hình ảnh. Hãy nhập bảng nhiệm vụ từ tệp .xlsx, .csv hoặc .tsv."),
)


def read_plan_file(content: bytes) -> list[FileRow]:
    """Return the file's rows. What the file is, its content tells, not its name.

    Raises:
        FileRefused: too large, not a table, unsafe, or in an old encoding.
    """
    if not content.strip():
        raise FileRefused("file-empty", "Tệp không có nội dung.")
    if len(content) > MOST_BYTES:
        raise FileRefused("file-too-large", f"Tệp lớn quá {MOST_BYTES // 1024 // 1024} MB.")
    for signature, code, message in _SIGNATURES:
        if content.startswith(signature):
            raise FileRefused(code, message)
    if content.startswith(b"PK"):
        refuse_unsafe_workbook(content)
        rows = read_workbook(content, most_rows=MOST_ROWS)
    else:
        rows = _read_text(_decode(content))
    _refuse_old_fonts(rows)
    return rows


def _decode(content: bytes) -> str:
    encoding = next((name for bom, name in _BOMS if content.startswith(bom)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        message = (
            "Tệp không phải Unicode (có thể gõ bằng bảng mã TCVN3, VNI hoặc Windows-1258). Hãy chuyển sang Unicode và"
            " lưu lại với mã UTF-8."
        )
        raise FileRefused("legacy-encoding", message) from error
    if "\x00" in text:
        raise FileRefused("file-unreadable", "Tệp không phải bảng dạng văn bản (có byte 0).")
    return text


def _read_text(text: str) -> list[FileRow]:
    """Return the rows under the delimiter with which the plan's headings are found; else the commonest one."""
    usual = max(_DELIMITERS, key=text[:20_000].count)
    best: list[FileRow] = []
    best_width = 0
    for delimiter in dict.fromkeys((usual, *_DELIMITERS)):
        if delimiter not in text:
            continue
        rows = _delimited(text, delimiter)
        header = find_header(rows)
        if header and len(header.places) > best_width:
            best, best_width = rows, len(header.places)
    return best or _delimited(text, usual)


def _delimited(text: str, delimiter: str) -> list[FileRow]:
    try:
        return list(_records(text, delimiter, csv.QUOTE_MINIMAL))
    except csv.Error as error:
        if delimiter == "\t":  # quotes inside of tab-separated cells are often plain text
            return list(_records(text, delimiter, csv.QUOTE_NONE))
        message = "Dấu nháy kép trong tệp CSV không khép đúng; xem từ dòng này."
        raise FileRefused("bad-quotes", message, _line_of_trouble(text, delimiter)) from error


def _records(text: str, delimiter: str, quoting: Literal[0, 3]) -> Iterator[FileRow]:
    lines = io.StringIO(_NEW_LINE.sub("\n", text), newline="")
    reader = csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=True)
    begins = 1
    count = 0
    for cells in reader:
        if any(cell.strip() for cell in cells):
            count += 1
            if count > MOST_ROWS:
                raise FileRefused("too-many-rows", f"Tệp có hơn {MOST_ROWS} dòng.", begins)
            yield FileRow(begins, tuple(cells))
        begins = reader.line_num + 1


def _line_of_trouble(text: str, delimiter: str) -> int:
    """Return the line at which the first record that cannot be read begins."""
    last = 1
    try:
        for row in _records(text, delimiter, csv.QUOTE_MINIMAL):
            last = row.number + 1
    except csv.Error:
        return last
    return last


def _refuse_old_fonts(rows: list[FileRow]) -> None:
    text = "".join(cell for row in rows[:200] for cell in row.cells)
    old, proper = len(_OLD_FONTS.findall(text)), len(_VIETNAMESE.findall(text))
    if old >= 5 and old > proper:  # noqa: PLR2004 -- a single ® or × is no font
        message = "Chữ trong tệp gõ bằng bảng mã cũ (TCVN3 hoặc VNI). Hãy chuyển sang Unicode rồi nhập lại."
        raise FileRefused("legacy-encoding", message)
