"""Signatures as Standard Webhooks has them, and secrets that only their own endpoint can open."""

import re
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Verifier

from deploy.embedded.secret_files import make_key
from services.reporting.adapters.webhook_secrets import KeyUnusable, SecretBox
from services.reporting.domain.webhooks.signatures import (
    Scheme,
    Secret,
    SecretMalformed,
    headers,
    public_text,
)
from shared.clock import SystemClock

BOX = SecretBox(bytes(range(32)))
SCHEMES: tuple[Scheme, ...] = ("hmac", "ed25519")
ENDPOINT, OTHER = UUID(int=1), UUID(int=2)
NOW = int(SystemClock().now().timestamp())


def test_public_example_of_the_standard() -> None:
    """The example of the specification's reference libraries."""
    secret = Secret("hmac", b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    assert secret.text == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signed = secret.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.binary(min_size=24, max_size=64), st.binary(min_size=24, max_size=64), st.text(max_size=200))
def test_reference_library_verifies_each_secret_of_a_rotation(old: bytes, new: bytes, text: str) -> None:
    secrets = [Secret("hmac", new), Secret("hmac", old)]
    body = f'"{text.encode().hex()}"'.encode()
    sent = headers(secrets, "msg", NOW, body)
    for secret in secrets:
        assert Verifier(secret.text).verify(body, sent) == text.encode().hex()


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=300))
def test_ed25519_is_verified_with_the_public_key_alone(seed: bytes, body: bytes) -> None:
    secret = Secret("ed25519", seed)
    assert secret.public_key is not None
    assert public_text(secret.public_key).startswith("whpk_")
    version, _, signature = secret.signature("msg", NOW, body).partition(",")
    assert version == "v1a"
    Ed25519PublicKey.from_public_bytes(secret.public_key).verify(b64decode(signature), f"msg.{NOW}.".encode() + body)


@given(st.binary(max_size=80), st.sampled_from(SCHEMES))
def test_secrets_outside_of_the_standards_lengths_are_refused(key: bytes, scheme: Scheme) -> None:
    fits = 24 <= len(key) <= 64 if scheme == "hmac" else len(key) == 32
    if fits:
        prefix, _, text = Secret(scheme, key).text.partition("_")
        assert (prefix, b64decode(text, validate=True)) == ("whsec" if scheme == "hmac" else "whsk", key)
    else:
        with pytest.raises(SecretMalformed):
            Secret(scheme, key)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_sealed_secret_opens_for_its_endpoint_and_key_only(scheme: Scheme) -> None:
    secret = BOX.make(scheme)
    sealed = BOX.seal(ENDPOINT, secret)
    assert secret.key not in sealed
    assert BOX.open(ENDPOINT, secret.scheme, sealed) == secret
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for box, endpoint, what in (
        (BOX, OTHER, sealed),
        (SecretBox(bytes(32)), ENDPOINT, sealed),
        (BOX, ENDPOINT, changed),
    ):
        with pytest.raises(KeyUnusable):
            box.open(endpoint, secret.scheme, what)


def test_secrets_do_not_show_themselves() -> None:
    secret = BOX.make("hmac")
    assert not re.search(secret.text[6:20], repr(secret))


def test_key_file_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "webhook.key"
    make_key(path)
    first = path.read_bytes()
    make_key(path)
    assert path.read_bytes() == first
    assert path.stat().st_mode & 0o077 == 0
    sealed = SecretBox.of_file(path).seal(ENDPOINT, Secret("hmac", bytes(32)))
    assert SecretBox.of_file(path).open(ENDPOINT, "hmac", sealed).key == bytes(32)


@pytest.mark.parametrize("content", [b"", b"not base64 !", b"AAAA", b"\xff\xfe"])
def test_unusable_key_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "webhook.key"
    path.write_bytes(content)
    with pytest.raises(KeyUnusable):
        SecretBox.of_file(path)
    with pytest.raises(KeyUnusable):
        SecretBox.of_file(tmp_path / "missing")


def test_headers_of_an_attempt() -> None:
    said = headers([Secret("hmac", bytes(24))], "0190", int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()), b"{}")
    assert said["content-type"] == "application/json"
    assert said["user-agent"] == "cchc-webhooks/1"
    assert set(said) == {"content-type", "user-agent", "webhook-id", "webhook-timestamp", "webhook-signature"}
