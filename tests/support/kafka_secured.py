"""A real broker that demands TLS, SCRAM passwords or client certificates, each on a port of its own."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from deploy.embedded.refusal import StartRefusedError
from shared.clock import SystemClock
from tests.support.kafka import PrivateBroker
from tests.support.ports import free_port

USER, PASSWORD = "cchc-tasks", "mat-khau-rat-bi-mat"
LISTENERS = {"PLAINTEXT": 0, "SSL": 2, "SASL_SSL": 3, "SASL_PLAINTEXT": 4, "MUTUAL": 5}
"""Each listener's port, counted from the broker's; the controller's is 1."""


class Authority:
    """Signs certificates; its own is `file`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, _named(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._builder(self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(certificate.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def certificate(self, name: str, *addresses: str) -> Path:
        """Return a PEM file with key and certificate, valid for `addresses`."""
        key = ec.generate_private_key(ec.SECP256R1())
        valid_for: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(each)) for each in addresses]
        builder = self._builder(_named(name), key).add_extension(
            x509.SubjectAlternativeName(valid_for or [x509.DNSName(name)]), critical=False
        )
        certificate = builder.sign(self._key, hashes.SHA256())
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file = self._folder / f"{name}.pem"
        file.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
        return file

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = SystemClock().now()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


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
