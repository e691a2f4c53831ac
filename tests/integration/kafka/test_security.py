"""A broker that demands TLS and SCRAM: right credentials carry events, wrong ones are told in a sentence."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shared.clock import FixedClock
from shared.contracts.topics import TASKS
from shared.database.revisions import PLUMBING
from shared.messaging.consumer import Consumer
from shared.messaging.relay import Relay
from shared.messaging.status import Status, write_status
from shared.messaging.transports import create_transport
from shared.settings import SharedSettings
from tests.support.kafka_secured import PASSWORD, USER, SecuredBroker
from tests.support.messaging import NOW, World, a_progress
from tests.support.tiny_service import TinyService
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.slow(15)]

Given = Callable[[SecuredBroker, Path], dict[str, Any]]
WRONG = "sai-mat-khau"


@pytest.fixture
def there(secured_broker: SecuredBroker, tmp_path: Path) -> tuple[SecuredBroker, Path]:
    """The broker, and a folder of the test's own."""
    return secured_broker, tmp_path


def sasl_ssl(broker: SecuredBroker, _: Path) -> dict[str, Any]:
    return {
        "kafka_bootstrap": broker.at("SASL_SSL"),
        "kafka_security": "sasl_ssl",
        "kafka_ca_file": broker.authority.file,
        "kafka_username": USER,
        "kafka_password": PASSWORD,
    }


def sasl_ssl_with_a_password_file(broker: SecuredBroker, folder: Path) -> dict[str, Any]:
    (folder / "password").write_text(f"{PASSWORD}\n", encoding="utf-8")
    return {**sasl_ssl(broker, folder), "kafka_password": None, "kafka_password_file": folder / "password"}


def sasl_plaintext(broker: SecuredBroker, _: Path) -> dict[str, Any]:
    return {
        "kafka_bootstrap": broker.at("SASL_PLAINTEXT"),
        "kafka_security": "sasl_plaintext",
        "kafka_username": USER,
        "kafka_password": PASSWORD,
    }


def mutual_tls(broker: SecuredBroker, _: Path) -> dict[str, Any]:
    return {
        "kafka_bootstrap": broker.at("MUTUAL"),
        "kafka_security": "ssl",
        "kafka_ca_file": broker.authority.file,
        "kafka_certificate_file": broker.client,
    }


@asynccontextmanager
async def parts(world: World, given: dict[str, Any]) -> AsyncIterator[tuple[Relay, Consumer]]:
    """Run a relay and a consumer with transports of these settings."""
    settings = SharedSettings(transport="kafka", **given)
    relaying, reading = create_transport(settings), create_transport(settings)
    relay = Relay(world.engine, relaying, [TASKS])
    consumer = Consumer(world.engine, reading, world.subscription(), clock=FixedClock(NOW))
    async with AsyncExitStack() as stack:
        for transport in (relaying, reading):
            await transport.start()
            stack.push_async_callback(transport.stop)
        await stack.enter_async_context(world.running(relay, consumer))
        yield relay, consumer


@pytest.mark.parametrize("given", [sasl_ssl, sasl_ssl_with_a_password_file, sasl_plaintext, mutual_tls])
async def test_the_right_credentials_carry_events_from_end_to_end(
    world: World, there: tuple[SecuredBroker, Path], given: Given, caplog: pytest.LogCaptureFixture
) -> None:
    async with parts(world, given(*there)) as (relay, consumer):
        note = f"qua {given.__name__}"
        await world.add(a_progress(note))
        await eventually(lambda: is_noted(world, note), within=30)
        assert relay.status.state == consumer.status.state == "running"
    assert PASSWORD not in caplog.text


def another_password(broker: SecuredBroker, folder: Path) -> dict[str, Any]:
    return {**sasl_ssl(broker, folder), "kafka_password": WRONG}


def an_unknown_user(broker: SecuredBroker, folder: Path) -> dict[str, Any]:
    return {**sasl_plaintext(broker, folder), "kafka_username": "nobody-here", "kafka_password": WRONG}


def another_mechanism(broker: SecuredBroker, folder: Path) -> dict[str, Any]:
    return {**sasl_ssl(broker, folder), "kafka_sasl_mechanism": "SCRAM-SHA-256"}


def another_authority(broker: SecuredBroker, folder: Path) -> dict[str, Any]:
    return {**sasl_ssl(broker, folder), "kafka_ca_file": broker.stranger.file}


def another_host_name(broker: SecuredBroker, folder: Path) -> dict[str, Any]:
    return {**sasl_ssl(broker, folder), "kafka_bootstrap": broker.at("SASL_SSL", "localhost")}


def no_client_certificate(broker: SecuredBroker, folder: Path) -> dict[str, Any]:
    return {**mutual_tls(broker, folder), "kafka_certificate_file": None}


def plaintext_where_tls_is_demanded(broker: SecuredBroker, _: Path) -> dict[str, Any]:
    return {"kafka_bootstrap": broker.at("SASL_SSL")}


def plaintext_where_a_password_is_demanded(broker: SecuredBroker, _: Path) -> dict[str, Any]:
    return {"kafka_bootstrap": broker.at("SASL_PLAINTEXT")}


def tls_where_plaintext_is_spoken(broker: SecuredBroker, folder: Path) -> dict[str, Any]:
    return {**sasl_ssl(broker, folder), "kafka_bootstrap": broker.at("PLAINTEXT")}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (another_password, "CCHC_KAFKA_USERNAME"),
        (an_unknown_user, "CCHC_KAFKA_USERNAME"),
        (another_mechanism, "CCHC_KAFKA_SASL_MECHANISM"),
        (another_authority, "CCHC_KAFKA_CA_FILE"),
        (another_host_name, "CCHC_KAFKA_BOOTSTRAP"),
        (no_client_certificate, "CCHC_KAFKA_CERTIFICATE_FILE"),
        (plaintext_where_tls_is_demanded, "CCHC_KAFKA_SECURITY"),
        (plaintext_where_a_password_is_demanded, "CCHC_KAFKA_SECURITY"),
        (tls_where_plaintext_is_spoken, "CCHC_KAFKA_SECURITY"),
    ],
)
async def test_whoever_is_not_let_in_waits_and_readiness_names_the_setting_without_a_secret(
    world: World, there: tuple[SecuredBroker, Path], given: Given, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with parts(world, given(*there)) as (relay, consumer):
        await world.add(a_progress())
        for status in (relay.status, consumer.status):
            await eventually(partial(says, status, sentence), within=30)
            await write_status(world.engine, status, force=True)
        answer = await readiness(world, there[1])
        assert answer["status"] == "degraded"
        said = str(answer["checks"])
        assert sentence in said
    for secret in (PASSWORD, WRONG):
        assert secret not in said
        assert secret not in caplog.text
    assert await world.published() == []


def says(status: Status, sentence: str) -> bool:
    return status.state == "retrying" and sentence in status.detail


async def readiness(world: World, folder: Path) -> dict[str, Any]:
    keys = folder / "keys"
    await asyncio.to_thread(keys.mkdir)
    service = TinyService(keys, world.dsn, histories=(PLUMBING,))
    async with service.client(None) as client:
        body: dict[str, Any] = (await client.get("/health/ready")).json()
    await service.engine.dispose()
    return body


async def is_noted(world: World, note: str) -> bool:
    return note in await world.notes()
