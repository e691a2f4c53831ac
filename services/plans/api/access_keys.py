"""Access keys of departments' programs: make, list, revoke. None is ever changed."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.plans import handlers, queries
from services.plans.api.dependencies import AskDep, DeskDep, ScopeDep
from services.plans.api.schemas import AccessKeyCreatedAnswer, AccessKeyListAnswer, AccessKeyRequest
from shared.access_keys import Verb
from shared.http.caller import CallerDep
from shared.http.models import QueryText
from shared.http.paging import (
    DEFAULT_PAGE_LIMIT,
    BadCursor,
    CursorParameter,
    PageLimit,
    decode_cursor,
    encode_cursor,
)

router = APIRouter(prefix="/v1/access-keys", tags=["access-keys"])


@router.post("", summary="Cấp khóa truy cập", response_model=AccessKeyCreatedAnswer, status_code=201)
async def create_access_key(desk: DeskDep, ask: AskDep, caller: CallerDep, body: AccessKeyRequest) -> Response:
    """Cấp khóa cho phần mềm của một đơn vị trong phạm vi của người gọi.

    Khóa chỉ hiện một lần; gửi lại cùng Idempotency-Key thì `key` là null.
    """
    wanted = handlers.NewKey(
        name=body.name,
        unit=body.unit,
        verbs=frozenset(Verb(verb) for verb in body.verbs),
        expires_on=body.expires_on,
    )
    answer = await handlers.create_access_key(desk, ask, wanted, by=caller.subject)
    return JSONResponse(answer.body, status_code=answer.status)


@router.get("", summary="Các khóa truy cập", response_model=AccessKeyListAnswer)
async def list_access_keys(
    *,
    request: Request,
    scope: ScopeDep,
    unit: Annotated[QueryText | None, Query(max_length=32, description="Mã đơn vị của khóa.")] = None,
    cursor: CursorParameter = None,
    limit: PageLimit = DEFAULT_PAGE_LIMIT,
) -> Response:
    """Khóa của các đơn vị trong phạm vi của người gọi, kể cả khóa đã thu hồi, cũ nhất trước; không có nội dung khóa."""
    items, following = await queries.list_access_keys(
        request.app.state.engine, scope, unit=unit, after=_position(cursor), limit=limit
    )
    return JSONResponse({"items": items, "next": None if following is None else encode_cursor([str(following)])})


@router.delete("/{key_id}", summary="Thu hồi khóa truy cập", status_code=204)
async def revoke_access_key(desk: DeskDep, scope: ScopeDep, caller: CallerDep, key_id: UUID) -> Response:
    """Thu hồi vĩnh viễn; mọi dịch vụ từ chối khóa trong vòng vài giây. Thu hồi lại lần nữa không đổi gì."""
    await handlers.revoke_access_key(desk, handlers.Ask(scope), key_id, by=caller.subject)
    return Response(status_code=204)


def _position(cursor: str | None) -> UUID | None:
    position = decode_cursor(cursor, (str,))
    try:
        return None if position is None else UUID(str(position[0]))
    except ValueError as error:
        raise BadCursor from error
