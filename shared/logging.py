"""Structured logs: one JSON object a line on standard output, for our own events and for the libraries' alike."""

import json
import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, ClassVar, Final

import structlog
from opentelemetry import trace
from structlog.typing import Processor

from shared.clock import SystemClock

_PERSONAL: Final = frozenset(
    {
        "authorization", "body", "cccd", "cookie", "dsn", "email", "evidence", "name", "note", "password", "phone",
        "secret", "subject", "token", "url",
    }
)  # fmt: skip
_MOST_FRAMES: Final = 12  # innermost; the framework's layers are always the same
_QUIET: Final = {
    "aiokafka": logging.WARNING,  # tells every fetch
    "alembic.runtime.plugins": logging.WARNING,  # tells its own parts
    "asyncio": logging.WARNING,
    "httpx2": logging.WARNING,  # tells every address
    "opentelemetry": logging.CRITICAL,  # tells every try to reach a collector; shared.telemetry_export tells the change
    "sqlalchemy": logging.WARNING,
    "uvicorn.access": logging.CRITICAL,  # the edge writes the line instead, with the route and not the path
}

_CLOCK: Final = SystemClock()

Event = MutableMapping[str, Any]


def configure_logging(service: str, level: str) -> None:
    """Send everything that is logged in this process to standard output as JSON; safe to call again.

    A line has `time` (UTC), `level`, `service`, `logger`, `event`, and `trace_id`, `span_id` inside of a trace.
    Fields that may hold personal data or secrets are removed by name, and an error is told by its type and its places
    in the code, never by its text: the texts of database errors quote rows.
    """
    _configure_structlog(service)
    formatter = _Formatter(
        foreign_pre_chain=_processors(service),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(ensure_ascii=False, sort_keys=True, default=_shown),
        ],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in _QUIET.items():
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(max(least, root.level))
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
    logging.captureWarnings(capture=True)


class PlainLines:
    """Writes one kind of line very often: whoever uses it sees to it that its fields hold nothing personal.

    The same line as any other, without the way through every processor, which takes three times as long.

    Args:
        logger: the name under which it is logged.
        event: what every line says.
    """

    def __init__(self, logger: str, event: str) -> None:
        self._logger = logging.getLogger(logger)
        self._event = event

    def write(self, level: int, fields: Mapping[str, str | float | None]) -> None:
        """Write one line."""
        if not self._logger.isEnabledFor(level):
            return
        line: dict[str, Any] = {
            **fields,
            "event": self._event,
            "level": logging.getLevelName(level).lower(),
            "logger": self._logger.name,
            "service": _Service.of_process,
            "time": f"{_CLOCK.now().replace(tzinfo=None).isoformat(timespec='microseconds')}Z",
        }
        _with_trace(None, "", line)
        record = logging.LogRecord(self._logger.name, level, __file__, 0, self._event, None, None)
        record.cchc_line = line
        self._logger.handle(record)


class _Formatter(structlog.stdlib.ProcessorFormatter):
    def format(self, record: logging.LogRecord) -> str:
        line = getattr(record, "cchc_line", None)
        if line is None:
            return super().format(record)
        return json.dumps(line, ensure_ascii=False, sort_keys=True)


def structure_events(service: str) -> None:
    """Give our own events their form in a process that keeps its own log handlers, as tests do."""
    if not structlog.is_configured():
        _configure_structlog(service)


def _configure_structlog(service: str) -> None:
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_processors(service),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _processors(service: str) -> list[Processor]:
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _with_trace,
        _with_places,
        without_personal_data,
        _Service(service),
    ]


def without_personal_data(_logger: object, _method: str, event: Event) -> Event:
    """Remove fields whose names say that they may hold personal data or secrets, at any depth."""
    for name in list(event):
        if name != "event" and _is_personal(name):
            del event[name]
        else:
            event[name] = _cleaned(event[name])
    return event


def _is_personal(name: str) -> bool:
    return not _PERSONAL.isdisjoint(name.lower().replace("-", "_").replace(".", "_").split("_"))


def _cleaned(value: Any) -> Any:  # noqa: ANN401 -- whatever somebody logs
    if isinstance(value, dict):
        return {name: _cleaned(inner) for name, inner in value.items() if not _is_personal(str(name))}
    if isinstance(value, list | tuple):
        return [_cleaned(inner) for inner in value]
    return value


def _with_trace(_logger: object, _method: str, event: Event) -> Event:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event


def _with_places(_logger: object, _method: str, event: Event) -> Event:
    """Replace an exception by its type and where it went through, innermost last."""
    found = event.pop("exc_info", None)
    error = sys.exc_info()[1] if found is True else found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)[-_MOST_FRAMES:]
        event["error_type"] = f"{type(error).__module__}.{type(error).__qualname__}"
        event["error_places"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        if error.__cause__ is not None:
            event["error_cause"] = f"{type(error.__cause__).__module__}.{type(error.__cause__).__qualname__}"
    return event


class _Service:
    of_process: ClassVar[str | None] = None

    def __init__(self, service: str) -> None:
        self._service = _Service.of_process = service

    def __call__(self, _logger: object, _method: str, event: Event) -> Event:
        event["service"] = self._service
        return event


def _shown(value: object) -> str:
    return f"<{type(value).__qualname__}>" if not isinstance(value, BaseException) else type(value).__qualname__
