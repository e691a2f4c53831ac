"""A database that is put back as its tests found it, instead of being made anew for each of them.

A clone is eight megabytes of files, written and removed; what a test leaves behind are some hundred rows.
"""

import io
from dataclasses import dataclass
from typing import Any, Final, Self

import asyncpg

SMALL: Final = 262_144
"""Bytes up to which a table is emptied row by row, which touches no files."""

_TABLES: Final = """
SELECT c.oid::regclass::text AS name, pg_relation_size(c.oid) AS size FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema)' ORDER BY 1
"""
_SEQUENCES: Final = """
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND n.nspname !~ '^(pg_|information_schema)' ORDER BY 1
"""
_SHAPE: Final = """
WITH ours AS (SELECT oid, nspname, nspacl FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)'),
     relations AS (SELECT c.* FROM pg_class c JOIN ours ON ours.oid = c.relnamespace)
SELECT md5(concat_ws(E'\n',
  (SELECT string_agg(concat_ws(' ', nspname, nspacl), ',' ORDER BY nspname) FROM ours),
  (SELECT string_agg(concat_ws(' ', oid::regclass, relkind, relpersistence, reloptions, relacl, relrowsecurity), ','
                     ORDER BY oid::regclass::text) FROM relations),
  (SELECT string_agg(concat_ws(' ', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull,
                               attidentity, attgenerated, pg_get_expr(d.adbin, d.adrelid)), ','
                     ORDER BY attrelid::regclass::text, attnum)
     FROM pg_attribute a JOIN relations r ON r.oid = a.attrelid
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE attnum > 0),
  (SELECT string_agg(concat_ws(' ', conrelid::regclass, conname, convalidated, pg_get_constraintdef(k.oid)), ','
                     ORDER BY conrelid::regclass::text, conname)
     FROM pg_constraint k JOIN ours ON ours.oid = connamespace),
  (SELECT string_agg(concat_ws(' ', indexrelid::regclass, indisvalid, pg_get_indexdef(indexrelid)), ','
                     ORDER BY indexrelid::regclass::text) FROM pg_index i JOIN relations r ON r.oid = i.indrelid),
  (SELECT string_agg(concat_ws(' ', tgrelid::regclass, tgname, tgenabled), ',' ORDER BY tgrelid::regclass::text, tgname)
     FROM pg_trigger t JOIN relations r ON r.oid = t.tgrelid WHERE NOT tgisinternal),
  (SELECT string_agg(concat_ws(' ', p.oid::regprocedure, md5(prosrc)), ',' ORDER BY p.oid::regprocedure::text)
     FROM pg_proc p JOIN ours ON ours.oid = pronamespace),
  (SELECT concat_ws(' ', datallowconn, datconnlimit, datacl) FROM pg_database WHERE datname = current_database()),
  (SELECT string_agg(setconfig::text, ',') FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
     WHERE d.datname = current_database())))
"""


@dataclass(frozen=True)
class Pristine:
    """What a database holds before a test: shape, rows, sequences."""

    shape: str
    rows: dict[str, bytes]
    sequences: dict[str, tuple[int, bool]]

    @classmethod
    async def of(cls, dsn: str) -> Self:
        """Look at a database that nobody has used yet."""
        connection: Any = await asyncpg.connect(dsn, ssl=False)
        try:
            rows: dict[str, bytes] = {}
            for table in await connection.fetch(_TABLES):
                kept = io.BytesIO()
                await connection.copy_from_query(f"TABLE {table['name']}", output=kept, format="binary")
                rows[table["name"]] = kept.getvalue()
            sequences = {}
            for (name,) in await connection.fetch(_SEQUENCES):
                at = await connection.fetchrow(f"SELECT last_value, is_called FROM {name}")  # noqa: S608 -- from the catalogue
                sequences[name] = (at["last_value"], at["is_called"])
            return cls(await connection.fetchval(_SHAPE), rows, sequences)
        finally:
            await connection.close()

    async def restore(self, dsn: str) -> bool:
        """Put a database back, ending whoever is still connected; False where its shape is another now."""
        connection: Any = await asyncpg.connect(dsn, ssl=False)
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if await connection.fetchval(_SHAPE) != self.shape:
                return False
            async with connection.transaction():
                await connection.execute("SET LOCAL session_replication_role = replica")  # rows come in any order
                await self._empty(connection)
                for name, kept in self.rows.items():
                    schema, _, table = name.rpartition(".")
                    await connection.copy_to_table(
                        table, schema_name=schema or None, source=io.BytesIO(kept), format="binary"
                    )
                for name, (value, is_called) in self.sequences.items():
                    await connection.execute("SELECT setval($1::text::regclass, $2, $3)", name, value, is_called)
            return True
        finally:
            await connection.close()

    async def _empty(self, connection: Any) -> None:  # noqa: ANN401 -- asyncpg's
        for table in await connection.fetch(_TABLES):
            if table["size"] > SMALL:
                await connection.execute(f"TRUNCATE {table['name']} CASCADE")
            elif table["size"]:
                await connection.execute(f"DELETE FROM {table['name']}")  # noqa: S608 -- from the catalogue
