"""`cchc listen` as a person starts it, and webhooks posted to it by the product's own poster."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from deploy.embedded.settings import PROJECT
from services.reporting.adapters.outgoing.answer import Answer
from services.reporting.adapters.outgoing.networks import Guard
from services.reporting.adapters.outgoing.poster import Poster
from services.reporting.domain.webhooks.signatures import Secret, headers
from shared.addresses import networks
from shared.clock import SystemClock
from shared.contracts.webhooks import TaskCompletedWebhook

OURS, ANOTHER = Secret("hmac", b"a" * 32), Secret("hmac", b"b" * 32)
BODY = TaskCompletedWebhook.sample().body.encode()


@dataclass
class Listening:
    """The command, running."""

    process: asyncio.subprocess.Process
    url: str = ""
    lines: list[str] = field(default_factory=list)

    async def said(self, pattern: str) -> str:
        """Wait for a line."""
        assert self.process.stdout is not None
        async with asyncio.timeout(30):
            while line := (await self.process.stdout.readline()).decode():
                self.lines.append(line.rstrip())
                if re.search(pattern, line):
                    return line
        raise AssertionError(f"{pattern} was not said: {self.lines}")

    async def post(self, secret: Secret, event_id: str, body: bytes = BODY, *, sent: bytes | None = None) -> Answer:
        signed = headers([secret], event_id, int(SystemClock().now().timestamp()), body)
        async with Poster(Guard(networks("127.0.0.1")), clock=SystemClock()) as poster:
            return await poster.post(self.url, signed, body if sent is None else sent)


@asynccontextmanager
async def listening(*options: str) -> AsyncIterator[Listening]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cchc", "listen", "--port", "0", *options),
        cwd=PROJECT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    running = Listening(process)
    try:
        found = re.search(r"http://\S+", await running.said("Đang nghe"))
        assert found is not None
        running.url = found[0]
        yield running
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.communicate()


async def test_it_shows_what_comes_and_says_why_it_is_not_believed() -> None:
    async with listening("--secret", OURS.text, "--status", "202") as running:
        assert (await running.post(OURS, "event-1")).status == 202
        await running.said("cchc.task.completed.v1 · webhook-id event-1")
        await running.said("chữ ký ĐÚNG")
        await running.said('"number": "18"')
        assert (await running.post(OURS, "event-1")).status == 202
        await running.said("đã nhận trước đây")
        assert (await running.post(ANOTHER, "event-2")).status == 401
        await running.said("KHÔNG TIN ĐƯỢC: .*sai khoá")
        assert (await running.post(OURS, "event-3", sent=BODY + b"\n")).status == 401
        await running.said("KHÔNG TIN ĐƯỢC: Khoá đúng nhưng nội dung đã đổi")
        running.process.send_signal(signal.SIGINT)
        await running.said("Đã nhận 2 webhook tin được, 2 không")


async def test_without_a_secret_it_shows_and_says_that_nothing_was_checked() -> None:
    async with listening() as running:
        assert (
            await running.post(ANOTHER, "event-1", b'{"type":"\x1b[2J"}'.replace(b"\x1b", b"\\u001b"))
        ).status == 204
        await running.said(r"^── .*\\x1b\[2J · webhook-id event-1")
        await running.said("chưa kiểm tra chữ ký")


async def test_a_secret_copied_in_part_is_refused_at_once() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cchc", "listen", "--secret", "whsec_abc"),
        cwd=PROJECT,
        stderr=asyncio.subprocess.PIPE,
    )
    _, error = await process.communicate()
    assert process.returncode == 1
    assert "--secret không đọc được" in error.decode()
    assert "whsec_abc" not in error.decode()
