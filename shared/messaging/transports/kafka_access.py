"""How Kafka is reached: where, encrypted or not, as whom; and why it cannot be reached, in a sentence."""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from shared.kafka_settings import KafkaSecurity

NO_ANSWER = "Kafka không trả lời [no answer]"
_ASK_WITHIN = 2.0
_OTHER_NAME_CODES = (62, 64)
"""OpenSSL's verdicts "certificate is for another host" and "for another address"."""
_OTHER_NAME = "chứng thư của Kafka không mang tên máy trong CCHC_KAFKA_BOOTSTRAP [certificate of another name]"
_NOT_TRUSTED = "không tin được chứng thư của Kafka, xem CCHC_KAFKA_CA_FILE [broker certificate not trusted]"
_NOT_ACCEPTED = "Kafka không nhận CCHC_KAFKA_CERTIFICATE_FILE [client certificate missing or refused]"
_CUT = "Kafka ngắt kết nối, xem CCHC_KAFKA_SECURITY [connection cut: another kind of security expected?]"
_SENTENCES: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    (
        (SaslAuthenticationFailed, AuthenticationFailedError),
        "Kafka không nhận CCHC_KAFKA_USERNAME với mật khẩu này [credentials refused]",
    ),
    ((UnsupportedSaslMechanismError,), "Kafka không dùng CCHC_KAFKA_SASL_MECHANISM này [mechanism not offered]"),
    ((EOFError, ConnectionResetError, KafkaConnectionError, IllegalSaslStateError), _CUT),
)
_PLAIN = KafkaSecurity()


@dataclass(frozen=True)
class Access:
    """One way to a cluster. Its text form has no secret in it."""

    bootstrap: str
    security: KafkaSecurity = _PLAIN

    def connection(self) -> dict[str, Any]:
        """Return the arguments that every connection takes."""
        password = self.security.password
        return {
            "security_protocol": self.security.protocol,
            "ssl_context": self.security.context,
            "sasl_mechanism": self.security.mechanism,
            "sasl_plain_username": self.security.username,
            "sasl_plain_password": None if password is None else password.get_secret_value(),
        }

    def client(self) -> dict[str, Any]:
        """Return the arguments that every client takes."""
        return {"bootstrap_servers": self.bootstrap, **self.connection()}

    async def why_not(self) -> str:
        """Ask every broker of the list, and return why none lets us in; clients only say that none did."""
        reasons = await asyncio.gather(*(self._ask(address) for address in self.bootstrap.split(",")))
        return next((reason for reason in reasons if reason != NO_ANSWER), NO_ANSWER)

    async def _ask(self, address: str) -> str:
        host, _, port = address.strip().rpartition(":")
        try:
            async with asyncio.timeout(_ASK_WITHIN):
                connection = await create_conn(host.strip("[]"), int(port), **self.connection())
                try:
                    await connection.send(MetadataRequest([]))  # without a password it is here that a broker hangs up
                finally:
                    connection.close()
        except (KafkaError, OSError, TimeoutError, ValueError) as error:
            return _sentence(error)
        return NO_ANSWER  # it answers now: what was wrong is over


def _sentence(error: BaseException) -> str:
    cause = error.__cause__ if isinstance(error, KafkaConnectionError) and error.__cause__ else error
    if isinstance(cause, ssl.SSLError):
        return _of_tls(cause)
    return next((sentence for kinds, sentence in _SENTENCES if isinstance(cause, kinds)), NO_ANSWER)


def _of_tls(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _OTHER_NAME if error.verify_code in _OTHER_NAME_CODES else _NOT_TRUSTED
    return _NOT_ACCEPTED if "CERTIFICATE" in (error.reason or "") else _CUT
