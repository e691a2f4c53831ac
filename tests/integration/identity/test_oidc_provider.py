"""Tokens of a real OpenID Connect provider: the good one holds, every other is refused; keys change without a pause."""

import base64
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import oidc
from tests.support.oidc import Provider
from tests.support.tiny_service import TinyService

oidc_program = oidc.oidc_program

HEALTH = {"roles": ["department", "offline_access"], "unit": "TV-SYT"}
KEYCLOAK = {"realm_access": {"roles": ["secretariat"]}, "cchc": {"unit": "TV"}}
NAMED_BY_ADDRESS = {"https://cchc.example/roles": ["leader"], "https://cchc.example/unit": "TV"}
CLIENTS: dict[str, dict[str, Any]] = {
    "health": HEALTH,
    "keycloak": KEYCLOAK,
    "by-address": NAMED_BY_ADDRESS,
    "no-roles": {"unit": "TV-SYT"},
    "no-unit": {"roles": ["department"]},
}
HOUR = 3600


@pytest.fixture(scope="module")
async def provider(oidc_program: list[str]) -> AsyncIterator[Provider]:
    async with Provider(oidc_program, CLIENTS).running() as running:
        yield running


@pytest.fixture
async def tiny(tmp_path: Path, provider: Provider) -> AsyncIterator[TinyService]:
    service = a_service(tmp_path, provider)
    yield service
    await service.engine.dispose()


@pytest.fixture
def moving_time(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that pass between two questions to the provider; a test moves them."""
    seconds = [1000.0]
    monkeypatch.setattr("shared.signing_keys.monotonic", lambda: seconds[0])
    return seconds


def a_service(directory: Path, provider: Provider, **settings: Any) -> TinyService:  # noqa: ANN401 -- any setting
    """Start a service that trusts the provider, as its settings would say."""
    return TinyService(directory, issuer=provider.issuer, jwks_url=f"{provider.address}/jwks", **settings)


async def call(service: TinyService, token: str, path: str = "/v1/tasks/1") -> tuple[int, Any]:
    async with service.client(None) as client:
        answer = await client.get(path, headers={"authorization": f"Bearer {token}"})
    return answer.status_code, answer.json()


async def test_a_program_with_its_own_credentials_is_let_in(tiny: TinyService, provider: Provider) -> None:
    status, answer = await call(tiny, await provider.token("health"))
    assert (status, answer["unit"]) == (200, "TV-SYT")


@pytest.mark.parametrize(
    ("client", "roles", "unit"),
    [
        ("keycloak", "realm_access.roles", "cchc.unit"),
        ("by-address", "https://cchc.example/roles", "https://cchc.example/unit"),
    ],
)
async def test_roles_and_unit_are_where_the_settings_say(
    tmp_path: Path, provider: Provider, client: str, roles: str, unit: str
) -> None:
    service = a_service(tmp_path, provider, roles_claim=roles, unit_claim=unit)
    status, answer = await call(service, await provider.token(client))
    assert (status, answer["unit"]) == (200, "TV")
    assert (await call(service, await provider.token("health")))[1]["code"] == "forbidden"


async def test_a_token_without_roles_or_without_the_departments_unit_may_nothing(
    tiny: TinyService, provider: Provider
) -> None:
    found = [await call(tiny, await provider.token(client)) for client in ("no-roles", "no-unit")]
    assert [(status, answer["code"]) for status, answer in found] == [(403, "forbidden"), (403, "unit-required")]


async def test_a_token_for_another_service_is_refused(tiny: TinyService, provider: Provider) -> None:
    assert (await call(tiny, await provider.token("health", resource="urn:other")))[0] == 401


@pytest.mark.parametrize("how", ["another issuer", "another key", "its clock is late", "its clock is early"])
async def test_a_token_of_a_provider_that_is_not_ours_or_not_in_time_is_refused(
    tiny: TinyService, provider: Provider, oidc_program: list[str], how: str
) -> None:
    changed: dict[str, dict[str, Any]] = {
        "another issuer": {"keys": provider.keys, "issuer": "http://127.0.0.1:1"},
        "another key": {"keys": [oidc.a_key("k1")], "issuer": provider.issuer},
        "its clock is late": {"keys": provider.keys, "issuer": provider.issuer, "clock_offset": -HOUR},
        "its clock is early": {"keys": provider.keys, "issuer": provider.issuer, "clock_offset": HOUR},
    }
    async with Provider(oidc_program, CLIENTS, **changed[how]).running() as other:
        token = await other.token("health")
    assert (await call(tiny, token))[0] == 401


@pytest.mark.parametrize("algorithm", ["none", "HS256 with the public key", "HS256 with an empty key", "RS384"])
async def test_a_forged_signature_is_refused(tiny: TinyService, provider: Provider, algorithm: str) -> None:
    header, payload, signature = (await provider.token("health")).split(".")
    name = algorithm.split(maxsplit=1)[0]
    forged = base64.urlsafe_b64encode(json.dumps({**decoded(header), "alg": name}).encode()).rstrip(b"=").decode()
    signed = f"{forged}.{payload}".encode()
    public = provider.keys[0].as_pem(private=False)
    made = {
        "none": b"",
        "HS256 with the public key": hmac.digest(public, signed, "sha256"),
        "HS256 with an empty key": hmac.digest(b"", signed, "sha256"),
        "RS384": base64.urlsafe_b64decode(signature + "=="),
    }[algorithm]
    token = f"{forged}.{payload}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"
    assert (await call(tiny, token))[0] == 401
    assert (await call(tiny, f"{header}.{payload}.{signature}"))[0] == 200


async def test_claims_cannot_be_changed(tiny: TinyService, provider: Provider) -> None:
    header, payload, signature = (await provider.token("health")).split(".")
    changed = json.dumps({**decoded(payload), "roles": ["admin"]}).encode()
    token = f"{header}.{base64.urlsafe_b64encode(changed).rstrip(b'=').decode()}.{signature}"
    assert (await call(tiny, token))[0] == 401


async def test_keys_are_rotated_at_the_provider_and_nobody_waits(
    tmp_path: Path, oidc_program: list[str], moving_time: list[float]
) -> None:
    """A new key beside the old one, then the new one alone; between the two both kinds of tokens hold."""
    first, second = oidc.a_key("k1"), oidc.a_key("k2")
    provider = Provider(oidc_program, CLIENTS, keys=[first])
    service = a_service(tmp_path, provider)
    async with provider.running():
        old = await provider.token("health")
        assert (await call(service, old))[0] == 200
    assert (await call(service, old))[0] == 200  # the provider is away, and its tokens go on holding

    provider.keys = [second, first]
    async with provider.running():
        new = await provider.token("health")
        moving_time[0] += 31
        assert [(await call(service, token))[0] for token in (new, old)] == [200, 200]

    provider.keys = [second]
    async with provider.running():
        assert (await call(service, old))[0] == 200
        moving_time[0] += 601
        assert [(await call(service, token))[0] for token in (new, old)] == [200, 401]
        assert (await call(service, await provider.token("health")))[0] == 200


def decoded(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found
