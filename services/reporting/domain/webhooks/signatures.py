"""Signatures of Standard Webhooks (v1: HMAC-SHA256, v1a: Ed25519) over `<id>.<timestamp>.<body>`.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import hmac
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Scheme = Literal["hmac", "ed25519"]
SHORTEST, LONGEST = 24, 64
"""Random bytes of an HMAC secret."""
SEED: Final = 32
"""Bytes of an Ed25519 private key."""
_PREFIXES: Final[dict[Scheme, str]] = {"hmac": "whsec_", "ed25519": "whsk_"}
_PUBLIC: Final = "whpk_"


class SecretMalformed(Exception):  # noqa: N818 -- errors say the refusal
    """The key is no secret of Standard Webhooks; it is never part of the message."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A key that signs. `key` are the random bytes: 24 to 64 of HMAC, 32 of Ed25519."""

    scheme: Scheme
    key: bytes

    def __post_init__(self) -> None:
        fits = SHORTEST <= len(self.key) <= LONGEST if self.scheme == "hmac" else len(self.key) == SEED
        if not fits:
            raise SecretMalformed

    def __repr__(self) -> str:
        return f"Secret({self.scheme})"

    @property
    def text(self) -> str:
        """The secret as people copy it."""
        return _PREFIXES[self.scheme] + b64encode(self.key).decode()

    @property
    def public_key(self) -> bytes | None:
        """What receivers check an Ed25519 signature with; None for HMAC, where both sides have the secret."""
        if self.scheme == "hmac":
            return None
        return Ed25519PrivateKey.from_private_bytes(self.key).public_key().public_bytes_raw()

    def signature(self, event_id: str, timestamp: int, body: bytes) -> str:
        """Return one entry of `webhook-signature`. `timestamp` is in Unix seconds."""
        said = f"{event_id}.{timestamp}.".encode() + body
        if self.scheme == "hmac":
            return "v1," + b64encode(hmac.digest(self.key, said, sha256)).decode()
        return "v1a," + b64encode(Ed25519PrivateKey.from_private_bytes(self.key).sign(said)).decode()


def public_text(public_key: bytes) -> str:
    """Return an Ed25519 public key as people copy it."""
    return _PUBLIC + b64encode(public_key).decode()


def headers(secrets: Iterable[Secret], event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of an attempt; each valid secret signs, so that a rotation breaks no receiver."""
    return {
        "content-type": "application/json",
        "user-agent": "cchc-webhooks/1",
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(secret.signature(event_id, timestamp, body) for secret in secrets),
    }
