"""Running an API process: one listening socket, a graceful stop, and a sentence when the port is taken."""

import signal
import socket
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI

from shared.http.bounded_protocol import BoundedProtocol
from shared.logging import configure_logging
from shared.memory import leave_out_what_is_loaded

GRACE_SECONDS: Final = 8
"""What requests in flight may still take after SIGTERM; orchestrators kill after ten."""

_KEEP_ALIVE_SECONDS: Final = 65  # longer than the minute after which proxies close, so that they close first
_MOST_AT_ONCE: Final = 1000  # connections and tasks; above it the server answers 503 by itself
_WAITING_CONNECTIONS: Final = 512
_CANNOT_LISTEN: Final = 2

_log = structlog.get_logger(__name__)


class _Server(uvicorn.Server):
    """uvicorn, except that a stop by signal is a success: it would send the signal to itself again afterwards."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(app: FastAPI, host: str, port: int) -> None:
    """Serve an app of create_service_app until SIGTERM or SIGINT; what is in flight then has eight seconds to finish.

    The process's log goes to standard output from here on.

    Raises:
        SystemExit: code 2 when the address cannot be listened on, 3 when the application does not start.
    """
    configure_logging(app.state.service, app.state.settings.log_level)
    listener = _listen(host, port)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_WAITING_CONNECTIONS,
        limit_concurrency=_MOST_AT_ONCE,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    _log.info("listening", host=host, port=listener.getsockname()[1])
    leave_out_what_is_loaded()
    _Server(config).run(sockets=[listener])
    _log.info("stopped")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_WAITING_CONNECTIONS)
    except (OSError, OverflowError):
        listener.close()
        sys.stderr.write(
            f"Không mở được {host}:{port}: cổng đang có chương trình khác dùng hoặc địa chỉ không thuộc máy này; "
            "hãy dừng chương trình đó hoặc đặt cổng khác (CCHC_PORT).\n"
        )
        raise SystemExit(_CANNOT_LISTEN) from None
    return listener
