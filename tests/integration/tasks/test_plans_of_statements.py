"""A plan is kept while its connection lives: made when the tables were empty, it must serve when they are full."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from services.tasks.adapters import statements
from services.tasks.adapters.statements import Statement
from shared.database.engine import DriverConnections, create_engine
from tests.support.postgres import DatabaseFactory

STATEMENTS = {name: one for name, one in vars(statements).items() if isinstance(one, Statement)}


@pytest.mark.parametrize("name", STATEMENTS)
async def test_no_statement_that_was_planned_on_empty_tables_reads_them_through(
    database_factory: DatabaseFactory, name: str
) -> None:
    statement = STATEMENTS[name]
    dsn = SecretStr(await database_factory(("shared.messaging", "services.tasks")))
    engine = create_engine(dsn, application_name="test", pool_size=1)
    connections = DriverConnections(engine)
    connection, driver = await connections.take()
    try:
        await driver.execute("ANALYZE")  # now the server knows that they are empty
        await driver.execute(f"PREPARE asked AS {statement.sql}")
        nothing = ", ".join(["NULL"] * len(statement.names))
        found = await driver.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE asked ({nothing})")
    finally:
        await connections.give_back(connection, driver)
        await engine.dispose()
    read_through = [node["Relation Name"] for node in _nodes(_plan(found)) if node["Node Type"] == "Seq Scan"]
    assert read_through == []


def _plan(found: Any) -> dict[str, Any]:  # noqa: ANN401 -- text or what it says, as the connection decodes it
    read = json.loads(found) if isinstance(found, str) else found
    plan: dict[str, Any] = read[0]["Plan"]
    return plan


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
