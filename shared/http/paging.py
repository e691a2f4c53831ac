"""Keyset paging: a page begins after the last row of the page before, however many rows come and go meanwhile."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import Query

Position = str | int | None
"""What a list is sorted by; moments, dates and UUIDs travel as their ISO strings."""

_LONGEST: Final = 1024
_DEEPEST: Final = 8

PageLimit = Annotated[int, Query(ge=1, le=200, description="Số dòng mỗi trang, từ 1 đến 200.")]
"""Rows a page: `limit: PageLimit = DEFAULT_PAGE_LIMIT`."""
DEFAULT_PAGE_LIMIT: Final = 50

CursorParameter = Annotated[str | None, Query(max_length=_LONGEST, description="`next` của trang trước.")]
"""Where the page begins: `cursor: CursorParameter = None`, read by `decode_cursor`."""


class BadCursor(Exception):  # noqa: N818 -- errors say the refusal
    """The cursor is not one that this list gave out (HTTP 400)."""


def encode_cursor(position: Sequence[Position]) -> str:
    """Return the opaque cursor of a row: the values of the columns that the list is sorted by.

    It is not signed: a made-up cursor shows nothing that the caller's filters would not show anyway.
    """
    text = json.dumps(list(position), ensure_ascii=False, separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, kinds: Sequence[type[str] | type[int]]) -> tuple[Position, ...] | None:
    """Return the values in `cursor`, checked against the kinds of the sorted columns (each may be None).

    Returns None for the first page.

    Raises:
        BadCursor: it is not a cursor of such a list.
    """
    if cursor is None:
        return None
    if len(cursor) > _LONGEST or not cursor.isascii():
        raise BadCursor
    try:
        values = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError) as error:
        raise BadCursor from error
    if not isinstance(values, list) or len(values) != len(kinds) or len(values) > _DEEPEST:
        raise BadCursor
    for value, kind in zip(values, kinds, strict=True):
        if value is not None and type(value) is not kind:
            raise BadCursor
        if isinstance(value, str) and ("\x00" in value or not _is_unicode(value)):
            raise BadCursor
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise BadCursor
    return tuple(values)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)
