"""Plans: import, issue, list, one."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, Form, Query, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.plans import handlers, queries
from services.plans.adapters.plan_files import MOST_BYTES
from services.plans.api.dependencies import AskDep, DeskDep, ScopeDep, scope_of
from services.plans.api.schemas import ImportAnswer, IssueRequest, PlanAnswer, PlanListAnswer
from services.plans.domain.plan import CountsWhen, Document
from services.plans.domain.plan_import import UnknownUnits
from shared.http.caller import current_caller
from shared.http.models import QueryText
from shared.http.paging import (
    DEFAULT_PAGE_LIMIT,
    BadCursor,
    CursorParameter,
    PageLimit,
    decode_cursor,
    encode_cursor,
)
from shared.http.preconditions import entity_tag
from shared.http.short_way import PLAIN_UUID, ShortRequest, ShortWay

router = APIRouter(prefix="/v1/plans", tags=["plans"])

_FORM_AROUND_FILE = 64 * 1024
"""Bytes that the form's other fields and boundaries may take beside the file."""
_YEARS = (2000, 2100)


@router.post(
    "/import",
    summary="Nhập bảng nhiệm vụ từ tệp",
    response_model=ImportAnswer,
    status_code=201,
    responses={200: {"model": ImportAnswer, "description": "Xem trước (dry_run), không lưu gì"}},
    max_body_size=MOST_BYTES + _FORM_AROUND_FILE,
)
async def import_plan(
    *,
    desk: DeskDep,
    ask: AskDep,
    file: Annotated[UploadFile, File(description="Bảng nhiệm vụ: .xlsx, .csv hoặc .tsv, tối đa 10 MB, 5.000 dòng.")],
    unit: Annotated[QueryText, Form(min_length=1, max_length=32, description="Mã đơn vị ban hành kế hoạch.")],
    year: Annotated[int, Form(ge=_YEARS[0], le=_YEARS[1], description="Năm kế hoạch.")],
    title: Annotated[QueryText, Form(min_length=1, max_length=500, description="Tên kế hoạch.")],
    unknown_units: Annotated[
        UnknownUnits, Form(description="Cơ quan chủ trì chưa có trong danh mục: từ chối hay tự tạo.")
    ] = UnknownUnits.REFUSE,
    programme: Annotated[
        QueryText, Form(min_length=1, max_length=32, description="Mã chương trình, quyết định danh sách lĩnh vực.")
    ] = "NQ76",
    counts_when: Annotated[
        CountsWhen, Form(description="Báo cáo hoàn thành được tính khi đã báo cáo, hay khi đã được xác nhận.")
    ] = CountsWhen.CONFIRMED,
    evidence_required: Annotated[bool, Form(description="Hoàn thành phải có minh chứng.")] = True,
    dry_run: Annotated[bool, Query(description="Chỉ đọc thử và trả kết quả, không lưu gì.")] = False,
) -> Response:
    """Lưu thành kế hoạch dự thảo; tệp có một lỗi cũng không lưu gì và trả mọi lỗi kèm dòng, cột."""
    plan_file = handlers.PlanFile(
        content=await file.read(),
        unit=unit,
        year=year,
        title=title,
        programme=programme,
        unknown_units=unknown_units,
        counts_when=counts_when,
        evidence_required=evidence_required,
    )
    answer = await handlers.import_plan(desk, ask, plan_file, dry_run=dry_run)
    return JSONResponse(answer.body, status_code=answer.status)


@router.post("/{plan_id}/issue", summary="Ban hành kế hoạch", response_model=PlanAnswer)
async def issue_plan(desk: DeskDep, ask: AskDep, plan_id: UUID, body: IssueRequest) -> Response:
    """Ban hành dự thảo theo văn bản; từ đây các đơn vị báo cáo được."""
    document = Document(body.document.number, body.document.issued_on, body.document.signed_by)
    answer = await handlers.issue_plan(desk, ask, plan_id, document)
    return JSONResponse(answer.body, status_code=answer.status, headers=entity_tag(answer.body["version"]))


@router.get("", summary="Danh sách kế hoạch", response_model=PlanListAnswer)
async def list_plans(
    *,
    request: Request,
    scope: ScopeDep,
    unit: Annotated[QueryText | None, Query(max_length=32, description="Mã đơn vị ban hành.")] = None,
    year: Annotated[int | None, Query(ge=_YEARS[0], le=_YEARS[1])] = None,
    cursor: CursorParameter = None,
    limit: PageLimit = DEFAULT_PAGE_LIMIT,
) -> Response:
    """Kế hoạch trong phạm vi của người gọi, năm mới nhất trước."""
    items, following = await queries.list_plans(
        request.app.state.engine,
        scope,
        queries.PlanFilter(unit=unit, year=year),
        after=_position(cursor),
        limit=limit,
    )
    return JSONResponse({"items": items, "next": None if following is None else encode_cursor(following)})


@router.get("/{plan_id}", summary="Một kế hoạch với tiến độ và các nhiệm vụ", response_model=PlanAnswer)
async def get_plan(request: Request, scope: ScopeDep, plan_id: UUID) -> Response:
    """Trả kèm ETag là phiên bản của kế hoạch."""
    document, version = await queries.get_plan(request.app.state.connections, scope, plan_id)
    return Response(document, media_type="application/json", headers=entity_tag(version))


async def get_plan_shortly(asked: ShortRequest) -> Response | None:
    """Do what get_plan does."""
    request, plan_id = asked.request, asked.path["plan_id"]
    if PLAIN_UUID.fullmatch(plan_id) is None:
        return None
    scope = scope_of(await current_caller(request))
    document, version = await queries.get_plan(request.app.state.connections, scope, UUID(plan_id))
    return Response(document, media_type="application/json", headers=entity_tag(version))


SHORT_WAYS: Mapping[str, ShortWay] = {get_plan.__name__: get_plan_shortly}


def _position(cursor: str | None) -> queries.PlanPosition | None:
    match decode_cursor(cursor, (int, str)):
        case None:
            return None
        case (int(year), str(plan)) if _YEARS[0] <= year <= _YEARS[1]:
            try:
                return year, str(UUID(plan))
            except ValueError as error:
                raise BadCursor from error
        case _:
            raise BadCursor
