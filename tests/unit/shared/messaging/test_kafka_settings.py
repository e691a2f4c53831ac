"""Settings of Kafka that contradict one another are refused at start: the settings' names, and no secret."""

from pathlib import Path

import pytest

from shared.kafka_settings import kafka_security
from shared.setting_names import SettingsRefused
from shared.settings import SharedSettings, read
from tests.support.certificates import Authority

SECRET = "rat-bi-mat-8471"
SASL = {"CCHC_KAFKA_SECURITY": "sasl_ssl", "CCHC_KAFKA_USERNAME": "cchc", "CCHC_KAFKA_PASSWORD": SECRET}
TLS = {"CCHC_KAFKA_SECURITY": "ssl"}

CONTRADICTIONS: list[tuple[dict[str, str], tuple[str, ...]]] = [
    ({"CCHC_KAFKA_PASSWORD": SECRET}, ("CCHC_KAFKA_PASSWORD", "CCHC_KAFKA_SECURITY")),
    ({"CCHC_KAFKA_USERNAME": "cchc"}, ("CCHC_KAFKA_USERNAME", "CCHC_KAFKA_SECURITY")),
    ({"CCHC_KAFKA_CA_FILE": "{folder}/authority.pem"}, ("CCHC_KAFKA_CA_FILE", "CCHC_KAFKA_SECURITY")),
    ({**TLS, "CCHC_KAFKA_PASSWORD": SECRET}, ("CCHC_KAFKA_PASSWORD",)),
    ({**TLS, "CCHC_KAFKA_PASSWORD_FILE": "{folder}/password"}, ("CCHC_KAFKA_PASSWORD_FILE",)),
    ({**SASL, "CCHC_KAFKA_SECURITY": "sasl_plaintext", "CCHC_KAFKA_CA_FILE": "{folder}/x"}, ("CCHC_KAFKA_CA_FILE",)),
    ({**SASL, "CCHC_KAFKA_USERNAME": ""}, ("CCHC_KAFKA_USERNAME", "CCHC_KAFKA_SECURITY")),
    ({**SASL, "CCHC_KAFKA_PASSWORD": ""}, ("CCHC_KAFKA_PASSWORD", "CCHC_KAFKA_SECURITY")),
    ({**SASL, "CCHC_KAFKA_PASSWORD_FILE": "{folder}/password"}, ("CCHC_KAFKA_PASSWORD, CCHC_KAFKA_PASSWORD_FILE",)),
    ({**SASL, "CCHC_KAFKA_PASSWORD": "", "CCHC_KAFKA_PASSWORD_FILE": "{folder}/no"}, ("CCHC_KAFKA_PASSWORD_FILE",)),
    ({**SASL, "CCHC_KAFKA_PASSWORD": "", "CCHC_KAFKA_PASSWORD_FILE": "{folder}/empty"}, ("CCHC_KAFKA_PASSWORD_FILE",)),
    ({**TLS, "CCHC_KAFKA_CA_FILE": "{folder}/nothing"}, ("CCHC_KAFKA_CA_FILE",)),
    ({**TLS, "CCHC_KAFKA_CA_FILE": "{folder}/password"}, ("CCHC_KAFKA_CA_FILE",)),
    ({**TLS, "CCHC_KAFKA_KEY_FILE": "{folder}/client.pem"}, ("CCHC_KAFKA_KEY_FILE", "CCHC_KAFKA_CERTIFICATE_FILE")),
    ({**TLS, "CCHC_KAFKA_CERTIFICATE_FILE": "{folder}/authority.pem"}, ("CCHC_KAFKA_CERTIFICATE_FILE",)),
    (
        {
            **TLS,
            "CCHC_KAFKA_CERTIFICATE_FILE": "{folder}/client.pem",
            "CCHC_KAFKA_KEY_FILE": "{folder}/other.pem",
        },
        ("CCHC_KAFKA_CERTIFICATE_FILE, CCHC_KAFKA_KEY_FILE",),
    ),
    ({**SASL, "CCHC_KAFKA_SASL_MECHANISM": "PLAIN"}, ("CCHC_KAFKA_SASL_MECHANISM",)),
    ({**SASL, "CCHC_KAFKA_SECURITY": "tls"}, ("CCHC_KAFKA_SECURITY",)),
    ({**SASL, "CCHC_KAFKA_RETENTION_DAYS": "0"}, ("CCHC_KAFKA_RETENTION_DAYS",)),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    authority = Authority(tmp_path, "authority")
    for name in ("client", "other"):
        authority.certificate(name)
    (tmp_path / "password").write_text(f"{SECRET}\n", encoding="utf-8")
    (tmp_path / "empty").touch()
    return tmp_path


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("CCHC_TRANSPORT", "kafka")
    monkeypatch.setenv("CCHC_KAFKA_BOOTSTRAP", "kafka:9092")
    return monkeypatch


@pytest.mark.parametrize(("given", "named"), CONTRADICTIONS)
def test_contradictions_are_refused_by_name_and_without_a_secret(
    environment: pytest.MonkeyPatch, folder: Path, given: dict[str, str], named: tuple[str, ...]
) -> None:
    for name, value in given.items():
        environment.setenv(name, value.format(folder=folder))
    with pytest.raises(SettingsRefused) as refusal:
        read(SharedSettings, opens_log=True)
    (sentence,) = refusal.value.sentences
    assert all(name in sentence for name in named)
    assert sentence.endswith("].")
    assert SECRET not in sentence


@pytest.mark.parametrize(
    ("given", "protocol"),
    [
        ({}, "PLAINTEXT"),
        ({**TLS, "CCHC_KAFKA_CA_FILE": "{folder}/authority.pem"}, "SSL"),
        ({**TLS, "CCHC_KAFKA_CERTIFICATE_FILE": "{folder}/client.pem"}, "SSL"),
        (SASL, "SASL_SSL"),
        ({**SASL, "CCHC_KAFKA_PASSWORD": "", "CCHC_KAFKA_PASSWORD_FILE": "{folder}/password"}, "SASL_SSL"),
        ({**SASL, "CCHC_KAFKA_SECURITY": "sasl_plaintext"}, "SASL_PLAINTEXT"),
    ],
)
def test_what_fits_together_is_accepted_and_shows_no_secret(
    environment: pytest.MonkeyPatch, folder: Path, given: dict[str, str], protocol: str
) -> None:
    for name, value in given.items():
        environment.setenv(name, value.format(folder=folder))
    settings = read(SharedSettings, opens_log=True)
    security = kafka_security(settings)
    assert security.protocol == protocol
    assert (security.context is not None) == ("SSL" in protocol)
    assert (security.password.get_secret_value() if security.password else "") == (SECRET if "SASL" in protocol else "")
    assert SECRET not in f"{settings!r}{security!r}"


def test_processes_that_do_not_open_the_log_are_not_asked_for_its_password(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CCHC_KAFKA_SECURITY", "sasl_ssl")
    environment.setenv("CCHC_KAFKA_USERNAME", "cchc")
    assert read(SharedSettings).kafka_security == "sasl_ssl"
