"""Figures of a plan, and the periods that schemes define."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime
from starlette.responses import JSONResponse, Response

from services.reporting import queries
from services.reporting.api.answers import PeriodListAnswer, ProgressAnswer, SchemePeriodAnswer
from services.reporting.api.dependencies import DeskDep, EngineDep, ViewerDep
from services.reporting.api.schemas import (
    FIRST_DAY,
    FIRST_MOMENT,
    LAST_DAY,
    Day,
)
from services.reporting.domain.method import Method, Rounding, StandingTasks
from services.reporting.domain.periods import Scheme, periods
from shared.clock import vietnam_date

router = APIRouter(tags=["progress"])


@router.get("/v1/plans/{plan_id}/progress", summary="Số liệu thực hiện kế hoạch", response_model=ProgressAnswer)
async def get_progress(
    *,
    plan_id: UUID,
    viewer: ViewerDep,
    desk: DeskDep,
    engine: EngineDep,
    cutoff: Annotated[Day | None, Query(description="Ngày chốt số liệu; mặc định hôm nay (giờ Việt Nam).")] = None,
    as_of: Annotated[
        AwareDatetime | None,
        Query(ge=FIRST_MOMENT, description="Thời điểm ghi nhận, có múi giờ; mặc định hiện tại."),
    ] = None,
    method: Annotated[StandingTasks | None, Query(description="Cách tính nhiệm vụ thường xuyên, định kỳ.")] = None,
    rounding: Annotated[Rounding | None, Query(description="Cách lấy hai chữ số thập phân.")] = None,
) -> Response:
    """Số liệu đến hết ngày `cutoff`, theo những gì đã ghi nhận đến thời điểm `as_of`."""
    now = desk.clock.now()
    asked = queries.Question(
        cutoff=cutoff or vietnam_date(now),
        as_of=as_of or now,
        method=Method(method or desk.method.standing_tasks, rounding or desk.method.rounding),
    )
    return JSONResponse(await queries.progress(engine, desk, viewer, plan_id, asked))


@router.get("/v1/periods", summary="Các kỳ báo cáo của một năm")
async def list_periods(
    year: Annotated[int, Query(ge=FIRST_DAY.year + 1, le=LAST_DAY.year)],
    scheme: Annotated[Scheme, Query(description="Bộ quy tắc: nghị định, Bộ Nội vụ, dương lịch.")] = Scheme.DECREE,
) -> PeriodListAnswer:
    """Khoảng ngày, ngày chốt và hạn gửi theo từng bộ quy tắc; kỳ lập tay không có ở đây."""
    items = [
        SchemePeriodAnswer.model_validate(
            {
                "code": found.code,
                "name": found.name,
                "from": found.from_,
                "to": found.to,
                "send_by": found.send_by,
                "scheme": found.scheme,
            }
        )
        for found in periods(scheme, year)
    ]
    return PeriodListAnswer(items=items)
