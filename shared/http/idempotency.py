"""Idempotency-Key: a caller may send a write again and gets the first answer (see shared.database.idempotency)."""

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Annotated, Final

from fastapi import Depends, Header
from starlette.requests import Request

from shared.database.idempotency import RequestKey
from shared.http.caller import Caller, CallerDep

_HEADER: Final = "idempotency-key"
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]{1,200}")


class BadIdempotencyKey(Exception):  # noqa: N818 -- errors say the refusal
    """The header is empty, too long, not printable ASCII, or there twice (HTTP 400)."""


async def idempotency_key(
    request: Request,
    caller: CallerDep,
    documented: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="Khoá do người gọi đặt; gửi lại cùng khoá được cùng câu trả lời.",
            json_schema_extra={"minLength": 1, "maxLength": 200, "pattern": r"^[\x20-\x7e]*[\x21-\x7e][\x20-\x7e]*$"},
        ),
    ] = None,
) -> RequestKey | None:
    """Return the caller's key with the fingerprint (SHA-256) of method, path, query and body; None without a header.

    Raises:
        BadIdempotencyKey: the key is not usable.
    """
    del documented  # stands in the signature for the API document
    key = _key(request)
    if key is None:
        return None
    parts = (request.url.path.encode(), request.url.query.encode(), *await _body(request))
    return RequestKey(caller=caller.subject, key=key, request_sha256=_fingerprint(request.method, parts))


def key_of_plain_request(request: Request, caller: Caller, body: bytes) -> RequestKey | None:
    """Return the same as `idempotency_key`, for a request without query parameters whose body is no form.

    Raises:
        BadIdempotencyKey: the key is not usable.
    """
    key = _key(request)
    if key is None:
        return None
    parts = (request.scope["path"].encode(), b"", body)
    return RequestKey(caller=caller.subject, key=key, request_sha256=_fingerprint(request.method, parts))


def _key(request: Request) -> str | None:
    keys = request.headers.getlist(_HEADER)
    if not keys:
        return None
    if len(keys) > 1 or _PRINTABLE.fullmatch(keys[0]) is None or not keys[0].strip():
        raise BadIdempotencyKey
    return keys[0]


def _fingerprint(method: str, parts: Iterable[bytes]) -> bytes:
    digest = sha256()
    for part in (method.encode(), *parts):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


async def _body(request: Request) -> list[bytes]:
    """Return what the body says. A form is taken by its fields: its boundary differs each time it is sent."""
    try:
        return [await request.body()]
    except RuntimeError:  # the framework has read it as a form already
        pass
    parts: list[bytes] = []
    for name, value in (await request.form()).multi_items():
        parts.append(name.encode())
        if isinstance(value, str):
            parts.append(value.encode())
        else:
            parts += [(value.filename or "").encode(), await value.read()]
            await value.seek(0)
    return parts


IdempotencyKeyDep = Annotated[RequestKey | None, Depends(idempotency_key)]
