"""verify.js in a real Node.js server, as receivers use it, and webhooks posted to it by the product's own poster."""

import asyncio
import shutil
from collections.abc import AsyncIterator

import pytest

from deploy.embedded.settings import PROJECT
from services.reporting.adapters.outgoing.networks import Guard
from services.reporting.adapters.outgoing.poster import Poster
from services.reporting.domain.webhooks.signatures import Secret, headers, public_text
from shared.addresses import networks
from shared.clock import SystemClock
from shared.contracts.webhooks import WEBHOOKS

OURS, ANOTHER, PRIVATE = Secret("hmac", b"a" * 32), Secret("hmac", b"b" * 32), Secret("ed25519", b"c" * 32)
SERVER = """
const { verify, WebhookRefused } = require(process.argv[1]);
const server = require("node:http").createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  try {
    const event = verify(process.argv[2], request.headers, Buffer.concat(parts));
    response.writeHead(200).end(event.type);
  } catch (error) {
    response.writeHead(error instanceof WebhookRefused ? 401 : 500).end(error.code);
  }
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
"""


@pytest.fixture(params=[OURS.text, public_text(PRIVATE.public_key or b"")], ids=["hmac", "ed25519"])
async def url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("KHÔNG CÓ node: verify.js chưa được thử [no node here, verify.js was not tried]")
    process = await asyncio.create_subprocess_exec(
        *(node, "-e", SERVER, str(PROJECT / "kit" / "verify.js"), request.param), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    yield (await process.stdout.readline()).decode().strip()
    process.kill()
    await process.communicate()


async def test_every_event_is_believed_and_a_strangers_is_not(url: str) -> None:
    now = int(SystemClock().now().timestamp())
    body = b"{}"
    async with Poster(Guard(networks("127.0.0.1")), clock=SystemClock()) as poster:
        for kind, webhook in WEBHOOKS.items():
            body = webhook.sample().body.encode()
            answer = await poster.post(url, headers([ANOTHER, PRIVATE, OURS], "event-1", now, body), body)
            assert (answer.status, answer.excerpt.decode()) == (200, kind)
        answer = await poster.post(url, headers([ANOTHER], "event-1", now, body), body)
        assert answer.status == 401
        answer = await poster.post(url, headers([PRIVATE, OURS], "event-1", now - 600, body), body)
        assert (answer.status, answer.excerpt) == (401, b"too-old")
        answer = await poster.post(url, headers([PRIVATE, OURS], "event-1", now, body), body + b"\n")
        assert (answer.status, answer.excerpt) == (401, b"wrong-signature")
