"""Settings of Kafka, and the one way to it that they describe. Only workers and `cchc topics` go that way."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from shared.setting_names import SettingsRefused, variable

_OF_TLS: Final = ("kafka_ca_file", "kafka_certificate_file", "kafka_key_file")
_OF_SASL: Final = ("kafka_username", "kafka_password", "kafka_password_file")


class KafkaSettings(BaseSettings):
    """What every process may be told of Kafka beside its address."""

    kafka_replication: int = Field(
        default=1,
        ge=1,
        le=7,
        description="Copies of each topic. With three or more, two of them must have an event before it counts as "
        "published. Topics that have another number are told of in the log and in readiness.",
    )
    kafka_retention_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="Days for which Kafka keeps events; unset: for ever. A read model that is built later than that "
        "needs `cchc refill`.",
    )
    kafka_security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = Field(
        default="plaintext",
        description="How Kafka is spoken to: encrypted (`ssl`), with name and password (`sasl_plaintext`), both "
        "(`sasl_ssl`).",
    )
    kafka_ca_file: Path | None = Field(
        default=None,
        description="PEM file of the authorities that may vouch for Kafka's brokers; unset: those of the system.",
    )
    kafka_certificate_file: Path | None = Field(
        default=None, description="PEM file of our own certificate, where Kafka demands one (mutual TLS)."
    )
    kafka_key_file: Path | None = Field(
        default=None, description="PEM file of its key, without a pass phrase; unset: it is in the certificate's file."
    )
    kafka_sasl_mechanism: Literal["SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="How the password is proved; used with `sasl_...` only."
    )
    kafka_username: str | None = Field(default=None, description="Name at Kafka; used with `sasl_...` only.")
    kafka_password: SecretStr | None = Field(default=None, description="Password at Kafka; or else its file.")
    kafka_password_file: Path | None = Field(
        default=None, description="File whose first line is the password at Kafka, read at start."
    )


@dataclass(frozen=True)
class KafkaSecurity:
    """How connections are made. The text form has no secret in it."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    context: ssl.SSLContext | None = field(default=None, repr=False)
    mechanism: str = "PLAIN"
    username: str | None = field(default=None, repr=False)
    password: SecretStr | None = field(default=None, repr=False)


def kafka_security(settings: KafkaSettings) -> KafkaSecurity:
    """Return how connections to Kafka are made; reads the files that the settings name.

    Raises:
        SettingsRefused: settings contradict one another, or a file cannot be read; the sentence names the setting.
    """
    chosen = settings.kafka_security
    encrypted, named = chosen in {"ssl", "sasl_ssl"}, chosen in {"sasl_plaintext", "sasl_ssl"}
    unused = (*(() if encrypted else _OF_TLS), *(() if named else _OF_SASL))
    if surplus := [name for name in unused if getattr(settings, name) is not None]:
        raise _refused(
            *surplus, told=f"không dùng được khi {variable('kafka_security')} là {chosen}", english="would not be used"
        )
    return KafkaSecurity(
        {"plaintext": "PLAINTEXT", "ssl": "SSL", "sasl_plaintext": "SASL_PLAINTEXT", "sasl_ssl": "SASL_SSL"}[chosen],  # type: ignore[arg-type]  # the literals of the dataclass
        _context(settings) if encrypted else None,
        settings.kafka_sasl_mechanism if named else "PLAIN",
        _username(settings) if named else None,
        _password(settings) if named else None,
    )


def kafka_refusals(settings: KafkaSettings) -> list[str]:
    """Return a sentence when `kafka_security` would refuse."""
    try:
        kafka_security(settings)
    except SettingsRefused as refusal:
        return list(refusal.sentences)
    return []


def _context(settings: KafkaSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ca_file)
    except (OSError, ssl.SSLError) as error:
        raise _unreadable(error, "kafka_ca_file") from None
    certificate, key = settings.kafka_certificate_file, settings.kafka_key_file
    if certificate is None:
        if key is not None:
            raise _refused("kafka_key_file", told=f"cần {variable(_OF_TLS[1])}", english="needs its certificate")
        return context
    try:
        context.load_cert_chain(certificate, key, password=_no_pass_phrase)
    except (OSError, ssl.SSLError) as error:
        raise _unreadable(error, "kafka_certificate_file", "kafka_key_file") from None
    return context


def _no_pass_phrase() -> str:
    """Keep OpenSSL from asking at the terminal."""
    return ""


def _username(settings: KafkaSettings) -> str:
    if not settings.kafka_username:
        raise _missing(settings, "kafka_username")
    return settings.kafka_username


def _password(settings: KafkaSettings) -> SecretStr:
    given, file = settings.kafka_password, settings.kafka_password_file
    if given is not None and file is not None:
        raise _refused("kafka_password", "kafka_password_file", told="chỉ đặt một trong hai", english="set one of them")
    password = _first_line(file) if file is not None else given.get_secret_value() if given is not None else ""
    if not password:
        raise _missing(settings, "kafka_password" if file is None else "kafka_password_file")
    return SecretStr(password)


def _first_line(file: Path) -> str:
    try:
        return (file.read_text(encoding="utf-8").splitlines() or [""])[0]
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(error, "kafka_password_file") from None


def _missing(settings: KafkaSettings, name: str) -> SettingsRefused:
    why = f"còn thiếu hoặc trống, cần khi {variable('kafka_security')} là {settings.kafka_security}"
    return _refused(name, told=why, english="missing or empty")


def _unreadable(error: Exception, *names: str) -> SettingsRefused:
    return _refused(*names, told=f"không đọc được tệp ({type(error).__name__})", english="unreadable")


def _refused(*names: str, told: str, english: str) -> SettingsRefused:
    return SettingsRefused([f"{', '.join(map(variable, names))}: {told} [{english}]."])
