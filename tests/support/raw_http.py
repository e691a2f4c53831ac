"""A socket to an application behind the HTTP protocol that our services listen with, for bytes that no client sends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from shared.http.bounded_protocol import BoundedProtocol

Connected = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(
    app: Callable[..., Awaitable[Any]], protocol: type[BoundedProtocol] = BoundedProtocol, *, at_once: int | None = None
) -> AsyncIterator[Connected]:
    """Yield a connection to `app`; `at_once` is how many there may be."""
    config = uvicorn.Config(app, http=protocol, ws="none", lifespan="off", log_config=None, limit_concurrency=at_once)
    config.load()
    state = uvicorn.server.ServerState()
    server = await asyncio.get_running_loop().create_server(lambda: protocol(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        server.close()
        async with asyncio.timeout(10):
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)
