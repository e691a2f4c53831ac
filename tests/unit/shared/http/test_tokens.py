"""Bearer tokens: what holds and what does not."""

import base64
import hmac
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from shared.clock import FixedClock
from shared.security import Claims, InvalidToken, KeysUnavailable, TokenVerifier, issue_token, make_issuer
from shared.signing_keys import FileKeys

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
CLAIMS: dict[str, Any] = {
    "iss": "issuer",
    "aud": "cchc",
    "sub": "u-1",
    "name": "Nguyễn Thị B",
    "roles": ["department"],
    "unit": "SNV",
    "iat": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 3600,
}


def publish(directory: Path, *keys: Key) -> FileKeys:
    file = directory / "jwks.json"
    file.write_text(json.dumps({"keys": [key.as_dict(private=False) for key in keys]}))
    return FileKeys(file)


def verifier(keys: FileKeys, clock: FixedClock | None = None) -> TokenVerifier:
    return TokenVerifier(keys, issuer="issuer", audience="cchc", clock=clock or FixedClock(NOW))


def signed(key: Key, algorithm: str, **changes: object) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    return jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key, algorithms=[algorithm])


def unpadded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@pytest.fixture(scope="module")
def ed25519() -> OKPKey:
    return OKPKey.generate_key("Ed25519", auto_kid=True)


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("Ed25519", OKPKey.generate_key("Ed25519", auto_kid=True)),
        ("ES256", ECKey.generate_key("P-256", auto_kid=True)),
        ("RS256", RSAKey.generate_key(2048, auto_kid=True)),
    ],
)
async def test_token_of_an_allowed_algorithm_holds(tmp_path: Path, algorithm: str, key: Key) -> None:
    identity = await verifier(publish(tmp_path, key)).identify(signed(key, algorithm))
    assert (identity.subject, identity.unit, identity.roles) == ("u-1", "SNV", frozenset({"department"}))
    assert identity.name == "Nguyễn Thị B"


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated via RFC 9864")  # said by the library that signs, in this test
async def test_ed25519_signatures_under_their_old_name_hold(tmp_path: Path, ed25519: OKPKey) -> None:
    identity = await verifier(publish(tmp_path, ed25519)).identify(signed(ed25519, "EdDSA"))
    assert identity.subject == "u-1"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "another"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": ["another", "third"]},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a\nb"},
        {"sub": "key:0190a1b2-c3d4-7e5f-8a6b-000000000000"},
        {"exp": None},
        {"exp": int(NOW.timestamp()) - 61},
        {"exp": "never"},
        {"exp": True},
        {"iat": None},
        {"iat": int(NOW.timestamp()) + 61},
        {"nbf": int(NOW.timestamp()) + 61},
        {"unit": 5},
        {"unit": ""},
        {"name": {"first": "A"}},
    ],
    ids=str,
)
async def test_token_with_wrong_claims_does_not_hold(
    tmp_path: Path, ed25519: OKPKey, changes: dict[str, object]
) -> None:
    with pytest.raises(InvalidToken):
        await verifier(publish(tmp_path, ed25519)).identify(signed(ed25519, "Ed25519", **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(NOW.timestamp()) - 59},
        {"iat": int(NOW.timestamp()) + 59},
        {"nbf": int(NOW.timestamp()) + 59},
        {"aud": ["another", "cchc"]},
    ],
    ids=str,
)
async def test_clocks_may_be_a_minute_apart(tmp_path: Path, ed25519: OKPKey, changes: dict[str, object]) -> None:
    identity = await verifier(publish(tmp_path, ed25519)).identify(signed(ed25519, "Ed25519", **changes))
    assert identity.subject == "u-1"


async def test_token_without_signature_does_not_hold(tmp_path: Path, ed25519: OKPKey) -> None:
    parts = [json.dumps(part).encode() for part in ({"alg": "none", "kid": ed25519.kid}, CLAIMS)]
    unsigned = ".".join([*(unpadded(part) for part in parts), ""])
    with pytest.raises(InvalidToken):
        await verifier(publish(tmp_path, ed25519)).identify(unsigned)


async def test_public_key_used_as_a_shared_secret_does_not_sign(tmp_path: Path) -> None:
    rsa = RSAKey.generate_key(2048, auto_kid=True)
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": rsa.kid}, CLAIMS)]
    content = ".".join(unpadded(part) for part in parts)
    signature = hmac.digest(rsa.as_pem(private=False), content.encode(), "sha256")
    with pytest.raises(InvalidToken):
        await verifier(publish(tmp_path, rsa)).identify(f"{content}.{unpadded(signature)}")


async def test_shared_secret_in_the_key_set_is_not_a_signing_key(tmp_path: Path, ed25519: OKPKey) -> None:
    secret = OctKey.generate_key(256, auto_kid=True)
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [secret.as_dict(private=True), ed25519.as_dict(private=False)]}))
    with pytest.raises(InvalidToken):
        await verifier(FileKeys(file)).identify(signed(secret, "HS256"))


async def test_algorithm_must_fit_the_key_that_the_kid_names(tmp_path: Path, ed25519: OKPKey) -> None:
    elliptic = ECKey.generate_key("P-256", parameters={"kid": str(ed25519.kid)})
    with pytest.raises(InvalidToken):
        await verifier(publish(tmp_path, ed25519)).identify(signed(elliptic, "ES256"))


async def test_strangers_key_under_a_known_kid_does_not_sign(tmp_path: Path, ed25519: OKPKey) -> None:
    stranger = OKPKey.generate_key("Ed25519", parameters={"kid": str(ed25519.kid)})
    with pytest.raises(InvalidToken):
        await verifier(publish(tmp_path, ed25519)).identify(signed(stranger, "Ed25519"))


async def test_token_must_name_a_known_key(tmp_path: Path, ed25519: OKPKey) -> None:
    check = verifier(publish(tmp_path, ed25519))
    nameless = jwt.encode({"alg": "Ed25519"}, CLAIMS, ed25519, algorithms=["Ed25519"])
    unknown = jwt.encode({"alg": "Ed25519", "kid": "?"}, CLAIMS, ed25519, algorithms=["Ed25519"])
    for token in (nameless, unknown):
        with pytest.raises(InvalidToken):
            await check.identify(token)


@pytest.mark.parametrize(
    "token", ["", "a", "a.b", "a.b.c", "....", "é.b.c", "e30.e30.e30", "x" * 9000, "\x00.\x00.\x00"]
)
async def test_garbage_does_not_hold(tmp_path: Path, ed25519: OKPKey, token: str) -> None:
    with pytest.raises(InvalidToken):
        await verifier(publish(tmp_path, ed25519)).identify(token)


async def test_every_changed_character_breaks_the_token(tmp_path: Path, ed25519: OKPKey) -> None:
    check = verifier(publish(tmp_path, ed25519))
    token = signed(ed25519, "Ed25519")
    assert (await check.identify(token)).subject == "u-1"
    for place in range(0, len(token), 37):
        other = "A" if token[place] != "A" else "B"
        with pytest.raises(InvalidToken):
            await check.identify(token[:place] + other + token[place + 1 :])


async def test_known_token_stops_holding_when_it_expires(tmp_path: Path, ed25519: OKPKey) -> None:
    clock = FixedClock(NOW)
    check = verifier(publish(tmp_path, ed25519), clock)
    token = signed(ed25519, "Ed25519")
    assert (await check.identify(token)).subject == "u-1"
    clock.set(NOW + timedelta(seconds=3600 + 61))
    with pytest.raises(InvalidToken):
        await check.identify(token)


async def test_known_token_stops_holding_when_its_key_is_withdrawn(tmp_path: Path, ed25519: OKPKey) -> None:
    keys = publish(tmp_path, ed25519)
    check = verifier(keys)
    token = signed(ed25519, "Ed25519")
    assert (await check.identify(token)).subject == "u-1"
    publish(tmp_path, OKPKey.generate_key("Ed25519", auto_kid=True))
    with pytest.raises(InvalidToken):
        await check.identify(token)


async def test_unknown_and_malformed_roles_are_no_roles(tmp_path: Path, ed25519: OKPKey) -> None:
    check = verifier(publish(tmp_path, ed25519))
    assert (await check.identify(signed(ed25519, "Ed25519", roles="admin"))).roles == frozenset()
    assert (await check.identify(signed(ed25519, "Ed25519", roles=["leader", 5, None]))).roles == frozenset({"leader"})
    assert (await check.identify(signed(ed25519, "Ed25519", roles=None))).roles == frozenset()


async def test_without_keys_no_token_is_judged(tmp_path: Path, ed25519: OKPKey) -> None:
    with pytest.raises(KeysUnavailable):
        await verifier(FileKeys(tmp_path / "none.json")).identify(signed(ed25519, "Ed25519"))


async def test_issued_token_holds_and_tells_what_was_asked(tmp_path: Path) -> None:
    keys = FileKeys(make_issuer(tmp_path / "keys"))
    token = issue_token(
        tmp_path / "keys",
        issuer="issuer",
        audience="cchc",
        role="department",
        unit="SNV",
        name="Trần Văn Đức",
        expires=timedelta(hours=8),
        now=NOW,
    )
    identity = await verifier(keys).identify(token)
    assert (identity.name, identity.unit, identity.roles) == ("Trần Văn Đức", "SNV", frozenset({"department"}))
    later = FixedClock(NOW + timedelta(hours=8, seconds=61))
    with pytest.raises(InvalidToken):
        await verifier(keys, later).identify(token)


def test_issuer_is_made_once_and_its_private_key_is_private(tmp_path: Path) -> None:
    directory = tmp_path / "keys"
    with ThreadPoolExecutor(8) as pool:
        made = {path.read_text() for path in pool.map(make_issuer, [directory] * 16)}
    assert len(made) == 1
    assert stat.S_IMODE((directory / "issuer.jwk").stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert sorted(file.name for file in directory.iterdir()) == ["issuer.jwk", "jwks.json"]
    assert "d" not in json.loads((directory / "jwks.json").read_text())["keys"][0]


async def test_identity_does_not_print_who_it_is(tmp_path: Path, ed25519: OKPKey) -> None:
    identity = await verifier(publish(tmp_path, ed25519)).identify(signed(ed25519, "Ed25519"))
    assert "Nguyễn" not in repr(identity)
    assert "u-1" not in repr(identity)


async def test_tokens_of_two_keys_hold_side_by_side_until_one_key_is_withdrawn(tmp_path: Path) -> None:
    """Rotation without a pause: publish the new key, sign with it, withdraw the old one when its tokens have ended."""
    old, new = (OKPKey.generate_key("Ed25519", auto_kid=True) for _ in range(2))
    checked = verifier(publish(tmp_path, old))
    old_token, new_token = signed(old, "Ed25519"), signed(new, "Ed25519")
    assert (await checked.identify(old_token)).unit == "SNV"
    with pytest.raises(InvalidToken):
        await checked.identify(new_token)
    publish(tmp_path, new, old)
    for token in (old_token, new_token):
        assert (await checked.identify(token)).unit == "SNV"
    (tmp_path / "jwks.json").unlink()  # away: both go on
    for token in (old_token, new_token):
        assert (await checked.identify(token)).unit == "SNV"
    publish(tmp_path, new)
    assert (await checked.identify(new_token)).unit == "SNV"
    with pytest.raises(InvalidToken):
        await checked.identify(old_token)


@pytest.mark.parametrize(
    ("where", "claims"),
    [
        (Claims("realm_access.roles", "cchc.unit"), {"realm_access": {"roles": ["department"]}, "cchc": {"unit": "U"}}),
        (Claims("a.b", "https://x/unit"), {"a.b": ["department"], "a": {"b": ["admin"]}, "https://x/unit": "U"}),
        (Claims("realm_access.roles", "unit"), {"realm_access": ["roles"], "unit": "U"}),
        (Claims("a.b.c", "unit"), {"a": {"b": "c"}, "unit": "U"}),
    ],
    ids=["a path", "a name with a dot wins", "no object on the path", "text on the path"],
)
async def test_roles_and_unit_are_read_where_the_settings_say(
    tmp_path: Path, ed25519: OKPKey, where: Claims, claims: dict[str, object]
) -> None:
    keys = publish(tmp_path, ed25519)
    checked = TokenVerifier(keys, issuer="issuer", audience="cchc", clock=FixedClock(NOW), where=where)
    identity = await checked.identify(signed(ed25519, "Ed25519", roles=None, **{"unit": None, **claims}))
    is_found = where.roles in {"realm_access.roles", "a.b"} and claims.get("realm_access") != ["roles"]
    assert identity.roles == (frozenset({"department"}) if is_found else frozenset())
    assert identity.unit == "U"
