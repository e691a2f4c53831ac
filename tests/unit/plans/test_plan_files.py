"""Plan files: which are read, which are refused, and with what words."""

import io
import unicodedata
import zipfile
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.plans.adapters.plan_files import MOST_BYTES, read_plan_file
from services.plans.domain.errors import FileRefused
from services.plans.domain.plan_table import FileRow
from tests.support.plan_tables import a_row, a_table, as_text, as_workbook, sample_table

CONTENT_TYPES = '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'


def cells(rows: list[FileRow]) -> list[tuple[str, ...]]:
    return [row.cells for row in rows]


def refusal(content: bytes) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        read_plan_file(content)
    assert caught.value.message.endswith(".")
    return caught.value


def a_zip(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return held.getvalue()


def changed_member(workbook: bytes, name: str, content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        members = {one: archive.read(one) for one in archive.namelist()}
    return a_zip({**members, name: content})


def test_one_table_in_every_format_gives_the_same_rows() -> None:
    table = sample_table()
    expected = cells(read_plan_file(as_text(table)))
    text = as_text(table).decode()
    assert len(expected) == 39
    for other in (
        as_text(table, ","),
        as_text(table, ";"),
        b"\xef\xbb\xbf" + as_text(table, ","),
        text.encode("utf-16"),
        b"\xfe\xff" + text.encode("utf-16-be"),
        text.replace("\n", "\r\n").encode(),
        text.replace("\n", "\r").encode(),
        as_workbook(table),
    ):
        found = [tuple(unicodedata.normalize("NFC", cell) for cell in row) for row in cells(read_plan_file(other))]
        assert [row[: len(line)] for row, line in zip(found, expected, strict=True)] == expected


def test_rows_are_numbered_as_an_editor_shows_them() -> None:
    content = '# ghi chú\n\nSTT,Nhiệm vụ,Chủ trì,Thời hạn\n1,"dòng\nhai",Sở Nội vụ,Quý I\n2,b,Sở Nội vụ,Quý I\n'
    assert [row.number for row in read_plan_file(content.encode())] == [1, 3, 4, 6]


def test_quotes_inside_of_tab_separated_cells_are_text() -> None:
    rows = read_plan_file('STT\tNhiệm vụ\tChủ trì\tThời hạn\n1\tChương trình "Một cửa\tSở Nội vụ\tQuý I\n'.encode())
    assert rows[1].cells[1] == 'Chương trình "Một cửa'


def test_numbers_and_dates_of_a_workbook_read_as_people_see_them() -> None:
    rows = read_plan_file(as_workbook([["STT", "Hạn"], [1, date(2026, 6, 30)], [1.5, True]]))
    assert cells(rows)[1:] == [("1", "30/06/2026"), ("1.5", "TRUE")]
    old_epoch = read_plan_file(as_workbook([["a"], [date(2026, 6, 30)]], options={"date_1904": True}))
    assert cells(old_epoch)[1] == ("30/06/2026",)


def test_merged_cells_are_repeated_downwards_only() -> None:
    table = [["STT", "Nhiệm vụ", "Cơ quan"], ["1", "a", "Sở Nội vụ"], ["", "b", ""], ["I. Thể chế", "", ""]]
    rows = read_plan_file(as_workbook(table, merged=["C2:C3", "A4:C4"]))
    assert cells(rows)[2:] == [("", "b", "Sở Nội vụ"), ("I. Thể chế", "", "")]
    assert rows[2].from_above == {2}


def test_plan_is_found_on_a_later_sheet_and_not_on_a_hidden_one() -> None:
    import xlsxwriter

    held = io.BytesIO()
    with xlsxwriter.Workbook(held) as book:
        book.add_worksheet("Bìa").write(0, 0, "Kế hoạch năm 2026")
        hidden = book.add_worksheet("Nháp")
        shown = book.add_worksheet("Phụ lục")
        for page, number in ((hidden, 1), (shown, 2)):
            for row, line in enumerate(a_table(a_row(number))):
                page.write_row(row, 0, line)
        hidden.hide()
    assert cells(read_plan_file(held.getvalue()))[-1][0] == "2"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file-empty"),
        (b" \n ", "file-empty"),
        (b"%PDF-1.7 ...", "file-is-pdf"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "file-is-old-office"),
        (b"\x89PNG\r\n", "file-is-image"),
        (b"x" * (MOST_BYTES + 1), "file-too-large"),
        ("STT\tNhiệm vụ\x00".encode(), "file-unreadable"),
        ("Nhiệm vụ".encode("utf-16")[:-1], "legacy-encoding"),
        ("Së Néi vô".encode("latin-1"), "legacy-encoding"),
        ("NhiÖm vô cña Së Néi vô, ®¬n vÞ chñ tr×, thêi gian hoµn thµnh".encode(), "legacy-encoding"),
        (
            "Nhieäm vuï cuûa Sôû Noäi vuï, ñôn vò chuû trì, thôøi gian hoaøn thaønh, ñeà nghò".encode(),
            "legacy-encoding",
        ),
        ('STT,Nhiệm vụ,Chủ trì,Thời hạn\n1,"abc,Sở Nội vụ,Quý I\n'.encode(), "bad-quotes"),
        (b"1\t2\n" * 5001, "too-many-rows"),
        (b"PK\x03\x04 cut short", "file-broken"),
        (a_zip({"word/document.xml": b"<a/>"}), "file-is-word"),
        (a_zip({"ppt/a.xml": b"<a/>"}), "file-is-slides"),
        (a_zip({"content.xml": b"<a/>", "mimetype": b"x"}), "file-is-opendocument"),
        (a_zip({"xl/workbook.bin": b"x"}), "file-is-xlsb"),
        (a_zip({"xl/workbook.xml": b"<a/>", "xl/vbaProject.bin": b"x"}), "file-has-macros"),
        (a_zip({"readme.txt": b"x"}), "file-not-workbook"),
        (a_zip({"xl/workbook.xml": b"<a/>", "xl/media/a.bin": bytes(3 * 1024 * 1024)}), "zip-bomb"),
        (a_zip({"xl/workbook.xml": b"<a/>", **{f"x{n}": b"" for n in range(2001)}}), "zip-bomb"),
        (a_zip({"xl/workbook.xml": b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}), "file-broken"),
        (a_zip({"xl/workbook.xml": b"<a/>", "[Content_Types].xml": CONTENT_TYPES.encode()}), "file-broken"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_plan_table_is_refused_with_a_sentence(content: bytes, code: str) -> None:
    assert refusal(content).code == code


def test_bad_quotes_name_the_row_where_they_open() -> None:
    assert refusal(b'a,b\n1,2\n3,"4\n5,6\n').row == 3


def test_bomb_that_hides_its_size_is_refused() -> None:
    """The directory claims few bytes; what comes out is counted, and the check sum no longer fits."""
    bomb = bytearray(a_zip({"xl/workbook.xml": b"<a/>", "xl/big.xml": b" " * 900_000}))
    for place in range(len(bomb) - 4):
        if bomb[place : place + 4] == (900_000).to_bytes(4, "little"):
            bomb[place : place + 4] = (10).to_bytes(4, "little")
    assert refusal(bytes(bomb)).code == "file-broken"


def test_sheet_with_one_cell_at_its_far_end_is_refused_before_it_fills_memory() -> None:
    sheet = (
        '<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
        "</sheetData></worksheet>"
    )
    workbook = changed_member(as_workbook([["a"]]), "xl/worksheets/sheet1.xml", sheet.encode())
    assert refusal(workbook).code == "sheet-too-large"


def test_formats_at_the_far_end_do_not_make_a_sheet_large() -> None:
    sheet = (
        '<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576" s="0"/></row>'
        "</sheetData></worksheet>"
    )
    rows = read_plan_file(changed_member(as_workbook([["a"]]), "xl/worksheets/sheet1.xml", sheet.encode()))
    assert cells(rows) == [("1",)]


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=400), st.text(max_size=200).map(lambda text: text.encode(errors="ignore"))))
def test_any_bytes_are_rows_or_a_refusal(content: bytes) -> None:
    try:
        rows = read_plan_file(content)
    except FileRefused:
        pass
    else:
        assert [row.number for row in rows] == sorted({row.number for row in rows})


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 6000), st.binary(min_size=1, max_size=8))
def test_damaged_workbook_is_rows_or_a_refusal(place: int, damage: bytes) -> None:
    good = as_workbook(a_table(a_row()))
    at = place % len(good)
    with suppress(FileRefused):
        read_plan_file(good[:at] + damage + good[at + len(damage) :])
