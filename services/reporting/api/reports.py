"""Reports: draft, edit, issue, read, explain."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query
from starlette.responses import JSONResponse, Response

from services.reporting import handlers, queries
from services.reporting.api.answers import FigureAnswer, FullReportAnswer, ReportAnswer, ReportListAnswer
from services.reporting.api.dependencies import AskDep, DeskDep, EngineDep, ViewerDep
from services.reporting.api.schemas import (
    IssueRequest,
    NarrativeRequest,
    ReportRequest,
)
from services.reporting.domain.method import Method
from services.reporting.domain.periods import by_hand
from services.reporting.domain.report import ReportState
from shared.database.idempotency import StoredAnswer
from shared.http.api_document import refusal
from shared.http.models import QueryText
from shared.http.paging import (
    DEFAULT_PAGE_LIMIT,
    BadCursor,
    CursorParameter,
    PageLimit,
    decode_cursor,
    encode_cursor,
)

router = APIRouter(prefix="/v1/reports", tags=["reports"])

MEDIA_TYPES = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "json": "application/json",
}


@router.post("", summary="Lập dự thảo báo cáo", response_model=ReportAnswer, status_code=201)
async def create_report(desk: DeskDep, ask: AskDep, body: ReportRequest) -> Response:
    """Số liệu của dự thảo luôn là số liệu hiện có, cho đến khi phát hành."""
    draft = handlers.Draft(
        plan_id=body.plan_id,
        period=by_hand(body.period.name, body.period.from_, body.period.to),
        method=Method(body.method or desk.method.standing_tasks, body.rounding or desk.method.rounding),
        session_id=body.session_id,
        corrects=body.corrects,
    )
    return _answer(await handlers.create_report(desk, ask, draft))


@router.get("", summary="Danh sách báo cáo", response_model=ReportListAnswer)
async def list_reports(
    *,
    viewer: ViewerDep,
    engine: EngineDep,
    plan_id: UUID | None = None,
    state: ReportState | None = None,
    cursor: CursorParameter = None,
    limit: PageLimit = DEFAULT_PAGE_LIMIT,
) -> Response:
    """Báo cáo trong phạm vi của người gọi, mới nhất trước; đơn vị chủ trì chỉ thấy báo cáo đã phát hành."""
    wanted = queries.ReportFilter(plan_id=plan_id, state=state)
    items, following = await queries.list_reports(engine, viewer, wanted, before=_position(cursor), limit=limit)
    return JSONResponse({"items": items, "next": None if following is None else encode_cursor([str(following)])})


@router.get("/{report_id}", summary="Một báo cáo với số liệu", response_model=FullReportAnswer)
async def get_report(report_id: UUID, viewer: ViewerDep, desk: DeskDep, engine: EngineDep) -> Response:
    """Dự thảo: số liệu hiện có. Đã phát hành: số liệu đã chốt, kèm những gì biết sau khi phát hành (`errata`)."""
    found = await queries.get_report(engine, desk, viewer, report_id)
    return JSONResponse(found, headers=_tag(found["version"]))


@router.patch("/{report_id}", summary="Sửa các mục do người viết", response_model=ReportAnswer)
async def edit_report(desk: DeskDep, ask: AskDep, report_id: UUID, body: NarrativeRequest) -> Response:
    """Chỉ mục được gửi mới thay đổi; báo cáo đã phát hành thì không sửa được."""
    return _answer(await handlers.edit_report(desk, ask, report_id, body.sections()))


@router.post("/{report_id}/issue", summary="Phát hành báo cáo", response_model=ReportAnswer)
async def issue_report(desk: DeskDep, ask: AskDep, report_id: UUID, body: IssueRequest) -> Response:
    """Chốt số liệu và văn bản dưới một số, ký hiệu; từ đó không thay đổi nữa."""
    answer = await handlers.issue_report(desk, ask, report_id, body.document.document(), tuple(body.document.signature))
    return _answer(answer)


@router.get(
    "/{report_id}/document",
    summary="Văn bản báo cáo",
    response_class=Response,
    responses={
        200: {"content": {media: {} for media in MEDIA_TYPES.values()}},
        304: {"description": "Không đổi"},
        **refusal(406, "Báo cáo không có bản theo định dạng này"),
    },
)
async def get_document(
    *,
    report_id: UUID,
    viewer: ViewerDep,
    desk: DeskDep,
    engine: EngineDep,
    file_format: Annotated[QueryText, Query(alias="format", max_length=20, description="`docx` hoặc `json`.")] = "docx",
    if_none_match: Annotated[str | None, Header(max_length=500)] = None,
) -> Response:
    """Bản đã phát hành có ETag là SHA-256 của chính nó; bản dự thảo mang chữ DỰ THẢO."""
    found = await queries.get_document(engine, desk, viewer, report_id, file_format)
    headers = {} if found.sha256 is None else {"ETag": f'"{found.sha256}"'}
    if found.sha256 is not None and if_none_match is not None and headers["ETag"] in if_none_match:
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = f'attachment; filename="bao-cao-{report_id}.{found.format}"'
    return Response(found.body, media_type=MEDIA_TYPES[found.format], headers=headers)


@router.get("/{report_id}/figures/{figure_id}", summary="Giải thích một số liệu", response_model=FigureAnswer)
async def explain_figure(
    report_id: UUID,
    figure_id: Annotated[
        QueryText, Path(max_length=200, description="`done`, `done_of_total`, `field.I.done`, `unit.TV-SNV.overdue`...")
    ],
    viewer: ViewerDep,
    desk: DeskDep,
    engine: EngineDep,
) -> Response:
    """Công thức, điều kiện lọc, và những nhiệm vụ được tính với sự kiện và minh chứng của chúng."""
    return JSONResponse(await queries.explain_figure(engine, desk, viewer, report_id, figure_id))


def _answer(answer: StoredAnswer) -> Response:
    return JSONResponse(answer.body, status_code=answer.status, headers=_tag(answer.body["version"]))


def _tag(version: object) -> dict[str, str]:
    return {"ETag": f'"{version}"'}


def _position(cursor: str | None) -> UUID | None:
    match decode_cursor(cursor, (str,)):
        case None:
            return None
        case (str(report),):
            try:
                return UUID(report)
            except ValueError as error:
                raise BadCursor from error
        case _:
            raise BadCursor
