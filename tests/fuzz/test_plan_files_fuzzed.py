"""Plan files that somebody spoilt: each is a table or a refusal with a sentence, through reader and import alike."""

import io
import re
import zipfile
from collections.abc import Sequence
from functools import cache

import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.plans.adapters.plan_files import read_plan_file
from services.plans.adapters.seed_files import seed_programmes
from services.plans.domain.errors import FileRefused, ImportRefused
from services.plans.domain.plan_import import ImportRules, UnknownUnits, read_plan
from services.plans.domain.unit import Unit, UnitKind
from services.plans.domain.unit_directory import UnitDirectory
from shared.ids import TimeOrderedIds
from tests.fuzz.effort import examples
from tests.support.plan_tables import as_text, as_workbook, sample_table

IDS = TimeOrderedIds()
PROVINCE = Unit("TV", "Tỉnh Trà Vinh", UnitKind.PROVINCE)
DEPARTMENT = Unit("TV-SNV", "Sở Nội vụ", UnitKind.DEPARTMENT, parent="TV")
PIECES = (
    *(
        "\t",
        "\n",
        "\r",
        '"',
        '""',
        ",",
        ";",
        "\ufeff",
        "\u2028",
        "\u00a0",
        "\x0b",
        "\x1c",
        "\x85",
        "=1+1",
        "#",
        "I.",
        "VIII",
    ),
    *("STT", "Nhiệm vụ", "Cơ quan chủ trì", "Thời hạn", "30/02/2023", "Quý IV", "Thường xuyên", "9" * 400, "-1", "1e9"),
    *("ắ" * 600, "e\u0301" * 9, "\U0010ffff", "\u202e", "\ufffd", "\x00", " " * 50),
)
FIGURES = (
    "0",
    "-1",
    "1e309",
    "NaN",
    "inf",
    "2958466",
    "-693595",
    "99999999999999999999",
    "",
    "0x10",
    "1,5",
    "60.5",
    "1e-320",
)
REFERENCES = (
    "A0",
    "A99999999",
    "XFD1048576",
    "XFE1",
    "AAAA1",
    "a1",
    "1A",
    "",
    "A1:XFD1048576",
    "C5:A1",
    "A1:",
    "Z1:Z9",
    "é1",
)
KINDS = ("s", "str", "inlineStr", "b", "e", "n", "d", "x", "")
ATTRIBUTE = re.compile(
    r'(\br|\bref|\bspans|\bs|\bt|\bcount|\buniqueCount|\br:id|\bId|\bTarget|\bsheetId|\bnumFmtId)="[^"]*"'
)
VALUE = re.compile(r"<v>[^<]*</v>")
MEMBERS = (
    "xl/worksheets/sheet1.xml",
    "xl/workbook.xml",
    "xl/sharedStrings.xml",
    "xl/styles.xml",
    "xl/_rels/workbook.xml.rels",
    "[Content_Types].xml",
)
effort = settings(max_examples=examples(120), deadline=None, database=None, suppress_health_check=list(HealthCheck))


def take_in(content: bytes) -> None:
    """Read a file as the import does: it becomes tasks, or it is refused with sentences."""
    rules = ImportRules(unit=PROVINCE, year=2023, programme=seed_programmes()[0], unknown_units=UnknownUnits.CREATE)
    try:
        rows = read_plan_file(content)
        directory = UnitDirectory.of([PROVINCE, DEPARTMENT], home="TV", year=2023)
        told = [task.title for task in read_plan(rows, directory, rules, IDS.new).tasks]
    except FileRefused as refused:
        told = [refused.message]
    except ImportRefused as refused:
        told = [issue.message for issue in refused.issues]
    assert all(told)
    assert told


@cache
def good_text() -> str:
    return as_text(sample_table()).decode()


@cache
def good_members() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(as_workbook(sample_table(), merged=["C3:C5"]))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return held.getvalue()


@st.composite
def spoilt(draw: st.DrawFn, text: str, pieces: Sequence[str]) -> str:
    """Draw `text` with up to eight places cut out, doubled, or with something laid over them."""
    for _ in range(draw(st.integers(1, 8))):
        begin = draw(st.integers(0, len(text)))
        end = min(len(text), begin + draw(st.sampled_from((0, 1, 7, 90))))
        laid = draw(st.sampled_from((*pieces, text[begin:end] * 2, "")))
        text = text[:begin] + laid + text[end:]
    return text


@effort
@given(
    text=spoilt(good_text(), PIECES),
    encoding=st.sampled_from(("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1258", "latin-1")),
    delimiter=st.sampled_from("\t\t,;"),
)
def test_a_spoilt_text_file_is_a_plan_or_a_refusal(text: str, encoding: str, delimiter: str) -> None:
    take_in(text.replace("\t", delimiter).encode(encoding, errors="replace"))


@effort
@given(data=st.data())
def test_a_workbook_with_a_spoilt_part_is_a_plan_or_a_refusal(data: st.DataObject) -> None:
    """Attributes, references, numbers and kinds of cells that no program writes, in a sound archive."""
    members = dict(good_members())
    for name in data.draw(st.sets(st.sampled_from(MEMBERS), min_size=1, max_size=2)):
        part = members[name].decode()
        for pattern, values in ((ATTRIBUTE, (*REFERENCES, *FIGURES, *KINDS)), (VALUE, FIGURES)):
            places = [found.span() for found in pattern.finditer(part)]
            for _ in range(data.draw(st.integers(0, 3)) if places else 0):
                begin, end = places[data.draw(st.integers(0, len(places) - 1))]
                value = data.draw(st.sampled_from(values))
                shown = f'{part[begin:end].partition("=")[0]}="{value}"' if pattern is ATTRIBUTE else f"<v>{value}</v>"
                part = part[:begin] + shown + part[end:]
                places = [found.span() for found in pattern.finditer(part)] or [(0, 0)]
        members[name] = data.draw(
            st.one_of(st.just(part), spoilt(part, ("<", ">", "&", "&#0;", "]]>", "<v/>", '"')))
        ).encode()
    take_in(zipped(members))


@effort
@given(data=st.data())
def test_a_workbook_with_spoilt_bytes_is_a_plan_or_a_refusal(data: st.DataObject) -> None:
    content = bytearray(zipped(good_members()))
    for _ in range(data.draw(st.integers(1, 6))):
        begin = data.draw(
            st.one_of(st.integers(0, len(content) - 1), st.integers(max(0, len(content) - 600), len(content) - 1))
        )
        laid = data.draw(st.binary(max_size=6))
        content[begin : begin + data.draw(st.integers(0, 6))] = laid
    take_in(bytes(content))


CELLS = st.one_of(
    st.sampled_from(
        ("STT", "Nhiệm vụ", "Cơ quan chủ trì", "Thời hạn", "I. Thể chế", "Sở Nội vụ", "Quý II/2023", "1", "1.1")
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.dates(),
    st.sampled_from(("=1/0", "=A1&B2", '=HYPERLINK("http://x","y")', "=NA()")),
    st.none(),
)
RANGES = st.tuples(st.integers(0, 12), st.integers(0, 6), st.integers(0, 5), st.integers(0, 4))


@effort
@given(table=st.lists(st.lists(CELLS, max_size=8), max_size=12), merged=st.lists(RANGES, max_size=3))
def test_a_workbook_of_any_cells_is_a_plan_or_a_refusal(
    table: list[list[object]], merged: list[tuple[int, int, int, int]]
) -> None:
    """Huge and tiny numbers, formulas, dates before 1900, merged cells that overlap each other's neighbours."""
    held = io.BytesIO()
    with xlsxwriter.Workbook(held, {"default_date_format": "dd/mm/yyyy"}) as book:
        page = book.add_worksheet()
        headings: list[object] = ["STT", "Nhiệm vụ", "Cơ quan chủ trì", "Thời hạn"]
        for row, cells in enumerate([headings, *table]):
            for column, cell in enumerate(cells):
                page.write(row, column, cell)
        taken: set[tuple[int, int]] = set()
        for top, left, height, width in merged:
            area = {(row, column) for row in range(top, top + height + 1) for column in range(left, left + width + 1)}
            if len(area) > 1 and not area & taken:
                taken |= area
                page.merge_range(top, left, top + height, left + width, "gộp")
    take_in(held.getvalue())
