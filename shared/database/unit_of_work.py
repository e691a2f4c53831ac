"""One transaction of one use case: opened by `async with`, committed by the handler's last line, else rolled back."""

from types import TracebackType
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


class UnitOfWork:
    """Base of each service's unit of work, which adds its repositories in `bind`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connection: AsyncConnection | None = None

    async def __aenter__(self) -> Self:
        self._connection = await self._engine.connect()
        await self._connection.begin()
        self.bind(self._connection)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            await self._connection.close()  # rolls back what was not committed
            self._connection = None

    def bind(self, connection: AsyncConnection) -> None:
        """Build the repositories on `connection`; called once, when the transaction has begun."""
        raise NotImplementedError

    async def commit(self) -> None:
        """Make everything written so far durable."""
        if self._connection is None:
            raise RuntimeError("commit outside of 'async with'")
        await self._connection.commit()
