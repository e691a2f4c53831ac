"""Keys with which programs of departments call us: how one looks, and what it may do.

A key is `cchc_<id>_<secret>`; the secret is 256 random bits. What is stored is the key's SHA-256, without salt and
quickly computed: slow hashes protect what people choose, and nobody guesses 256 bits. The id in it finds the row, so
nothing is looked up by a secret.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final
from uuid import UUID

PREFIX: Final = "cchc_"
"""What tells a key from a JWT, and a program that looks for leaked secrets that this is one."""

KEY_SUBJECT: Final = "key:"
"""Subjects of keys begin with it, and no issuer's token may: what a key did must not look like a person's, nor the
reverse."""

_FORM: Final = re.compile(r"cchc_([0-9a-f]{32})_[A-Za-z0-9_-]{43}")
_SECRET_BYTES: Final = 32


class Verb(StrEnum):
    """What a key may be used for. Confirming, issuing and administering are people's, so there is no verb for them."""

    READ = "read"
    REPORT = "report"
    """Report progress and completions."""


@dataclass(frozen=True)
class AccessKey:
    """A key as every service knows it; its name and who made it stay where it was made."""

    id: UUID
    version: int
    sha256: bytes
    unit: str
    """Code of the unit for which the program speaks; it sees this unit's subtree, as a person of the unit does."""
    verbs: frozenset[Verb]
    expires_at: datetime
    revoked: bool = False
    used_on: date | None = None
    """Vietnamese calendar day of its last use, as far as this service knows."""


@dataclass(frozen=True)
class ShownKey:
    """A key as a caller showed it: which it claims to be, and its digest."""

    id: UUID
    sha256: bytes


def new_key(key_id: UUID) -> str:
    """Return a new key's text, which is told once and stored nowhere."""
    return f"{PREFIX}{key_id.hex}_{secrets.token_urlsafe(_SECRET_BYTES)}"


def digest(text: str) -> bytes:
    """Return what is stored of a key."""
    return sha256(text.encode()).digest()


def read_key(text: str) -> ShownKey | None:
    """Return what a caller showed; None when it has not the form of a key."""
    found = _FORM.fullmatch(text)
    return None if found is None else ShownKey(UUID(found[1]), digest(text))
