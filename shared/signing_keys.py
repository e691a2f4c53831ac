"""The issuer's public keys, from a file or from its JWKS address, kept up to date."""

import asyncio
import json
import ssl
from pathlib import Path
from time import monotonic
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

_LARGEST_KEY_SET: Final = 262_144  # bytes
_FETCH_SECONDS: Final = 5.0
_FRESH_SECONDS: Final = 600.0
_PAUSE_SECONDS: Final = 30.0  # between two questions to the issuer, so that tokens with invented kids cannot flood it
_FIRST_PAUSE_SECONDS: Final = 2.0  # as long as no key has been read at all
_LEAST_RSA_BITS: Final = 2048  # RFC 7518, 3.3
_KEY_TYPES: Final[dict[str, type[OKPKey | ECKey | RSAKey]]] = {"OKP": OKPKey, "EC": ECKey, "RSA": RSAKey}

_log = structlog.get_logger(__name__)


class KeysUnavailable(Exception):  # noqa: N818 -- errors say the refusal
    """No key of the issuer has been read yet, so no token can be judged (HTTP 503)."""


class KeySource(Protocol):
    """Where signing keys come from."""

    @property
    def generation(self) -> int:
        """Count of the times that the set of keys was replaced; 0 as long as none was ever read."""

    async def refresh(self) -> None:
        """Take up changes, when it is time to look for them. Old keys stay when the source cannot be read."""

    async def find(self, kid: str) -> Key | None:
        """Return the key with this id.

        Raises:
            KeysUnavailable: none was ever read.
        """


class _Keys:
    def __init__(self) -> None:
        self._keys: dict[str, Key] = {}
        self.generation = 0

    def take(self, text: bytes) -> None:
        """Replace the keys by those of a JWKS; ValueError when it holds none that could sign for us."""
        keys = parse_key_set(text)
        if not keys:
            raise ValueError("no usable key")
        if {kid: key.as_dict(private=False) for kid, key in keys.items()} != {
            kid: key.as_dict(private=False) for kid, key in self._keys.items()
        }:
            self._keys = keys
            self.generation += 1

    def get(self, kid: str) -> Key | None:
        if not self._keys:
            raise KeysUnavailable
        return self._keys.get(kid)


def parse_key_set(text: bytes) -> dict[str, Key]:
    """Return the signing keys of a JWKS by their ids; others (symmetric, for encryption, weak, nameless) are left out.

    Raises:
        ValueError: it is no JWKS.
    """
    document: Any = json.loads(text)
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("not a JWKS")  # noqa: TRY004 -- one error for every document that is no JWKS
    keys: dict[str, Key] = {}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str) or entry.get("use", "sig") != "sig":
            continue
        kind = _KEY_TYPES.get(str(entry.get("kty")))
        try:
            key = kind.import_key(entry) if kind else None
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, RSAKey) and key.public_key.key_size < _LEAST_RSA_BITS:
            continue
        if key is not None:
            keys[entry["kid"]] = key
    return keys


class FileKeys:
    """Keys in a file, read again whenever the file is replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys = _Keys()
        self._seen: tuple[int, int, int] | None = None

    @property
    def generation(self) -> int:
        return self._keys.generation

    async def refresh(self) -> None:
        self._read_when_changed()

    async def find(self, kid: str) -> Key | None:
        self._read_when_changed()
        return self._keys.get(kid)

    def _read_when_changed(self) -> None:
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_size, status.st_ino)
            if seen == self._seen or status.st_size > _LARGEST_KEY_SET:
                return
            self._keys.take(self._path.read_bytes())
            self._seen = seen
        except (OSError, ValueError) as error:
            if self._seen is not None:
                _log.warning("signing keys not read again", reason=type(error).__name__)


class IssuerKeys:
    """Keys at an issuer's JWKS address, fetched when first needed, every ten minutes, and when a kid is unknown."""

    def __init__(self, address: str, ca_file: Path | None = None) -> None:
        self._address = address
        self._ca_file = ca_file
        self._keys = _Keys()
        self._fetching = asyncio.Lock()
        self._asked_at: float | None = None
        self._read_at: float | None = None

    @property
    def generation(self) -> int:
        return self._keys.generation

    async def refresh(self) -> None:
        stale = self._read_at is None or monotonic() - self._read_at > _FRESH_SECONDS
        if stale and not (self.generation and self._fetching.locked()):
            await self._fetch()

    async def find(self, kid: str) -> Key | None:
        if self.generation == 0 or self._keys.get(kid) is None:
            await self._fetch()
        return self._keys.get(kid)

    async def _fetch(self) -> None:
        async with self._fetching:
            pause = _PAUSE_SECONDS if self.generation else _FIRST_PAUSE_SECONDS
            if self._asked_at is not None and monotonic() - self._asked_at < pause:
                return
            self._asked_at = monotonic()
            try:
                self._keys.take(await _download(self._address, self._ca_file))
                self._read_at = monotonic()
            except (OSError, ValueError, TimeoutError) as error:
                _log.warning("signing keys not fetched", reason=type(error).__name__)


async def _download(address: str, ca_file: Path | None) -> bytes:
    import httpx2  # only installations with an identity provider pay for it

    # Read anew each time: a certificate of one's own is replaced while we run. A broken file is an OSError too.
    trusted = True if ca_file is None else ssl.create_default_context(cafile=ca_file)
    content = bytearray()
    try:
        async with (
            asyncio.timeout(_FETCH_SECONDS),
            httpx2.AsyncClient(
                verify=trusted, follow_redirects=False, trust_env=False, timeout=_FETCH_SECONDS
            ) as client,
            client.stream("GET", address, headers={"accept": "application/jwk-set+json, application/json"}) as answer,
        ):
            answer.raise_for_status()
            async for part in answer.aiter_bytes():
                content += part
                if len(content) > _LARGEST_KEY_SET:
                    raise ValueError("key set too large")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise OSError("issuer not reachable") from error
    return bytes(content)


def key_source(address: str, ca_file: Path | None = None) -> KeySource:
    """Return the source for a setting `jwks_url`; `ca_file` holds the only authorities that its host may show.

    Raises:
        ValueError: neither `file://`, `https://`, nor `http://` of this machine: keys must not be swapped on the way.
    """
    if address.startswith("file://"):
        return FileKeys(Path(unquote(address.removeprefix("file://"))))
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"}):
        return IssuerKeys(address, ca_file)
    raise ValueError("CCHC_JWKS_URL phải bắt đầu bằng https:// hoặc file:// (http:// chỉ dùng cho chính máy này).")
