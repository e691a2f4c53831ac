"""What came of one attempt to post."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Literal

Failure = Literal[
    "timeout",  # the total limit was over, whatever was going on
    "dns",
    "address-forbidden",
    "refused",  # no connection: refused, unreachable
    "tls",  # no trusted certificate for this name, or no TLS at all
    "reset",  # the connection ended before the answer did
    "protocol",  # what came is not HTTP
    "redirect",  # 3xx; never followed
    "too-large-answer",  # more than was read; the rest was not fetched
]

_SECONDS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_FIRST_ACCEPTING, _FIRST_REDIRECTING = 200, 300


@dataclass(frozen=True, slots=True)
class Answer:
    """One attempt.

    A status with a failure means that the answer began and did not end well. Whether the receiver took the webhook is
    told by `accepted` alone: with 2xx it has said so, and how the rest of its answer fares is no reason to send again.
    """

    status: int | None
    failure: Failure | None
    retry_after: float | None
    """Seconds that the receiver asked to be left alone for, as it wrote them; whoever retries sets bounds."""
    duration_ms: int
    excerpt: bytes
    """First kilobyte of the body, as it came."""

    @property
    def accepted(self) -> bool:
        """Whether the receiver has taken it."""
        return self.status is not None and _FIRST_ACCEPTING <= self.status < _FIRST_REDIRECTING


def retry_after(value: str, now: datetime) -> float | None:
    """Return the seconds of a Retry-After header: a number or an HTTP date (RFC 9110, 10.2.3); None when unreadable."""
    text = value.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
