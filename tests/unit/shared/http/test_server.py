"""The process: starting, stopping, and the port that is taken."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from tests.support.ports import free_port
from tests.support.tiny_service import TinyService

ROOT = Path(__file__).resolve().parents[4]
PROGRAM = Path(__file__).with_name("tiny_server.py")


@asynccontextmanager
async def process(directory: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        str(PROGRAM),
        str(directory),
        "127.0.0.1",
        str(port),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": os.defpath},
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
            await started.communicate()


async def listening(started: asyncio.subprocess.Process) -> None:
    assert started.stdout is not None
    async with asyncio.timeout(30):
        assert b'"listening"' in await started.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stop_finishes_what_is_in_flight_and_is_a_success(tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    tiny = TinyService(tmp_path)
    async with process(tmp_path, port) as started, httpx2.AsyncClient(timeout=20) as client:
        await listening(started)
        headers = {"authorization": f"Bearer {tiny.token()}"}
        asking = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/v1/slow", headers=headers))
        assert started.stderr is not None
        async with asyncio.timeout(20):
            assert await started.stderr.readline() == b"in flight\n"
        started.send_signal(number)
        answer = await asking
        output, errors = await started.communicate()
    assert (answer.status_code, answer.json()) == (200, "finished")
    assert started.returncode == 0, errors
    assert errors == b""
    assert "server" not in answer.headers
    events = [json.loads(line)["event"] for line in output.splitlines()]
    assert events[-1] == "stopped"


async def test_taken_port_is_one_sentence_and_code_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        async with process(tmp_path, taken.getsockname()[1]) as started:
            _, errors = await started.communicate()
    assert started.returncode == 2
    sentence = errors.decode()
    assert "cổng đang có chương trình khác dùng" in sentence
    assert sentence.count("\n") == 1


async def test_idle_process_stays_small(tmp_path: Path) -> None:
    port = free_port()
    tiny = TinyService(tmp_path)
    async with process(tmp_path, port) as started, httpx2.AsyncClient(timeout=20) as client:
        await listening(started)
        headers = {"authorization": f"Bearer {tiny.token()}"}
        for _ in range(50):
            assert (await client.get(f"http://127.0.0.1:{port}/v1/tasks/1", headers=headers)).status_code == 200
        status = Path(f"/proc/{started.pid}/status").read_text()  # noqa: ASYNC240 -- a file of the kernel
        resident = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024
    assert resident < 115, f"{resident:.0f} MB"
