"""If-Match and ETag (RFC 9110, 13.1.1): an aggregate's version, so that nobody overwrites what he has not seen."""

import re
from typing import Annotated

from fastapi import Depends, Header

_ENTITY_TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e]*)"\s*')
_NO_VERSION = -1


class IfMatchInvalid(Exception):  # noqa: N818 -- errors say the refusal
    """`If-Match` is neither `*` nor an entity tag (HTTP 400)."""


def expected_version(if_match: str | None) -> int | None:
    """Return the version that the caller has read; None where it does not say or `*` takes any.

    A tag that no service gives out (weak, or no number) matches no version. Of several tags in one header the rules
    would need the current version to choose; one is what clients send.

    Raises:
        IfMatchInvalid: the header is not an entity tag.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    found = _ENTITY_TAG.fullmatch(if_match)
    if found is None:
        raise IfMatchInvalid
    weak, tag = found.groups()
    return int(tag) if not weak and re.fullmatch(r"[0-9]{1,9}", tag) else _NO_VERSION


async def _expected_version(
    if_match: Annotated[
        str | None, Header(description="ETag của lần xem trước; nếu đã đổi thì trả 412.", max_length=200)
    ] = None,
) -> int | None:
    return expected_version(if_match)


ExpectedVersionDep = Annotated[int | None, Depends(_expected_version)]


def entity_tag(version: int) -> dict[str, str]:
    """Return the ETag header of an aggregate at `version`."""
    return {"ETag": f'"{version}"'}
