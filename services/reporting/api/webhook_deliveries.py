"""Deliveries of webhooks with their attempts; one can be sent again."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from starlette.responses import JSONResponse, Response

from services.reporting import handlers, queries
from services.reporting.api.dependencies import AskDep, DeskDep, EngineDep, ViewerDep
from services.reporting.api.webhook_answers import DeliveryListAnswer, FullDeliveryAnswer, SentAnswer
from services.reporting.domain.errors import WebhookDeliveryNotFound
from services.reporting.queries import DeliveryState
from shared.http.paging import DEFAULT_PAGE_LIMIT, BadCursor, CursorParameter, PageLimit, decode_cursor, encode_cursor

router = APIRouter(prefix="/v1/webhook-deliveries", tags=["webhooks"])

_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
DeliveryId = Annotated[
    str,
    Path(
        pattern=rf"^{_UUID}\.{_UUID}$",
        max_length=73,
        description="Như trong danh sách: mã địa chỉ và mã sự kiện, nối bằng dấu chấm.",
    ),
]


@router.get("", summary="Các lần gửi webhook", response_model=DeliveryListAnswer)
async def list_webhook_deliveries(
    *,
    viewer: ViewerDep,
    engine: EngineDep,
    endpoint_id: UUID | None = None,
    state: DeliveryState | None = None,
    cursor: CursorParameter = None,
    limit: PageLimit = DEFAULT_PAGE_LIMIT,
) -> Response:
    """Sự kiện mới nhất trước, mỗi lần gửi kèm các lần gọi."""
    wanted = queries.DeliveryFilter(endpoint_id, state)
    items, following = await queries.list_deliveries(engine, viewer, wanted, after=_position(cursor), limit=limit)
    shown = None if following is None else encode_cursor([str(part) for part in following])
    return JSONResponse({"items": items, "next": shown})


@router.get("/{delivery_id}", summary="Một lần gửi webhook", response_model=FullDeliveryAnswer)
async def get_webhook_delivery(delivery_id: DeliveryId, viewer: ViewerDep, engine: EngineDep) -> Response:
    """Kèm nội dung đã gửi."""
    return JSONResponse(await queries.get_delivery(engine, viewer, *_parts(delivery_id)))


@router.post("/{delivery_id}/resend", summary="Gửi lại", response_model=SentAnswer, status_code=202)
async def resend_webhook_delivery(delivery_id: DeliveryId, desk: DeskDep, ask: AskDep) -> Response:
    """Gửi lại ngay, dù trước đó thành hay hỏng, với cùng mã sự kiện; đang gửi thì để yên."""
    answer = await handlers.resend_delivery(desk, ask, *_parts(delivery_id))
    return JSONResponse(answer.body, status_code=answer.status)


def _parts(delivery_id: str) -> tuple[UUID, UUID]:
    endpoint, _, event = delivery_id.partition(".")
    try:
        return UUID(endpoint), UUID(event)
    except ValueError as error:
        raise WebhookDeliveryNotFound from error


def _position(cursor: str | None) -> tuple[UUID, UUID] | None:
    match decode_cursor(cursor, (str, str)):
        case None:
            return None
        case (str(event), str(endpoint)):
            try:
                return UUID(event), UUID(endpoint)
            except ValueError as error:
                raise BadCursor from error
        case _:
            raise BadCursor
