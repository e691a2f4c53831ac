"""Programmes with their fields."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.plans import queries
from services.plans.api.schemas import ProgrammeListAnswer

router = APIRouter(prefix="/v1/programmes", tags=["programmes"])


@router.get("", summary="Các chương trình và lĩnh vực", response_model=ProgrammeListAnswer)
async def list_programmes(request: Request) -> Response:
    """Mọi chương trình kèm danh sách lĩnh vực theo thứ tự, mới nhất trước."""
    return JSONResponse({"items": await queries.list_programmes(request.app.state.engine), "next": None})
