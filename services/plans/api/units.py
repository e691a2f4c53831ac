"""Units: list, one, add or change."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.plans import handlers, queries
from services.plans.api.dependencies import AskDep, DeskDep
from services.plans.api.schemas import UnitAnswer, UnitListAnswer, UnitRequest
from services.plans.domain.unit import Unit, UnitKind
from shared.http.models import QueryText
from shared.http.paging import DEFAULT_PAGE_LIMIT, CursorParameter, PageLimit, decode_cursor, encode_cursor
from shared.http.preconditions import entity_tag

router = APIRouter(prefix="/v1/units", tags=["units"])


@router.get("", summary="Danh mục đơn vị", response_model=UnitListAnswer)
async def list_units(
    *,
    request: Request,
    search: Annotated[
        QueryText | None, Query(max_length=200, description="Một phần tên hoặc mã; không phân biệt dấu, hoa thường.")
    ] = None,
    kind: UnitKind | None = None,
    parent: Annotated[QueryText | None, Query(max_length=32, description="Mã đơn vị cấp trên trực tiếp.")] = None,
    cursor: CursorParameter = None,
    limit: PageLimit = DEFAULT_PAGE_LIMIT,
) -> Response:
    """Mọi đơn vị, kể cả đơn vị đã kết thúc hoạt động, theo thứ tự mã."""
    position = decode_cursor(cursor, (str,))
    after = None if position is None else str(position[0])
    wanted = queries.UnitFilter(search=search, kind=kind, parent=parent)
    items, following = await queries.list_units(request.app.state.engine, wanted, after=after, limit=limit)
    return JSONResponse({"items": items, "next": None if following is None else encode_cursor([following])})


@router.get("/{code}", summary="Một đơn vị", response_model=UnitAnswer)
async def get_unit(request: Request, code: QueryText) -> Response:
    """Trả kèm ETag là phiên bản của đơn vị."""
    found = await queries.get_unit(request.app.state.engine, code)
    return JSONResponse(found, headers=entity_tag(found["version"]))


@router.post(
    "",
    summary="Thêm hoặc sửa một đơn vị",
    response_model=UnitAnswer,
    status_code=201,
    responses={200: {"model": UnitAnswer, "description": "Đã sửa, hoặc không có gì thay đổi"}},
)
async def change_unit(desk: DeskDep, ask: AskDep, body: UnitRequest) -> Response:
    """Ghi toàn bộ trạng thái mới của đơn vị: 201 khi thêm, 200 khi sửa."""
    unit = Unit(
        code=body.code,
        name=body.name,
        kind=body.kind,
        parent=body.parent,
        valid_from=body.valid_from,
        valid_to=body.valid_to,
        successors=body.successors,
        aliases=body.aliases,
    )
    answer = await handlers.change_unit(desk, ask, unit)
    return JSONResponse(answer.body, status_code=answer.status, headers=entity_tag(answer.body["version"]))
