"""Notices to owners of webhook endpoints, by another way than the webhooks themselves."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from starlette.responses import JSONResponse, Response

from services.reporting import handlers, queries
from services.reporting.api.dependencies import AskDep, DeskDep, EngineDep, ViewerDep
from services.reporting.api.webhook_answers import NoticeListAnswer, SeenAnswer
from services.reporting.domain.errors import NoticeNotFound
from shared.http.paging import DEFAULT_PAGE_LIMIT, BadCursor, CursorParameter, PageLimit, decode_cursor, encode_cursor

router = APIRouter(prefix="/v1/notices", tags=["notices"])

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NoticeId = Annotated[
    str,
    Path(
        pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[0-9]{1,17}$",
        max_length=54,
        description="Như trong danh sách.",
    ),
]


@router.get("", summary="Thông báo cho chủ sở hữu", response_model=NoticeListAnswer)
async def list_notices(
    *,
    viewer: ViewerDep,
    engine: EngineDep,
    unseen: Annotated[bool, Query(description="Chỉ thông báo chưa xem.")] = False,
    cursor: CursorParameter = None,
    limit: PageLimit = DEFAULT_PAGE_LIMIT,
) -> Response:
    """Mới nhất trước: địa chỉ nào đã bị tắt và vì sao."""
    items, following = await queries.list_notices(engine, viewer, unseen=unseen, before=_position(cursor), limit=limit)
    shown = None if following is None else encode_cursor([following[0].isoformat(), str(following[1])])
    return JSONResponse({"items": items, "next": shown})


@router.post("/{notice_id}/seen", summary="Đã xem", response_model=SeenAnswer)
async def see_notice(notice_id: NoticeId, desk: DeskDep, ask: AskDep) -> Response:
    """Lần xem đầu tiên được ghi lại; chỉ người hoặc cơ quan được báo mới ghi nhận được."""
    answer = await handlers.see_notice(desk, ask, *_parts(notice_id))
    return JSONResponse(answer.body, status_code=answer.status)


def _parts(notice_id: str) -> tuple[UUID, datetime]:
    endpoint, _, moment = notice_id.partition(".")
    try:
        return UUID(endpoint), _EPOCH + timedelta(microseconds=int(moment))
    except (ValueError, OverflowError) as error:
        raise NoticeNotFound from error


def _position(cursor: str | None) -> tuple[datetime, UUID] | None:
    match decode_cursor(cursor, (str, str)):
        case None:
            return None
        case (str(moment), str(endpoint)):
            try:
                at = datetime.fromisoformat(moment).astimezone(UTC)
                return at, UUID(endpoint)
            except (ValueError, OverflowError) as error:
                raise BadCursor from error
        case _:
            raise BadCursor
