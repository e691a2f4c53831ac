"""The ceiling of O1: bare FastAPI and asyncpg, the same rows of a completion written by one statement, nothing checked.

Run as `python -m tests.bench.ceiling_server DSN PORT`.
"""

import sys
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import uvicorn
from fastapi import FastAPI, Request
from pydantic import BaseModel

SCHEMA = """
CREATE TABLE task (id int PRIMARY KEY, state text NOT NULL DEFAULT 'not_started', version int NOT NULL DEFAULT 1);
CREATE TABLE completion (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, task_id int NOT NULL,
  completed_on date NOT NULL, evidence jsonb NOT NULL, recorded_at timestamptz NOT NULL DEFAULT now());
CREATE UNIQUE INDEX ON completion (task_id);
CREATE TABLE history (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, task_id int NOT NULL, kind text NOT NULL,
  payload jsonb NOT NULL, recorded_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON history (task_id);
CREATE TABLE outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(), topic text NOT NULL, key text NOT NULL,
  headers jsonb NOT NULL, value bytea NOT NULL, published_at timestamptz);
CREATE INDEX ON outbox (id) WHERE published_at IS NULL;
CREATE TABLE idempotency (caller text, key text, request_sha256 bytea NOT NULL, answer jsonb NOT NULL,
  PRIMARY KEY (caller, key));
"""

STATEMENT = """
WITH changed AS (
  UPDATE task SET state = 'awaiting', version = version + 1 WHERE id = $1 AND state = 'not_started' RETURNING id),
completed AS (
  INSERT INTO completion (task_id, completed_on, evidence) SELECT id, $2::text::date, $3 FROM changed RETURNING id),
told AS (INSERT INTO history (task_id, kind, payload) SELECT id, 'completed', $3 FROM changed),
sent AS (
  INSERT INTO outbox (topic, key, headers, value) SELECT 't', id::text, '{"ce_type": "completed"}', $4 FROM changed),
kept AS (
  INSERT INTO idempotency (caller, key, request_sha256, answer) SELECT 'caller', $5, sha256($4), '{}' FROM changed)
SELECT id FROM completed
"""


class Completion(BaseModel):
    """The request of model.md."""

    completed_on: str
    evidence: list[dict[str, Any]]
    note: str | None = None


def create_app(dsn: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI):  # type: ignore[no-untyped-def] # noqa: ANN202 -- a framework hook
        app.state.pool = await asyncpg.create_pool(dsn, min_size=10, max_size=10)
        yield
        await app.state.pool.close()

    app = FastAPI(lifespan=lifespan)

    @app.post("/v1/tasks/{task_id}/completions", status_code=201)
    async def complete(task_id: int, completion: Completion, request: Request) -> dict[str, int]:
        body = completion.model_dump_json().encode()
        async with request.app.state.pool.acquire() as connection:
            found = await connection.fetchval(
                STATEMENT,
                task_id,
                completion.completed_on,
                body.decode(),
                body,
                request.headers["idempotency-key"],
            )
        return {"completion_id": found}

    return app


if __name__ == "__main__":
    uvicorn.run(create_app(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), access_log=False, log_level="warning")
