"""Secrets at rest: AES-256-GCM under the installation's key, each bound to its endpoint.

A row that is copied to another endpoint, or changed, does not open. The key is a file beside the database, never in it:
who has a dump of the database alone can sign nothing.
"""

import secrets
from base64 import b64decode
from functools import lru_cache
from pathlib import Path
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.reporting.domain.webhooks.signatures import SEED, Scheme, Secret

KEY_BYTES: Final = 32
_NONCE: Final = 12
_HMAC_BYTES: Final = 32


class KeyUnusable(Exception):  # noqa: N818 -- errors say the refusal
    """The key file is not there, or holds no key; or a secret was sealed under another key."""


class SecretBox:
    """Makes, seals and opens the secrets of endpoints.

    Args:
        key: 32 random bytes.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise KeyUnusable("a key has 32 bytes")
        self._cipher = AESGCM(key)
        self._opened = lru_cache(maxsize=4096)(self._open)

    @classmethod
    def of_file(cls, path: Path) -> "SecretBox":
        """Return the box whose key stands in a file, in base64.

        Raises:
            KeyUnusable: there is none.
        """
        try:
            key = b64decode(path.read_text(encoding="ascii").strip(), validate=True)
        except (OSError, ValueError) as error:
            raise KeyUnusable(type(error).__name__) from error
        return cls(key)

    def make(self, scheme: Scheme) -> Secret:
        """Return a new secret."""
        return Secret(scheme, secrets.token_bytes(_HMAC_BYTES if scheme == "hmac" else SEED))

    def seal(self, endpoint_id: UUID, secret: Secret) -> bytes:
        """Return what may be written down."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, secret.key, _bound_to(endpoint_id, secret.scheme))

    def open(self, endpoint_id: UUID, scheme: Scheme, sealed: bytes) -> Secret:
        """Return the secret that was sealed for this endpoint.

        Raises:
            KeyUnusable: it was sealed under another key, for another endpoint, or was changed.
        """
        return self._opened(endpoint_id, scheme, sealed)

    def _open(self, endpoint_id: UUID, scheme: Scheme, sealed: bytes) -> Secret:
        try:
            key = self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound_to(endpoint_id, scheme))
        except (InvalidTag, ValueError) as error:
            raise KeyUnusable("sealed under another key") from error
        return Secret(scheme, key)


def _bound_to(endpoint_id: UUID, scheme: Scheme) -> bytes:
    return endpoint_id.bytes + scheme.encode()
