"""An answer's head leaves with the first of its body, and never waits for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from shared.http.one_write import OneWrite
from tests.support.raw_http import connected

ASK = b"GET /%b HTTP/1.1\r\nhost: x\r\n\r\n"


class Connection(asyncio.Transport):
    """Notes what is done with it."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[bytes | str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.done.append(bytes(data))

    def close(self) -> None:
        self.done.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.done


@asynccontextmanager
async def one_write() -> AsyncIterator[tuple[OneWrite, list[bytes | str]]]:
    connection = Connection()
    yield OneWrite(connection, asyncio.get_running_loop()), connection.done


async def test_head_and_body_are_one_write_and_what_follows_is_sent_as_it_comes() -> None:
    async with one_write() as (answer, done):
        for part in (b"head ", b"body ", b"more "):
            answer.write(part)
        await asyncio.sleep(0)
    assert done == [b"head body ", b"more "]


async def test_a_head_whose_body_is_waited_for_goes_ahead() -> None:
    async with one_write() as (answer, done):
        answer.write(b"head ")
        assert done == []
        await asyncio.sleep(0)
        assert done == [b"head "]
        answer.write(b"body ")
    assert done == [b"head ", b"body "]


async def test_a_head_goes_before_the_connection_is_closed() -> None:
    async with one_write() as (answer, done):
        answer.write(b"head ")
        answer.close()
        assert answer.is_closing()
        await asyncio.sleep(0)
    assert done == [b"head ", "closed"]


async def start(send: Callable[[Any], Awaitable[None]], length: int) -> None:
    headers = [(b"content-length", str(length).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def test_requests_sent_ahead_get_their_answers_in_order() -> None:
    async def app(scope: Any, _receive: object, send: Any) -> None:  # noqa: ANN401 -- ASGI
        path = scope["path"].encode()
        if path == b"/slow":
            await asyncio.sleep(0.05)
        await start(send, len(path))
        await send({"type": "http.response.body", "body": path})

    async with connected(app) as (reader, writer), asyncio.timeout(10):
        writer.write(b"".join(ASK % path for path in (b"a", b"slow", b"b")))
        bodies = []
        for _ in range(3):
            head = await reader.readuntil(b"\r\n\r\n")
            bodies.append(await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0])))
    assert bodies == [b"/a", b"/slow", b"/b"]


@pytest.mark.parametrize("chunks", [1, 50])
async def test_a_body_that_takes_its_time_does_not_hold_up_the_head(chunks: int) -> None:
    go_on = asyncio.Event()

    async def app(_scope: object, _receive: object, send: Any) -> None:  # noqa: ANN401 -- ASGI
        await start(send, chunks * 65_536)
        await go_on.wait()
        for number in range(chunks):
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": number + 1 < chunks})

    async with connected(app) as (reader, writer), asyncio.timeout(10):
        writer.write(ASK % b"")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
        go_on.set()
        assert await reader.readexactly(chunks * 65_536) == b"x" * chunks * 65_536
