"""The working calendar: what is known of a year; setting a day and taking it back."""

import datetime as dt
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from services.tasks import handlers, queries
from services.tasks.api.dependencies import ActorDep
from services.tasks.api.schemas import CalendarAnswer, CalendarDayAnswer, CalendarDayRequest
from services.tasks.domain.calendar import CalendarDay, DaySource
from services.tasks.handlers import CalendarDesk
from shared.http.models import QueryDay

FIRST_YEAR, LAST_YEAR = 2000, 2100

router = APIRouter(prefix="/v1/calendar/days", tags=["calendar"])

Day = Annotated[QueryDay, Field(ge=dt.date(FIRST_YEAR, 1, 1), le=dt.date(LAST_YEAR, 12, 31))]


def calendar_desk(request: Request) -> CalendarDesk:
    """Return what the calendar is written with."""
    desk = request.app.state.calendar
    if not isinstance(desk, CalendarDesk):
        raise TypeError("the application has no calendar")
    return desk


DeskDep = Annotated[CalendarDesk, Depends(calendar_desk)]


@router.get("", summary="Lịch làm việc của một năm")
async def list_calendar_days(
    request: Request, year: Annotated[int, Query(ge=FIRST_YEAR, le=LAST_YEAR)]
) -> CalendarAnswer:
    """Ngày lễ, nghỉ bù, hoán đổi đã công bố và những ngày cơ quan đặt riêng, theo thứ tự ngày."""
    found = await queries.list_calendar_days(request.app.state.engine, year)
    return CalendarAnswer(year=year, items=[_answer(day) for day in found])


@router.put("/{day}", summary="Đặt một ngày làm việc hoặc nghỉ")
async def set_calendar_day(desk: DeskDep, actor: ActorDep, day: Day, body: CalendarDayRequest) -> CalendarDayAnswer:
    """Thay cho ngày lễ theo luật và cho lần đặt trước; nhắc việc tính theo từ lúc này, nhắc đã gửi không đổi."""
    wanted = CalendarDay(day, is_working=body.is_working, name=body.name, source=DaySource.OFFICE)
    await handlers.set_calendar_day(desk, subject=actor.subject, day=wanted)
    return _answer(wanted)


@router.delete("/{day}", summary="Bỏ ngày đã đặt", status_code=204)
async def remove_calendar_day(desk: DeskDep, day: Day) -> Response:
    """Ngày đó lại theo luật và theo thứ của nó."""
    await handlers.remove_calendar_day(desk, day=day)
    return Response(status_code=204)


def _answer(day: CalendarDay) -> CalendarDayAnswer:
    return CalendarDayAnswer(**asdict(day))
