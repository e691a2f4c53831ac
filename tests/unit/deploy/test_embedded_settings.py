"""What `cchc run` understands of its environment, and how it refuses the rest."""

from pathlib import Path

import pytest

from deploy.embedded.refusal import StartRefusedError
from deploy.embedded.settings import PROJECT, SETTINGS, read_settings


def test_without_any_setting_it_is_the_checkout_on_port_8000() -> None:
    settings = read_settings({})
    assert settings.home == PROJECT / ".cchc"
    assert [settings.port_of(name) for name in ("plans", "tasks", "reporting", "postgres", "kafka")] == [
        8001,
        8002,
        8003,
        8032,
        8092,
    ]
    assert settings.transport == "postgres"
    assert settings.with_sample
    assert not settings.starts_kafka


def test_kafka_is_started_unless_a_broker_is_named() -> None:
    assert read_settings({"CCHC_TRANSPORT": "kafka"}).starts_kafka
    assert not read_settings({"CCHC_TRANSPORT": "kafka", "CCHC_KAFKA_BOOTSTRAP": "10.0.0.1:9092"}).starts_kafka


def test_home_is_made_absolute() -> None:
    assert read_settings({"CCHC_HOME": "somewhere"}).home == Path.cwd() / "somewhere"


def test_networks_may_be_parted_by_commas_or_spaces() -> None:
    read = read_settings({"CCHC_WEBHOOK_ALLOWED_NETWORKS": "10.0.0.0/8, fd00::/8 192.168.1.7"})
    assert read.webhook_allowed_networks == ("10.0.0.0/8", "fd00::/8", "192.168.1.7/32")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CCHC_PORT", "80"),
        ("CCHC_PORT", "65500"),
        ("CCHC_PORT", "eight"),
        ("CCHC_PORT", "８０００"),
        ("CCHC_TRANSPORT", "rabbit"),
        ("CCHC_SAMPLE", "yes"),
        ("CCHC_WEBHOOK_ALLOWED_NETWORKS", "10.0.0.1/8"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_name(name: str, value: str) -> None:
    with pytest.raises(StartRefusedError, match=name) as refusal:
        read_settings({name: value})
    assert "\n" not in str(refusal.value)


def test_every_setting_that_is_read_is_documented() -> None:
    source = (PROJECT / "deploy" / "embedded" / "settings.py").read_text(encoding="utf-8")
    read = {part.split('"', maxsplit=1)[0] for part in source.split('get("')[1:]}
    assert read == set(SETTINGS)
