"""The stairway: every history goes up, down and up again, and afterwards autogenerate finds nothing to do."""

from collections.abc import Sequence
from typing import cast

from alembic.autogenerate import produce_migrations
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import Connection, MetaData

from shared.database.migrations import configuration, downgrade, include_name, include_object, migration_engine, upgrade
from shared.database.revisions import histories, version_table


async def assert_stairway(dsn: str, history: str) -> None:
    """Climb each revision of `history` up, down and up again in the empty database at `dsn`; it ends at the head."""
    *earlier, _ = histories(history)
    revisions = [found.revision for found in ScriptDirectory.from_config(configuration(history)).walk_revisions()]
    assert revisions, f"{history} has no revision"
    engine = migration_engine(SecretStr(dsn))
    try:
        async with engine.connect() as connection:
            for name in earlier:
                await connection.run_sync(upgrade, name)
            for revision in reversed(revisions):
                await connection.run_sync(upgrade, history, revision)
                await connection.run_sync(downgrade, history, "-1")
                await connection.run_sync(upgrade, history, revision)
            await connection.run_sync(downgrade, history, "base")
            await connection.run_sync(upgrade, history)
    finally:
        await engine.dispose()


async def assert_nothing_left(dsn: str, history: str, metadatas: Sequence[MetaData]) -> None:
    """Compare the database at `dsn`, which is at the head of `history`, with the declared tables: no difference."""
    version = version_table(history)

    def differences(connection: Connection) -> list[object]:
        options = {
            "version_table": version,
            "include_name": include_name(version),
            "include_object": include_object(version),
            "target_metadata": list(metadatas),
            "compare_type": True,
            "compare_server_default": True,
        }
        several = cast("MetaData", list(metadatas))  # alembic takes a list, its annotation says one
        found = produce_migrations(MigrationContext.configure(connection, opts=options), several)
        return list(found.upgrade_ops.as_diffs()) if found.upgrade_ops else []

    engine = migration_engine(SecretStr(dsn))
    try:
        async with engine.connect() as connection:
            left = await connection.run_sync(differences)
            assert not left, f"no migration for {left}"
    finally:
        await engine.dispose()
