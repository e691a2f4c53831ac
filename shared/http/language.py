"""Which language an answer's sentences are in: Vietnamese, unless the caller prefers English."""

import re
from typing import Literal

Language = Literal["vi", "en"]

_RANGE = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?"
)
_MOST_RANGES = 20  # more is no browser; the rest is not read


def preferred_language(accept_language: str | None) -> Language:
    """Return the better liked of the two languages by the q-values of an Accept-Language header (RFC 9110, 12.5.4).

    A missing or unreadable header, a tie, and a wish for neither language give Vietnamese. `en-GB` wishes for `en`.
    """
    wishes: dict[str, float] = {}
    for part in (accept_language or "").split(",", _MOST_RANGES)[:_MOST_RANGES]:
        if (found := _RANGE.fullmatch(part)) is not None:
            tag = found[1].lower().partition("-")[0]
            wishes[tag] = max(wishes.get(tag, 0.0), float(found[2] or 1))
    anything = wishes.get("*", 0.0)
    return "en" if wishes.get("en", anything) > wishes.get("vi", anything) else "vi"
