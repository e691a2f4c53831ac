"""What the embedded system reads from the environment. Standard library only: the supervisor stays small."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from deploy.embedded.refusal import SettingRefusedError
from shared.addresses import bootstrap_servers, networks
from shared.setting_names import typing_errors

PROJECT: Final = Path(__file__).resolve().parents[2]
Transport = Literal["postgres", "kafka"]

SETTINGS: Final = {
    "CCHC_HOME": "Thư mục dữ liệu; mặc định .cchc trong thư mục mã nguồn (data directory).",
    "CCHC_PORT": "Cổng gốc, mặc định 8000: plans +1, tasks +2, reporting +3, PostgreSQL +32, Kafka +92, bộ điều khiển "
    "Kafka +93 (base port).",
    "CCHC_TRANSPORT": "Nhật ký sự kiện: postgres (mặc định) hoặc kafka (event log).",
    "CCHC_KAFKA_BOOTSTRAP": "Máy chủ Kafka có sẵn, host:port; bỏ trống thì Kafka được khởi động kèm (existing broker).",
    "CCHC_SAMPLE": "0: chỉ nạp danh mục đơn vị, không nạp kế hoạch mẫu (0: units only).",
    "CCHC_WEBHOOK_ALLOWED_NETWORKS": "Các mạng nội bộ được phép nhận webhook, dạng CIDR, cách nhau bằng dấu phẩy "
    "(private networks allowed for webhooks).",
}
"""Every setting of `cchc run`, as its help prints them."""

OF_THE_SERVICES: Final = frozenset({"CCHC_HOST"})
"""Settings of the services alone. They are named here because they look like typing errors of ours."""

OFFSETS: Final = {"plans": 1, "tasks": 2, "reporting": 3, "postgres": 32, "kafka": 92, "kafka-controller": 93}
"""Ports, counted from the base; +0 is the portal's."""

_LOWEST_PORT, _HIGHEST_PORT = 1024, 65535 - max(OFFSETS.values())


@dataclass(frozen=True)
class EmbeddedSettings:
    """One start of the embedded system."""

    home: Path
    port: int
    transport: Transport
    kafka_bootstrap: str | None
    """A broker that runs already; None: ours, when the transport is `kafka`."""
    with_sample: bool
    webhook_allowed_networks: tuple[str, ...]

    def port_of(self, name: str) -> int:
        return self.port + OFFSETS[name]

    @property
    def starts_kafka(self) -> bool:
        return self.transport == "kafka" and self.kafka_bootstrap is None


def inherited_environment() -> dict[str, str]:
    """Return a copy of the environment, for children that need PATH and the like."""
    return dict(os.environ)  # noqa: TID251 -- the one place in deploy


def enter_environment(values: Mapping[str, str]) -> None:
    """Set variables of this process, for code that reads its settings from the environment only."""
    os.environ.update(values)  # noqa: TID251 -- the one place in deploy


def home_directory(environment: Mapping[str, str] | None = None) -> Path:
    """Return where this installation keeps its data."""
    given = (environment if environment is not None else inherited_environment()).get("CCHC_HOME", "")
    if given:
        return Path(given).expanduser().absolute()
    return (PROJECT if (PROJECT / "pyproject.toml").exists() else Path.cwd()) / ".cchc"


def read_settings(environment: Mapping[str, str] | None = None) -> EmbeddedSettings:
    """Return the settings of this start.

    Raises:
        SettingRefusedError: a value that cannot be meant; the sentence names the setting.
    """
    given = environment if environment is not None else inherited_environment()
    if slips := list(typing_errors(given, SETTINGS.keys(), OF_THE_SERVICES)):
        raise SettingRefusedError(" ".join(slips))
    return EmbeddedSettings(
        home=home_directory(given),
        port=_port(given.get("CCHC_PORT") or "8000"),
        transport=_transport(given.get("CCHC_TRANSPORT") or "postgres"),
        kafka_bootstrap=_bootstrap(given.get("CCHC_KAFKA_BOOTSTRAP") or None),
        with_sample=_with_sample(given.get("CCHC_SAMPLE") or "1"),
        webhook_allowed_networks=_networks(given.get("CCHC_WEBHOOK_ALLOWED_NETWORKS") or ""),
    )


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and _LOWEST_PORT <= int(text) <= _HIGHEST_PORT:
        return int(text)
    raise SettingRefusedError(
        f"CCHC_PORT={text!r} không dùng được: cần một số từ {_LOWEST_PORT} đến {_HIGHEST_PORT}. "
        f"[must be a number from {_LOWEST_PORT} to {_HIGHEST_PORT}]"
    )


def _transport(text: str) -> Transport:
    for known in get_args(Transport):
        if text == known:
            return text  # type: ignore[return-value]  # one of the literals, just compared
    raise SettingRefusedError(
        f"CCHC_TRANSPORT={text!r} không có: chọn postgres hoặc kafka. [choose postgres or kafka]",
    )


def _with_sample(text: str) -> bool:
    if text not in {"0", "1"}:
        raise SettingRefusedError(f"CCHC_SAMPLE={text!r} không dùng được: 0 hoặc 1. [must be 0 or 1]")
    return text == "1"


def _bootstrap(text: str | None) -> str | None:
    try:
        return bootstrap_servers(text) if text is not None else None
    except ValueError as error:
        raise SettingRefusedError(f"CCHC_KAFKA_BOOTSTRAP: {error}.") from error


def _networks(text: str) -> tuple[str, ...]:
    try:
        return tuple(str(network) for network in networks(text))
    except ValueError as error:
        raise SettingRefusedError(f"CCHC_WEBHOOK_ALLOWED_NETWORKS: {error}.") from error
