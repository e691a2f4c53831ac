"""Office files with the same bytes for the same parts, on every machine and in every year."""

from io import BytesIO
from zipfile import ZIP_STORED, ZipFile, ZipInfo

_FIRST_PART = "[Content_Types].xml"  # readers that stream expect it first
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the least that a zip entry can say


def repack(office_file: bytes) -> bytes:
    """Return the file with its parts in one order, with one time, and stored.

    Stored and not deflated, because the deflated bytes differ between releases of the compression library.
    """
    packed = BytesIO()
    with ZipFile(BytesIO(office_file)) as source, ZipFile(packed, "w", ZIP_STORED) as target:
        for name in sorted(source.namelist(), key=lambda part: (part != _FIRST_PART, part)):
            entry = ZipInfo(name, _EPOCH)
            entry.create_system = 3
            entry.external_attr = 0o600 << 16
            target.writestr(entry, source.read(name))
    return packed.getvalue()
