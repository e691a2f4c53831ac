"""A real broker that demands TLS, SCRAM passwords or client certificates, each on a port of its own."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.embedded.refusal import StartRefusedError
from tests.support.certificates import Authority
from tests.support.kafka import PrivateBroker
from tests.support.ports import free_port

USER, PASSWORD = "cchc-tasks", "mat-khau-rat-bi-mat"
LISTENERS = {"PLAINTEXT": 0, "SSL": 2, "SASL_SSL": 3, "SASL_PLAINTEXT": 4, "MUTUAL": 5}
"""Each listener's port, counted from the broker's; the controller's is 1."""


@dataclass
class SecuredBroker:
    """The broker, and what a client needs to get in."""

    broker: PrivateBroker
    authority: Authority
    stranger: Authority
    client: Path
    """Key and certificate of a client."""

    def at(self, listener: str, host: str = "127.0.0.1") -> str:
        return f"{host}:{self.broker.port + LISTENERS[listener]}"


def _settings(port: int, authority: Authority) -> dict[str, str]:
    listeners = ",".join(f"{name}://127.0.0.1:{port + offset}" for name, offset in LISTENERS.items())
    login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    return {
        "listeners": f"{listeners},CONTROLLER://127.0.0.1:{port + 1}",
        "advertised.listeners": listeners,
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,MUTUAL:SSL,"
        "SASL_SSL:SASL_SSL,SASL_PLAINTEXT:SASL_PLAINTEXT",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(authority.certificate("broker", "127.0.0.1")),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.file),
        "listener.name.mutual.ssl.client.auth": "required",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": login,
        "listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config": login,
    }


@pytest.fixture(scope="module")
async def secured_broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SecuredBroker]:
    """A broker that lets in whom it knows; skips aloud where Java or Maven is missing."""
    folder, port = tmp_path_factory.mktemp("secured"), free_port(neighbours=max(LISTENERS.values()))
    authority, stranger = Authority(folder, "authority"), Authority(folder, "stranger")
    broker = PrivateBroker(folder / "broker", port, settings=_settings(port, authority), users={USER: PASSWORD})
    try:
        await broker.start()
    except StartRefusedError as refusal:
        pytest.skip(f"NO KAFKA: {refusal}")
    yield SecuredBroker(broker, authority, stranger, authority.certificate("client"))
    await asyncio.wait_for(broker.kill(), 10)
