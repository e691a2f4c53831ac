"""The ceiling of O2: bare FastAPI and asyncpg, the plan's document made by the same SQL; nobody is asked who it is.

Run as `python -m tests.bench.plan_ceiling_server DSN PORT`.
"""

import sys
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import Response

from services.plans.queries import PLAN_DOCUMENT


def create_app(dsn: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI):  # type: ignore[no-untyped-def] # noqa: ANN202 -- a framework hook
        app.state.pool = await asyncpg.create_pool(dsn, min_size=10, max_size=10, ssl=False)
        yield
        await app.state.pool.close()

    app = FastAPI(lifespan=lifespan)

    @app.get("/v1/plans/{plan_id}")
    async def read(plan_id: UUID, request: Request) -> Response:
        async with request.app.state.pool.acquire() as connection:
            row = await connection.fetchrow(PLAN_DOCUMENT, plan_id, None, False)
        return Response(row["document"], media_type="application/json")

    return app


if __name__ == "__main__":
    uvicorn.run(create_app(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), access_log=False, log_level="warning")
