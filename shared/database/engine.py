"""The one place where a connection pool is made."""

from pydantic import SecretStr
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

Connection = AsyncConnection
"""A transaction's connection, for rooms that hand it on and speak no SQL themselves."""
Engine = AsyncEngine
"""A pool of connections, for the same rooms."""
DatabaseTrouble = (OSError, DBAPIError)
"""What a database that is away, or not migrated, raises."""


def asyncpg_url(url: SecretStr) -> str:
    """Return the address with SQLAlchemy's asyncpg driver named in it."""
    plain = url.get_secret_value()
    scheme, _, rest = plain.partition("://")
    return plain if scheme == "postgresql+asyncpg" else f"postgresql+asyncpg://{rest}"


def create_engine(url: SecretStr, *, application_name: str, pool_size: int = 10) -> AsyncEngine:
    """Return an engine whose sessions have a statement limit and tell PostgreSQL who they are.

    Connections that a restarted server has cut are replaced when they are taken from the pool: the driver knows of the
    cut as soon as it has happened, so no question is sent (`pool_pre_ping` sends three: begin, nothing, rollback; that
    was a fifth of the time of a small request). The statement limit (30 s) keeps a request
    from waiting for ever behind a lock; `idle_in_transaction` (60 s) frees the locks of a hung process.
    """
    engine = create_async_engine(
        asyncpg_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        hide_parameters=True,
        connect_args={
            "timeout": 10,
            "server_settings": {
                "application_name": application_name,
                "statement_timeout": "30000",
                "idle_in_transaction_session_timeout": "60000",
                "timezone": "UTC",
            },
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(connection: DBAPIConnection, _entry: ConnectionPoolEntry, _taken: PoolProxiedConnection) -> None:
    if connection.driver_connection.is_closed():
        raise DisconnectionError  # the pool connects anew in its place
