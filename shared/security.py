"""Bearer tokens: checking them, and issuing them where no identity provider is at hand (embedded mode).

Nothing here knows HTTP or roles: a token that holds becomes an `Identity`, and the callers decide what it may do.
"""

import json
import os
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from shared.access_keys import KEY_SUBJECT, Verb
from shared.clock import Clock
from shared.signing_keys import KeySource, KeysUnavailable

__all__ = [
    "ISSUER_FILE",
    "Claims",
    "Identity",
    "InvalidToken",
    "KeysUnavailable",
    "TokenVerifier",
    "issue_token",
    "make_issuer",
]

ISSUER_FILE: Final = "issuer.jwk"
"""The private key of an installation without an identity provider."""

LEEWAY_SECONDS: Final = 60
"""How far the clocks of the issuer and of this machine may be apart."""

_LONGEST_TOKEN: Final = 8192  # bytes; the largest header that common proxies let through
_LONGEST_TEXT: Final = 255  # characters of a claim that we store
_CACHED_TOKENS: Final = 1024


class _Algorithms(JWSRegistry):
    """What a token may be signed with: public-key algorithms only, so neither `none` nor HS* even exists here.

    `EdDSA`, the name most issuers still use, means Ed25519 here: RFC 9864 retired the name, not the signature.
    """

    algorithms = {  # noqa: RUF012 -- the parent's class attribute, narrowed
        "Ed25519": JWSRegistry.algorithms["Ed25519"],
        "EdDSA": JWSRegistry.algorithms["Ed25519"],
        "ES256": JWSRegistry.algorithms["ES256"],
        "RS256": JWSRegistry.algorithms["RS256"],
    }


_ALGORITHMS: Final = tuple(_Algorithms.algorithms)


class InvalidToken(Exception):  # noqa: N818 -- errors say the refusal
    """The token does not hold: malformed, wrongly signed, not for us, not now."""


@dataclass(frozen=True)
class Identity:
    """What a valid token says about its bearer."""

    subject: str = field(repr=False)
    name: str | None = field(repr=False)
    roles: frozenset[str]
    unit: str | None
    verbs: frozenset[Verb] | None = None
    """What an access key may be used for; None for people, who may do what their roles allow."""


@dataclass(frozen=True)
class Claims:
    """Where in a token its roles and its unit stand: the name of a claim, or a path of names with dots between.

    A name that is itself a claim wins over the path it could be, for some providers have dots (and slashes) in names.
    """

    roles: str = "roles"
    unit: str = "unit"


class TokenVerifier:
    """Checks bearer tokens against the issuer's keys.

    Tokens that held are remembered (by SHA-256, never in clear) until they expire or the issuer's keys change.
    """

    def __init__(
        self, keys: KeySource, *, issuer: str, audience: str, clock: Clock, where: Claims | None = None
    ) -> None:
        self.keys = keys
        self._where = where or Claims()
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._registry = _Algorithms(algorithms=_ALGORITHMS, strict_check_header=False)
        self._held: OrderedDict[bytes, tuple[Identity, float]] = OrderedDict()
        self._held_with = -1

    async def identify(self, token: str) -> Identity:
        """Return whom the token stands for.

        Raises:
            InvalidToken: it does not hold.
            KeysUnavailable: no key of the issuer has ever been read.
        """
        if len(token) > _LONGEST_TOKEN or not token.isascii():
            raise InvalidToken
        now = self._clock.now().timestamp()
        digest = sha256(token.encode()).digest()
        await self.keys.refresh()
        if self._held_with != self.keys.generation:
            self._held.clear()
            self._held_with = self.keys.generation
        if (held := self._held.get(digest)) is not None and now < held[1]:
            self._held.move_to_end(digest)
            return held[0]
        claims = await self._verified_claims(token, int(now))
        identity = _identity(claims, self._where)
        self._held[digest] = (identity, float(claims["exp"]) + LEEWAY_SECONDS)
        if len(self._held) > _CACHED_TOKENS:
            self._held.popitem(last=False)
        return identity

    async def _verified_claims(self, token: str, now: int) -> dict[str, Any]:
        try:
            header = jws.extract_compact(token.encode(), registry=self._registry).headers()
            kid = header.get("kid")
            if not isinstance(kid, str) or not kid:
                raise InvalidToken
            key = await self.keys.find(kid)
            if key is None:
                raise InvalidToken
            claims = jwt.decode(token, key, algorithms=_ALGORITHMS, registry=self._registry).claims
            JWTClaimsRegistry(
                now=now,
                leeway=LEEWAY_SECONDS,
                iss={"essential": True, "value": self._issuer},
                aud={"essential": True, "value": self._audience},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
            ).validate(claims)
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise InvalidToken from error
        return claims


def _identity(claims: dict[str, Any], where: Claims) -> Identity:
    roles = _claim(claims, where.roles)
    subject, name, unit = claims["sub"], claims.get("name"), _claim(claims, where.unit)
    for text in (subject, name, unit):
        if text is not None and not (isinstance(text, str) and 0 < len(text) <= _LONGEST_TEXT and text.isprintable()):
            raise InvalidToken
    if subject.startswith(KEY_SUBJECT):
        raise InvalidToken
    known = [role for role in roles if isinstance(role, str)] if isinstance(roles, list) else []
    return Identity(subject=subject, name=name, roles=frozenset(known), unit=unit)


def _claim(claims: dict[str, Any], place: str) -> Any:  # noqa: ANN401 -- any JSON
    if place in claims:
        return claims[place]
    found: Any = claims
    for name in place.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def make_issuer(directory: Path, public_directory: Path | None = None) -> Path:
    """Make the signing key of an installation without an identity provider, once; return its public key file.

    Safe to call again and at the same time: the first key stays. The private key is readable by its owner only; the
    public one lies beside it, or in a directory of its own that the services may see while they do not see the other.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    shown = public_directory or directory
    shown.mkdir(mode=0o755, parents=True, exist_ok=True)
    private_file = directory / ISSUER_FILE
    if not private_file.exists():
        key = OKPKey.generate_key("Ed25519", auto_kid=True)
        written = _write_beside(private_file, json.dumps(key.as_dict(private=True)), mode=0o600)
        try:
            os.link(written, private_file)  # fails when another process was first, and leaves its key alone
        except FileExistsError:
            pass
        finally:
            written.unlink()
    public = {**_private_key(directory).as_dict(private=False), "use": "sig", "alg": "Ed25519"}
    public_file = shown / "jwks.json"
    text = json.dumps({"keys": [public]})
    if not public_file.exists() or public_file.read_text() != text:
        _write_beside(public_file, text, mode=0o644).replace(public_file)
    return public_file


def issue_token(
    directory: Path,
    *,
    issuer: str,
    audience: str,
    role: str,
    unit: str | None,
    name: str | None,
    expires: timedelta,
    now: datetime,
) -> str:
    """Return one signed token of an installation that `make_issuer` has prepared.

    The subject follows from role, unit and name, so that the same person's repeated requests are known again.

    Raises:
        FileNotFoundError: `make_issuer` has not run on this directory.
    """
    key = _private_key(directory)
    person = sha256((name or "").encode()).hexdigest()[:12]
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": audience,
        "sub": f"local:{role}:{unit or '-'}:{person}",
        "roles": [role],
        "iat": int(now.timestamp()),
        "nbf": int(now.timestamp()),
        "exp": int((now + expires).timestamp()),
        "jti": secrets.token_urlsafe(12),
    }
    claims.update({claim: value for claim, value in (("unit", unit), ("name", name)) if value is not None})
    return jwt.encode({"alg": "Ed25519", "kid": key.kid}, claims, key, algorithms=["Ed25519"])


def _private_key(directory: Path) -> OKPKey:
    return OKPKey.import_key(json.loads((directory / ISSUER_FILE).read_text()))


def _write_beside(target: Path, text: str, *, mode: int) -> Path:
    descriptor, name = mkstemp(dir=target.parent, prefix=f".{target.name}.")
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, mode)
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    return Path(name)
