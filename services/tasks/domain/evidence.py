"""Evidence: the document that proves a completion."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Evidence:
    """A document by its number and date; where it can be read, and the SHA-256 of its file, when they are known."""

    number: str
    issued_on: date
    issuer: str | None = None
    title: str | None = None
    url: str | None = None
    sha256: str | None = None
