"""Migrations: several histories in one database, each with its own directory and version table.

A history is named by the package that owns it:

* `shared.messaging`: the plumbing tables of shared/database/tables.py, in every service's database;
* `shared.messaging.transports`: the PostgreSQL event log, alone in its own database;
* `services.<name>`: one service's tables, on top of the plumbing.

The files are in `<package>/migrations` (`env.py` and `versions/`). A history sees its own tables only, so that
autogenerate never wants to drop a neighbour's.
"""

import importlib.util
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import structlog
from alembic import command, context
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.schema import SchemaItem

from shared.database.engine import asyncpg_url
from shared.database.tables import PLUMBING_TABLES

PLUMBING = "shared.messaging"
LOG = "shared.messaging.transports"
LOCK = 7_263_001
"""Advisory lock that one migrating process holds per database."""

_log = structlog.get_logger(__name__)


def histories(history: str) -> tuple[str, ...]:
    """Return the histories that `history` needs, in the order in which they run; plumbing comes before a service's."""
    return (history,) if history in {PLUMBING, LOG} else (PLUMBING, history)


def version_table(history: str) -> str:
    """Return the name of the table that holds the history's revision, for example `plans_version`."""
    return {PLUMBING: "plumbing_version", LOG: "log_version"}.get(history, f"{history.rpartition('.')[2]}_version")


def configuration(history: str) -> Config:
    """Return alembic's configuration of `history`.

    Raises:
        ModuleNotFoundError: there is no such package.
    """
    spec = importlib.util.find_spec(history)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"no package {history!r}", name=history)
    config = Config()
    config.set_main_option("script_location", str(Path(next(iter(spec.submodule_search_locations))) / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["version_table"] = version_table(history)
    return config


@cache
def _head(history: str) -> str | None:
    return ScriptDirectory.from_config(configuration(history)).get_current_head()


@cache
def _knows(history: str, revision: str) -> bool:
    """Whether this program has the revision; it has not when a newer program has migrated the database."""
    known = ScriptDirectory.from_config(configuration(history)).walk_revisions()
    return any(script.revision == revision for script in known)


def include_name(version: str) -> Callable[[str | None, str, object], bool]:
    """Return alembic's filter on reflected names for the history whose version table is `version`."""
    others = {version_table(PLUMBING), *(() if version == version_table(PLUMBING) else PLUMBING_TABLES)}

    def included(name: str | None, kind: str, _parents: object) -> bool:
        if kind != "table":
            return True
        return name in PLUMBING_TABLES if version == version_table(PLUMBING) else name not in others

    return included


def include_object(version: str) -> Callable[[SchemaItem, str | None, str, bool, SchemaItem | None], bool]:
    """Return alembic's filter on declared objects: a service whose metadata is the plumbing's keeps to its own."""
    by_name = include_name(version)

    def included(_item: SchemaItem, name: str | None, kind: str, _reflected: bool, _other: SchemaItem | None) -> bool:
        return by_name(name, kind, None)

    return included


def run_env(target_metadata: MetaData | Sequence[MetaData], version: str) -> None:
    """Run by a history's `env.py`; uses the connection that `migrate` (or a test) gave to alembic.

    Raises:
        RuntimeError: alembic was started without a connection; use the `cchc` command.
    """
    connection = context.config.attributes.get("connection")
    if connection is None:
        raise RuntimeError("migrations run through shared.database.migrations.migrate, not through alembic alone")
    context.configure(
        connection=connection,
        target_metadata=target_metadata,
        version_table=version,
        include_name=include_name(version),
        include_object=include_object(version),
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def upgrade(connection: Connection, history: str, revision: str = "head") -> None:
    """Bring `history` up to `revision` on a connection that is in no transaction.

    A database that a newer program has migrated stays as it is: the program before may run on it (`pending`).
    """
    config = configuration(history)
    config.attributes["connection"] = connection
    found = _read_revision(connection, history)
    connection.commit()  # reading began a transaction; each revision is to have its own
    if found is None or _knows(history, found):
        command.upgrade(config, revision)
    else:
        _log.warning("database migrated by a newer program", history=history, revision=found)
    connection.commit()  # reading the version began a transaction, in which the next history would run uncommitted


def downgrade(connection: Connection, history: str, revision: str = "base") -> None:
    """Bring `history` down to `revision` on a connection that is in no transaction."""
    config = configuration(history)
    config.attributes["connection"] = connection
    command.downgrade(config, revision)
    connection.commit()


def migration_engine(url: SecretStr) -> AsyncEngine:
    """Return an engine without pool and without a limit on statements: an index may take its time."""
    settings = {"application_name": "cchc-migrate", "timezone": "UTC", "statement_timeout": "0"}
    return create_async_engine(
        asyncpg_url(url), poolclass=pool.NullPool, connect_args={"timeout": 10, "server_settings": settings}
    )


async def migrate(url: SecretStr, history: str) -> None:
    """Bring the database to the head of `history`, of the plumbing before it.

    Safe to run twice at once: the second waits for the first and then finds nothing to do. Each revision is a
    transaction of its own, so a failure leaves the database at the last revision that went through.
    """
    engine = migration_engine(url)
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
            await connection.commit()  # the lock is the session's; it goes with the connection
            for name in histories(history):
                await connection.run_sync(upgrade, name)
    finally:
        await engine.dispose()


async def pending(engine: AsyncEngine, history: str) -> str | None:
    """Return None when the database is at the head of `history` (plumbing included), else a sentence that says what is.

    A revision that this program does not know is a newer program's, and no reason not to work: migrations keep to what
    the program before them can live with (docs/operations.md, "Upgrading"), so both run while processes are replaced.

    Raises:
        sqlalchemy.exc.DBAPIError: the database does not answer.
    """
    async with engine.connect() as connection:
        for name in histories(history):
            found = await _current(connection, name)
            if found != _head(name) and (found is None or _knows(name, found)):
                return f"history {name} is at {found or 'nothing'}, the program expects {_head(name)}"
    return None


async def _current(connection: AsyncConnection, history: str) -> str | None:
    return await connection.run_sync(_read_revision, history)


def _read_revision(connection: Connection, history: str) -> str | None:
    options = {"version_table": version_table(history)}
    return MigrationContext.configure(connection, opts=options).get_current_revision()
