"""Migrations: the histories of shared/database/revisions.py, carried out by alembic.

A history sees its own tables only, so that autogenerate never wants to drop a neighbour's.
"""

from collections.abc import Callable, Sequence

import structlog
from alembic import command, context
from alembic.config import Config
from alembic.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.schema import SchemaItem

from shared.database.engine import asyncpg_url
from shared.database.revisions import PLUMBING, folder, histories, revisions, version_table
from shared.database.tables import PLUMBING_TABLES

LOCK = 7_263_001
"""Advisory lock that one migrating process holds per database."""

_log = structlog.get_logger(__name__)


def configuration(history: str) -> Config:
    """Return alembic's configuration of `history`.

    Raises:
        ModuleNotFoundError: there is no such package.
    """
    config = Config()
    config.set_main_option("script_location", str(folder(history)))
    config.set_main_option("path_separator", "os")
    config.attributes["version_table"] = version_table(history)
    return config


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
    found = MigrationContext.configure(
        connection, opts={"version_table": version_table(history)}
    ).get_current_revision()
    connection.commit()  # reading began a transaction; each revision is to have its own
    if found is None or found in revisions(history):
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
