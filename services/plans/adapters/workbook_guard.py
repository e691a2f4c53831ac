"""Looks into a zip before the spreadsheet reader opens it: bombs, macros, other formats, sheets made of emptiness."""

import io
import re
import zipfile
import zlib
from typing import Final
from xml.parsers import expat

from services.plans.domain.errors import FileRefused

MOST_UNPACKED: Final = 64 * 1024 * 1024
MOST_MEMBERS: Final = 2_000
MOST_RATIO: Final = 200
"""Spreadsheets pack about 10 to 1; a member that packs better than this is made to fill memory."""
MOST_CELLS: Final = 2_000_000
_RATIO_FROM: Final = 1024 * 1024
_CHUNK: Final = 256 * 1024
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_LAST_ROW: Final = 1_048_576
_LAST_COLUMN: Final = 16_384
_BEFORE_XML: Final = b"\x00\t\n\r \xef\xbb\xbf\xfe\xff"
"""Byte order marks, blanks, and the zero bytes of UTF-16."""
_LOOSE: Final = ".vml"
"""Drawings of comments: written as XML and not always well-formed. No sheet may stand in such a part."""
_BOMB: Final = "Tệp nén chứa nội dung lớn bất thường nên không được mở."
_OTHERS: Final = (
    ("word/", "file-is-word", "Tệp là Word (.docx). Hãy chép bảng nhiệm vụ sang Excel và lưu thành .xlsx."),
    ("ppt/", "file-is-slides", "Tệp là PowerPoint. Hãy nhập bảng nhiệm vụ từ tệp .xlsx, .csv hoặc .tsv."),
    ("content.xml", "file-is-opendocument", "Tệp là OpenDocument. Hãy lưu lại thành .xlsx."),
    ("xl/workbook.bin", "file-is-xlsb", "Tệp là .xlsb. Hãy lưu lại thành .xlsx."),
)


class _EntityError(Exception):
    """A document type with entities: no spreadsheet program writes one."""


def refuse_unsafe_workbook(content: bytes) -> None:
    """Let pass only an .xlsx that can be opened within bounds.

    Raises:
        FileRefused: it is something else, holds macros, or unpacks to more than it may.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _refuse_by_names(archive)
            _refuse_by_sizes(archive)
            for name in archive.namelist():
                content = archive.read(name)
                if name.lower().endswith((".xml", ".rels")) or (_is_xml(content) and not name.endswith(_LOOSE)):
                    _check_xml(content, names_sheets=name.lower().endswith("workbook.xml.rels"))
    except (_EntityError, expat.ExpatError, UnicodeError, ValueError) as error:
        raise FileRefused("file-broken", "Tệp .xlsx hỏng hoặc không do chương trình bảng tính tạo ra.") from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, zlib.error) as error:
        raise FileRefused("file-broken", "Tệp .xlsx bị hỏng hoặc đặt mật khẩu; không mở được.") from error


def _refuse_by_names(archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    for start, code, message in _OTHERS:
        if any(name.startswith(start) for name in names):
            raise FileRefused(code, message)
    if any(name.lower().endswith("vbaproject.bin") or name.startswith("xl/macrosheets/") for name in names):
        raise FileRefused("file-has-macros", "Tệp có macro (.xlsm). Hãy lưu lại thành .xlsx không macro.")
    if "xl/workbook.xml" not in names:
        raise FileRefused("file-not-workbook", "Tệp nén này không phải bảng tính .xlsx.")


def _refuse_by_sizes(archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    if len(members) > MOST_MEMBERS or len({member.filename for member in members}) != len(members):
        raise FileRefused("zip-bomb", _BOMB)
    unpacked = 0
    for member in members:
        if member.file_size > _RATIO_FROM and member.file_size > MOST_RATIO * max(member.compress_size, 1):
            raise FileRefused("zip-bomb", _BOMB)
        with archive.open(member) as stream:  # what the directory claims may be untrue: count what really comes out
            while chunk := stream.read(_CHUNK):
                unpacked += len(chunk)
                if unpacked > MOST_UNPACKED:
                    raise FileRefused("zip-bomb", _BOMB)


def _is_xml(content: bytes) -> bool:
    """Tell by the content, whatever the part is called: a relationship may name any part as a sheet."""
    return content[:64].lstrip(_BEFORE_XML).startswith(b"<")


def _check_xml(document: bytes, *, names_sheets: bool) -> None:
    """Refuse entities, claims that the reader would reserve memory for, and a used area too large to be held."""
    extent = _Extent()
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise _EntityError

    def start(name: str, attributes: dict[str, str]) -> None:
        if int(attributes.get("uniqueCount", 0)) > len(document):  # of shared strings, each some bytes long
            raise ValueError
        if names_sheets and attributes.get("Target", "").endswith(_LOOSE):
            raise ValueError
        extent.start(name, attributes)

    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    parser.Parse(document, True)
    if extent.cells > MOST_CELLS:
        raise FileRefused("sheet-too-large", "Vùng dữ liệu của trang tính quá rộng; hãy xóa các ô ở xa bảng nhiệm vụ.")


class _Extent:
    """The rectangle that the filled cells of a sheet span."""

    def __init__(self) -> None:
        self._rows: list[int] = []
        self._columns: list[int] = []
        self._cell = (0, 0)
        self._row = 0
        self._column = 0

    @property
    def cells(self) -> int:
        if not self._rows:
            return 0
        height = self._rows[1] - self._rows[0] + 1
        return height * (self._columns[1] - self._columns[0] + 1)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        kind = name.rpartition(":")[2]
        if kind == "row":
            self._row = int(attributes.get("r", self._row + 1))
            if not 0 < self._row <= _LAST_ROW:
                raise ValueError
            self._column = 0
        elif kind == "c":
            self._place(attributes.get("r"))
        elif kind in {"v", "t", "f"}:
            self._use()

    def _place(self, reference: str | None) -> None:
        if reference is None:
            self._column += 1
            return
        found = _REFERENCE.fullmatch(reference)
        if found is None:  # the reader may make something of it, and what would be its guess
            raise ValueError
        self._column = 0
        for letter in found[1]:
            self._column = self._column * 26 + ord(letter) - ord("A") + 1
        self._row = int(found[2])
        if self._row > _LAST_ROW or self._column > _LAST_COLUMN:
            raise ValueError

    def _use(self) -> None:
        rows, columns = self._rows or [self._row] * 2, self._columns or [self._column] * 2
        self._rows = [min(rows[0], self._row), max(rows[1], self._row)]
        self._columns = [min(columns[0], self._column), max(columns[1], self._column)]
