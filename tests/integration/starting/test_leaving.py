"""How an API process takes leave: answers in flight announce it, idle connections are closed, nobody new is let in."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.balancer import Balancer, RequestFailed, Tally
from tests.support.ports import free_port
from tests.support.system import ROOT
from tests.support.tiny_service import TinyService
from tests.support.waiting import eventually

PROGRAM = ROOT / "tests" / "unit" / "shared" / "http" / "tiny_server.py"


@dataclass
class Server:
    """The tiny service as a process; `/v1/slow` answers after a second and a half."""

    process: asyncio.subprocess.Process
    port: int
    token: str

    async def is_in_flight(self) -> None:
        assert self.process.stderr is not None
        async with asyncio.timeout(20):
            assert await self.process.stderr.readline() == b"in flight\n"


@asynccontextmanager
async def a_server(directory: Path, port: int | None = None) -> AsyncIterator[Server]:
    port = port or free_port()
    tiny = TinyService(directory)
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PROGRAM), str(directory), "127.0.0.1", str(port)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": os.defpath},
    )
    try:
        assert started.stdout is not None
        async with asyncio.timeout(30):
            assert b'"listening"' in await started.stdout.readline()
        yield Server(started, port, tiny.token())
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def test_answer_in_flight_announces_the_end_and_an_idle_connection_is_closed_at_once(tmp_path: Path) -> None:
    async with a_server(tmp_path) as server:
        busy, idle = (Balancer(server.port, Tally()) for _ in range(2))
        assert (await idle.request("GET", "/v1/tasks/1", server.token)).headers.get("connection") is None
        asking = asyncio.create_task(busy.request("GET", "/v1/slow", server.token))
        await server.is_in_flight()
        server.process.send_signal(signal.SIGTERM)
        assert idle._connection is not None
        async with asyncio.timeout(1):
            assert await asyncio.get_running_loop().sock_recv(idle._connection, 1) == b""
        assert not asking.done(), "the one is closed before the other is answered"
        answer = await asking
        assert (answer.status, answer.json(), answer.headers["connection"]) == (200, "finished", "close")
        async with asyncio.timeout(10):
            assert await server.process.wait() == 0
        idle.close()
        busy.close()


async def test_nobody_is_let_in_while_answers_are_finished(tmp_path: Path) -> None:
    async with a_server(tmp_path) as server:
        busy = Balancer(server.port, Tally())
        asking = asyncio.create_task(busy.request("GET", "/v1/slow", server.token))
        await server.is_in_flight()
        server.process.send_signal(signal.SIGTERM)

        def is_refused() -> bool:
            with socket.socket() as newcomer:
                return newcomer.connect_ex(("127.0.0.1", server.port)) != 0

        await eventually(is_refused, within=1)
        assert not asking.done()
        assert (await asking).status == 200


async def test_request_that_meets_the_end_on_a_kept_connection_is_answered_by_the_next_process(tmp_path: Path) -> None:
    """The race that HTTP leaves open: the connection was closed, and the client's request was already on its way."""
    tally = Tally()
    async with a_server(tmp_path) as before:
        kept = [Balancer(before.port, tally) for _ in range(3)]
        for balancer in kept:
            assert (await balancer.request("GET", "/v1/tasks/1", before.token)).status == 200
        before.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await before.process.wait() == 0
    with pytest.raises(RequestFailed, match="must not be repeated"):
        await kept[0].request("POST", "/v1/tasks", before.token, {})
    again = [
        asyncio.create_task(kept[1].request("GET", "/v1/tasks/1", before.token)),
        asyncio.create_task(kept[2].request("POST", "/v1/none", before.token, {}, key="the-same")),
    ]
    await eventually(lambda: tally.met["refused"] > 1)
    async with a_server(tmp_path, before.port):
        assert [answer.status for answer in await asyncio.gather(*again)] == [200, 404]
        for balancer in kept:
            balancer.close()
    assert tally.met["cut kept"] == 3
