"""Problem details (RFC 9457): every refusal has a stable code and a sentence, and never an exception's text."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi.exceptions import RequestValidationError
from opentelemetry import trace
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from shared.http import known_problems as known
from shared.http.database_trouble import is_database_away
from shared.http.field_messages import field_message
from shared.http.language import Language, preferred_language
from shared.http.problem_spec import Problem, ProblemError, ProblemSpec

__all__ = ["Problem", "ProblemError", "ProblemSpec", "problem_handlers", "problem_response"]

MEDIA_TYPE: Final = "application/problem+json"
_MOST_ERRORS: Final = 1000  # an import may name every row of a plan; an attack may not make us write megabytes
_MOST_FIELD_ERRORS: Final = 100
_LONGEST_SEGMENT: Final = 64  # of a pointer: the caller chooses the names of unknown fields
_LONGEST_VALUE: Final = 200

_log = structlog.get_logger(__name__)
Handler = Callable[[Request, Exception], Awaitable[JSONResponse]]


class _Attributes(Mapping[str, object]):
    """An error's attributes, as a format string sees them."""

    def __init__(self, error: object) -> None:
        self._error = error

    def __getitem__(self, name: str) -> object:
        value = getattr(self._error, name)
        return value[:_LONGEST_VALUE] if isinstance(value, str) else value

    def __iter__(self) -> Any:  # noqa: ANN401 -- never iterated; the abstract class asks for it
        return iter(())

    def __len__(self) -> int:
        return 0


def language_of(request: Request) -> Language:
    """Return the language in which to answer."""
    return preferred_language(request.headers.get("accept-language"))


def trace_id() -> str:
    """Return the request's trace id, under which the log tells the rest; zeros outside of a trace."""
    return trace.format_trace_id(trace.get_current_span().get_span_context().trace_id)


def problem_response(
    request: Request,
    spec: ProblemSpec,
    error: object = None,
    *,
    errors: Sequence[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return the answer for `spec`, in the caller's language."""
    language = language_of(request)
    vietnamese = language == "vi"
    title = spec.title_vi if vietnamese else spec.title_en
    try:
        detail = (spec.detail_vi if vietnamese else spec.detail_en).format_map(_Attributes(error))
    except (AttributeError, KeyError, IndexError, ValueError, TypeError):
        _log.exception("problem text does not fit its error", code=spec.code)
        detail = title
    body = _document(spec, title, detail)
    shown = errors or getattr(error, "errors", None)
    if isinstance(shown, Sequence) and shown:
        body["errors"] = [_without_surrogates(dict(entry)) for entry in shown[:_MOST_ERRORS]]
    return JSONResponse(
        _without_surrogates(body),
        status_code=spec.status,
        media_type=MEDIA_TYPE,
        headers={"Content-Language": language, "Vary": "Accept-Language", **spec.headers, **(headers or {})},
    )


def _document(spec: ProblemSpec, title: str, detail: str) -> dict[str, Any]:
    return {
        "type": f"urn:cchc:problem:{spec.code}",
        "title": title,
        "status": spec.status,
        "detail": detail,
        "code": spec.code,
        "instance": f"urn:cchc:trace:{trace_id()}",
    }


def problem_before_any_request(spec: ProblemSpec) -> bytes:
    """Return the whole HTTP/1.1 answer to bytes that never became a request; in Vietnamese, and the last one."""
    answer = JSONResponse(
        _document(spec, spec.title_vi, spec.detail_vi),
        media_type=MEDIA_TYPE,
        headers={"Content-Language": "vi", "Connection": "close"},
    )
    status = HTTPStatus(spec.status)
    head = b"".join(b"%b: %b\r\n" % field for field in answer.raw_headers)
    return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (status, status.phrase.encode(), head, bytes(answer.body))


def _without_surrogates(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.encode(errors="replace").decode() if isinstance(value, str) else value
        for name, value in entry.items()
    }


def problem_handlers(table: Mapping[type[Exception], ProblemSpec]) -> dict[type[Exception], Handler]:
    """Return the exception handlers of a service: its own table, before the ones that all services share.

    A row covers the error's subclasses that have no row of their own.
    """
    rows: dict[type[Exception], ProblemSpec] = {**known.REFUSALS, **table}

    async def tabled(request: Request, error: Exception) -> JSONResponse:
        spec = next(rows[kind] for kind in type(error).__mro__ if kind in rows)
        return problem_response(request, spec, error)

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        found = error.errors() if isinstance(error, RequestValidationError) else []
        if any(entry["loc"] == ("body",) and isinstance(entry.get("input"), bytes) for entry in found):
            return problem_response(request, known.UNSUPPORTED_MEDIA_TYPE)
        language = language_of(request)
        shown = [field_error(entry, language) for entry in found[:_MOST_FIELD_ERRORS]]
        return problem_response(request, known.INVALID_REQUEST, errors=shown)

    async def refused(request: Request, error: Exception) -> JSONResponse:
        status = error.status_code if isinstance(error, HTTPException) else 500
        headers = error.headers if isinstance(error, HTTPException) else None
        return problem_response(request, known.for_status(status), headers=headers)

    async def database(request: Request, error: Exception) -> JSONResponse:
        if not is_database_away(error):
            raise error
        _log.warning("database not available", reason=type(error).__name__)
        return problem_response(request, known.DATABASE_UNAVAILABLE)

    async def unknown(request: Request, error: Exception) -> JSONResponse:
        del error
        return internal_error(request)

    return {
        **dict.fromkeys(rows, tabled),
        RequestValidationError: invalid,
        HTTPException: refused,
        SQLAlchemyError: database,
        OSError: database,  # asyncpg reports a refused or timed-out connection as the system's own error
        Exception: unknown,
    }


@dataclass(frozen=True)
class _Unknown:
    trace_id: str


def internal_error(request: Request) -> JSONResponse:
    """Return the answer to an error that nobody expected: nothing of it but the id to find it by."""
    return problem_response(request, known.INTERNAL_ERROR, _Unknown(trace_id()))


def field_error(entry: Mapping[str, Any], language: Language) -> dict[str, str]:
    """Return what pydantic found wrong, as a pointer, a code and a sentence; without what the caller sent."""
    kind = str(entry["type"])
    location = [] if kind == "json_invalid" else list(entry["loc"])[1:]
    segments = [str(part)[:_LONGEST_SEGMENT].replace("~", "~0").replace("/", "~1") for part in location]
    pointer = "/" + "/".join([str(entry["loc"][0]), *segments]) if entry["loc"] else ""
    context = entry.get("ctx", {})
    return {
        "pointer": pointer,
        "code": kind.replace("_", "-"),
        "message": field_message(kind, context if isinstance(context, Mapping) else {}, language),
    }
