"""What the parts of a worker say about themselves, in `worker_status`; readiness and `cchc ps` read it."""

import re
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import func, or_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database.tables import worker_status

State = Literal["running", "retrying", "halted", "stopped"]


@dataclass
class Status:
    """How one part is; `silent` while another process does its work."""

    part: str
    state: State = "running"
    detail: str = ""
    silent: bool = False

    def set(self, state: State, detail: str = "") -> None:
        self.state, self.detail, self.silent = state, detail, False


async def write_status(engine: AsyncEngine, status: Status, *, force: bool = False) -> None:
    """Write the row of `status.part` with the database's time.

    A halted part stays visible for as long as its process beats, though another worker's part of that name runs;
    `force` is for the process that stops or starts.

    Raises:
        sqlalchemy.exc.DBAPIError: the database does not answer.
    """
    if status.silent:
        return
    row = {"state": status.state, "detail": status.detail, "beat_at": func.clock_timestamp()}
    written = insert(worker_status).values(part=status.part, **row)
    stays = worker_status.c.state == "halted"
    stale = worker_status.c.beat_at < func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, 10)
    statement = written.on_conflict_do_update(
        index_elements=["part"],
        set_=row,
        where=None if force else or_(~stays, stale, written.excluded.state == "halted"),
    )
    async with engine.begin() as connection:
        await connection.execute(statement)


def kind_of(error: BaseException) -> str:
    """Return what may be shown of an error: the names of its classes and the SQLSTATE, none of its text."""
    names = [type(error).__name__]
    origin = getattr(error, "orig", None) or error.__cause__
    if origin is not None and type(origin).__name__ not in names:
        names.append(type(origin).__name__)
    state = getattr(origin, "sqlstate", None)
    if isinstance(state, str) and re.fullmatch(r"[0-9A-Z]{5}", state):
        names.append(state)
    return " / ".join(names)
