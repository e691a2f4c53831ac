"""Webhook endpoints: register, change, delete, new key, test, recover; and what can be subscribed to."""

import json
from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from services.reporting import handlers, queries
from services.reporting.api.dependencies import AskDep, DeskDep, EngineDep, ViewerDep
from services.reporting.api.webhook_answers import (
    EndpointAnswer,
    EndpointListAnswer,
    EndpointWithKeyAnswer,
    EventTypeAnswer,
    EventTypeListAnswer,
    RecoveryAnswer,
    SentAnswer,
)
from services.reporting.api.webhook_schemas import (
    EndpointPatch,
    EndpointRequest,
    RecoveryRequest,
    RotationRequest,
    TestRequest,
)
from services.reporting.domain.webhooks.endpoint import EndpointState
from shared.contracts.webhooks import WEBHOOKS
from shared.database.idempotency import StoredAnswer
from shared.http.paging import (
    DEFAULT_PAGE_LIMIT,
    BadCursor,
    CursorParameter,
    PageLimit,
    decode_cursor,
    encode_cursor,
)
from shared.http.preconditions import entity_tag

router = APIRouter(tags=["webhooks"])
PLACE = "/v1/webhook-endpoints"
ONE = PLACE + "/{endpoint_id}"


@router.post(PLACE, summary="Đăng ký địa chỉ nhận webhook", response_model=EndpointWithKeyAnswer, status_code=201)
async def create_webhook_endpoint(desk: DeskDep, ask: AskDep, body: EndpointRequest) -> Response:
    """Bí mật chỉ hiện trong câu trả lời này và được cất dưới dạng mã hoá.

    Gửi lại cùng `Idempotency-Key` trong một ngày thì được đúng câu trả lời đầu, kể cả bí mật; sau đó `secret` là null,
    ai làm mất thì đổi khoá.
    """
    return _told(await handlers.create_endpoint(desk, ask, body.new_endpoint()))


@router.get(PLACE, summary="Các địa chỉ nhận webhook", response_model=EndpointListAnswer)
async def list_webhook_endpoints(
    *,
    viewer: ViewerDep,
    engine: EngineDep,
    desk: DeskDep,
    state: EndpointState | None = None,
    cursor: CursorParameter = None,
    limit: PageLimit = DEFAULT_PAGE_LIMIT,
) -> Response:
    """Của cơ quan mình, mới nhất trước; quản trị thấy của mọi cơ quan trong phạm vi."""
    page = queries.Page(position_of(cursor), limit)
    items, following = await queries.list_endpoints(engine, desk, viewer, state, page)
    return JSONResponse({"items": items, "next": None if following is None else encode_cursor([str(following)])})


@router.get(ONE, summary="Một địa chỉ nhận webhook", response_model=EndpointAnswer)
async def get_webhook_endpoint(endpoint_id: UUID, viewer: ViewerDep, engine: EngineDep, desk: DeskDep) -> Response:
    """Với tình trạng gửi và các khoá đang ký; bí mật không hiện lại."""
    found = await queries.get_endpoint(engine, desk, viewer, endpoint_id)
    return JSONResponse(found, headers=entity_tag(found["version"]))


@router.patch(ONE, summary="Sửa, tạm dừng hoặc bật lại", response_model=EndpointAnswer)
async def change_webhook_endpoint(desk: DeskDep, ask: AskDep, endpoint_id: UUID, body: EndpointPatch) -> Response:
    """Bật lại thì những gì còn chờ được gửi; những gì đã hỏng thì dùng `/recover`."""
    return _told(await handlers.change_endpoint(desk, ask, endpoint_id, body.change()))


@router.delete(ONE, summary="Xoá địa chỉ nhận webhook", status_code=204)
async def delete_webhook_endpoint(desk: DeskDep, ask: AskDep, endpoint_id: UUID) -> Response:
    """Xoá cả khoá, các lần gửi và nhật ký của nó."""
    answer = await handlers.delete_endpoint(desk, ask, endpoint_id)
    return Response(status_code=answer.status)


@router.post(ONE + "/rotate", summary="Đổi khoá ký", response_model=EndpointWithKeyAnswer)
async def rotate_webhook_key(desk: DeskDep, ask: AskDep, endpoint_id: UUID, body: RotationRequest) -> Response:
    """Khoá mới hiện một lần; trong thời gian gối đầu, cả khoá cũ và khoá mới cùng ký."""
    overlap = None if body.overlap_hours is None else timedelta(hours=body.overlap_hours)
    return _told(await handlers.rotate_key(desk, ask, endpoint_id, overlap))


@router.post(ONE + "/test", summary="Gửi thử một sự kiện mẫu", response_model=SentAnswer, status_code=202)
async def send_test_webhook(desk: DeskDep, ask: AskDep, endpoint_id: UUID, body: TestRequest) -> Response:
    """Đi như mọi lần gửi khác, với mã sự kiện riêng; xem kết quả ở `/v1/webhook-deliveries/{delivery_id}`."""
    answer = await handlers.send_test(desk, ask, endpoint_id, body.event_type)
    return JSONResponse(answer.body, status_code=answer.status)


@router.post(ONE + "/recover", summary="Gửi lại mọi lần đã hỏng", response_model=RecoveryAnswer, status_code=202)
async def recover_webhook_deliveries(desk: DeskDep, ask: AskDep, endpoint_id: UUID, body: RecoveryRequest) -> Response:
    """Mọi lần gửi bị coi là hỏng từ `since` được chờ gửi lại, tất cả hoặc không lần nào."""
    answer = await handlers.recover_deliveries(desk, ask, endpoint_id, body.since)
    return JSONResponse(answer.body, status_code=answer.status)


@router.get("/v1/webhook-event-types", summary="Các loại sự kiện đăng ký được")
async def list_webhook_event_types() -> EventTypeListAnswer:
    """Loại, nghĩa, và nội dung mẫu đúng như sẽ gửi."""
    return EventTypeListAnswer(
        items=[
            EventTypeAnswer(type=kind, description=webhook.description, sample=json.loads(webhook.sample().body))
            for kind, webhook in WEBHOOKS.items()
        ]
    )


def position_of(cursor: str | None) -> UUID | None:
    """Return the endpoint after which a page begins.

    Raises:
        BadCursor: it is no cursor of such a list.
    """
    match decode_cursor(cursor, (str,)):
        case None:
            return None
        case (str(last),):
            try:
                return UUID(last)
            except ValueError as error:
                raise BadCursor from error
        case _:
            raise BadCursor


def _told(answer: StoredAnswer) -> Response:
    return JSONResponse(answer.body, status_code=answer.status, headers=entity_tag(answer.body["version"]))
