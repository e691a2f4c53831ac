"""Ports that are taken are found out before anything starts."""

import socket
from collections.abc import Sequence

from deploy.embedded.refusal import StartRefusedError
from deploy.embedded.settings import EmbeddedSettings

PORTS = ("plans", "tasks", "reporting", "postgres")
KAFKA_PORTS = ("kafka", "kafka-controller")


def refuse_occupied_ports(settings: EmbeddedSettings, names: Sequence[str]) -> None:
    """Try each port.

    Raises:
        StartRefusedError: something listens there already; the sentence names port and setting.
    """
    for name in names:
        port = settings.port_of(name)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise StartRefusedError(
                    f"Cổng {port} ({name}) đang có chương trình khác dùng: đặt CCHC_PORT khác {settings.port}. "
                    f"[port {port} of {name} is in use: set CCHC_PORT to another base than {settings.port}]"
                ) from error
