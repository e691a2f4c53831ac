"""What a database has been migrated to, and what this program expects; several histories in one database.

A history is named by the package that owns it:

* `shared.messaging`: the plumbing tables of shared/database/tables.py, in every service's database;
* `shared.messaging.transports`: the PostgreSQL event log, alone in its own database;
* `services.<name>`: one service's tables, on top of the plumbing.

Each has its own version table and its own directory, `<package>/migrations` (`env.py` and `versions/`). A revision is
named as its file, and files follow one another in the order of their numbers: every process asks at its start where
its database stands, and must not need alembic for that, which takes longer to load than the question to answer.
"""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

PLUMBING: Final = "shared.messaging"
LOG: Final = "shared.messaging.transports"


def histories(history: str) -> tuple[str, ...]:
    """Return the histories that `history` needs, in the order in which they run; plumbing comes before a service's."""
    return (history,) if history in {PLUMBING, LOG} else (PLUMBING, history)


def version_table(history: str) -> str:
    """Return the name of the table that holds the history's revision, for example `plans_version`."""
    return {PLUMBING: "plumbing_version", LOG: "log_version"}.get(history, f"{history.rpartition('.')[2]}_version")


def folder(history: str) -> Path:
    """Return the directory of the history's files.

    Raises:
        ModuleNotFoundError: there is no such package.
    """
    spec = importlib.util.find_spec(history)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"no package {history!r}", name=history)
    return Path(next(iter(spec.submodule_search_locations))) / "migrations"


@cache
def revisions(history: str) -> tuple[str, ...]:
    """Return the revisions that this program has, the first one first; the last one is the head."""
    return tuple(sorted(file.stem for file in (folder(history) / "versions").glob("[0-9]*.py")))


async def pending(engine: AsyncEngine, history: str) -> str | None:
    """Return None when the database is at the head of `history` (plumbing included), else a sentence that says what is.

    A revision that this program does not know is a newer program's, and no reason not to work: migrations keep to what
    the program before them can live with (docs/operations.md, "Upgrading"), so both run while processes are replaced.

    Raises:
        sqlalchemy.exc.DBAPIError: the database does not answer.
    """
    async with engine.connect() as connection:
        for name in histories(history):
            known, found = revisions(name), await _current(connection, name)
            if found is None or found in known[:-1]:
                return f"history {name} is at {found or 'nothing'}, the program expects {known[-1]}"
    return None


async def _current(connection: AsyncConnection, history: str) -> str | None:
    table = version_table(history)
    if (await connection.execute(text("SELECT to_regclass(:table)"), {"table": table})).scalar() is None:
        return None
    found: str | None = (await connection.execute(text(f"SELECT version_num FROM {table}"))).scalar()  # noqa: S608 -- a name of ours
    return found
