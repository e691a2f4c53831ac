"""The example receiver, run as its operators run it, with a real mail server and a messenger's interface of our own."""

import asyncio
import json
import os
import re
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from deploy.embedded.settings import PROJECT
from kit.bridge import sentence
from services.reporting.adapters.outgoing.answer import Answer
from services.reporting.adapters.outgoing.networks import Guard
from services.reporting.adapters.outgoing.poster import Poster
from services.reporting.domain.webhooks.signatures import Secret, headers
from shared.addresses import networks
from shared.clock import SystemClock
from shared.contracts.webhooks import WEBHOOKS, TaskOverdueWebhook
from tests.support.answers import plain
from tests.support.certificates import Authority
from tests.support.ports import free_port
from tests.support.strangers import Caller, Receiver

OURS, ANOTHER = Secret("hmac", b"a" * 32), Secret("hmac", b"b" * 32)
BODY = TaskOverdueWebhook.sample().body.encode()


class Letters:
    """A mail server's handler: what has come."""

    def __init__(self) -> None:
        self.come: list[EmailMessage] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: ANN401, N802
        letter = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.come.append(letter)
        return "250 OK"


@dataclass
class World:
    """A bridge with those it tells."""

    letters: Letters
    messenger: Receiver
    environment: dict[str, str]
    refusing: list[int] = field(default_factory=list)
    """Errors with which the messenger's interface answers next, one a message."""
    url: str = ""
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kit.bridge"), cwd=PROJECT, env=self.environment, stdout=asyncio.subprocess.PIPE
        )
        assert self.process.stdout is not None
        self.url = (await self.process.stdout.readline()).decode().strip()

    async def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        await self.process.communicate()

    async def post(self, event_id: str, body: bytes = BODY, *, secret: Secret = OURS) -> Answer:
        signed = headers([secret], event_id, int(SystemClock().now().timestamp()), body)
        async with Poster(Guard(networks("127.0.0.1")), clock=SystemClock()) as poster:
            return await poster.post(self.url, signed, body)

    @property
    def told(self) -> tuple[int, int]:
        """Letters and messages."""
        return len(self.letters.come), len(self.messages)

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(request.body) for request in self.messenger.requests]


@asynccontextmanager
async def a_world(folder: Path, **more: str) -> AsyncIterator[World]:
    refusing: list[int] = []

    async def answer(caller: Caller) -> None:
        error = refusing.pop(0) if refusing else 0
        await caller.say(plain(200, body=json.dumps({"error": error, "message": "?"}).encode()))

    letters, messenger = Letters(), await Receiver(otherwise=answer).start()
    mail = Controller(letters, hostname="127.0.0.1", port=free_port())
    mail.start()
    environment = {
        "PATH": os.environ["PATH"],  # noqa: TID251 -- handed on
        "BRIDGE_SECRETS": f"{Secret('hmac', b'old' * 10).text},{OURS.text}",
        "BRIDGE_LISTEN": "127.0.0.1:0",
        "BRIDGE_STATE": str(folder / "bridge.sqlite"),
        "BRIDGE_SMTP": f"127.0.0.1:{mail.port}",
        "BRIDGE_SMTP_SECURITY": "none",
        "BRIDGE_MAIL_FROM": "cchc@tinh.example",
        "BRIDGE_MAIL_TO": "chutich@tinh.example, vanphong@tinh.example",
        "BRIDGE_OA_URL": f"http://127.0.0.1:{messenger.port}/v3.0/oa/message/cs",
        "BRIDGE_OA_TOKEN": "the-token",
        "BRIDGE_OA_USERS": "186729651760683225",
        **more,
    }
    world = World(letters, messenger, environment, refusing)
    await world.start()
    try:
        yield world
    finally:
        await world.kill()
        await asyncio.to_thread(mail.stop)
        await messenger.stop()


async def test_a_webhook_becomes_one_letter_and_one_message(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        assert (await world.post("event-1")).status == 204
        assert world.told == (1, 1)
        letter, message = world.letters.come[0], world.messages[0]
        text = "Nhiệm vụ 18 (TV, 2023) đã quá hạn 15/10/2023: Rà soát"
        assert str(letter["subject"]).startswith(text)
        assert str(letter["to"]) == "chutich@tinh.example, vanphong@tinh.example"
        assert text in letter.get_content()
        assert message["recipient"] == {"user_id": "186729651760683225"}
        assert message["message"]["text"].startswith(text)
        assert world.messenger.requests[0].header("access_token") == "the-token"
        for _ in range(3):
            assert (await world.post("event-1")).status == 204
        assert world.told == (1, 1), "the same webhook again tells nobody twice"


async def test_only_those_are_told_again_who_were_not_even_after_a_kill(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.refusing += [-216, -216]
        refused = await world.post("event-1")
        assert (refused.status, refused.retry_after) == (503, 60)
        assert world.told == (1, 1)
        await world.kill()
        await world.start()
        assert (await world.post("event-1")).status == 503
        assert (await world.post("event-1")).status == 204
        assert (await world.post("event-1")).status == 204
        assert world.told == (1, 3), "one letter; two messages refused and one taken"


async def test_nobody_is_told_of_what_is_not_genuine(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        assert (await world.post("event-1", secret=ANOTHER)).status == 401
        assert world.told == (0, 0)


async def test_without_its_mail_server_it_asks_for_another_try(tmp_path: Path) -> None:
    async with a_world(tmp_path, BRIDGE_SMTP=f"127.0.0.1:{free_port()}", BRIDGE_OA_URL="") as world:
        assert (await world.post("event-1")).status == 503


async def test_the_mail_server_must_be_who_it_says(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.certificate("mail", "127.0.0.1"))
    letters = Letters()
    mail = Controller(letters, hostname="127.0.0.1", port=free_port(), tls_context=context, require_starttls=True)
    mail.start()
    settings = {"BRIDGE_SMTP": f"127.0.0.1:{mail.port}", "BRIDGE_SMTP_SECURITY": "starttls", "BRIDGE_OA_URL": ""}
    for trusted, status in (({}, 503), ({"SSL_CERT_FILE": str(authority.file)}, 204)):
        async with a_world(tmp_path, **settings, **trusted) as world:
            assert (await world.post("event-1")).status == status
    await asyncio.to_thread(mail.stop)
    assert len(letters.come) == 1


async def test_a_redirect_of_the_messenger_does_not_carry_the_token_on(tmp_path: Path) -> None:
    trap = await Receiver().start()

    async def elsewhere(caller: Caller) -> None:
        await caller.say(plain(302, f"Location: http://127.0.0.1:{trap.port}/"))

    messenger = await Receiver(otherwise=elsewhere).start()
    url = f"http://127.0.0.1:{messenger.port}/"
    async with a_world(tmp_path, BRIDGE_SMTP="", BRIDGE_OA_URL=url) as world:
        assert (await world.post("event-1")).status == 503
    assert trap.connections == 0
    await messenger.stop()
    await trap.stop()


@pytest.mark.parametrize("kind", WEBHOOKS)
def test_every_event_has_its_sentence(kind: str) -> None:
    event = json.loads(WEBHOOKS[kind].sample().body)
    said = sentence(event)
    assert "None" not in said
    assert not re.search(r"[{}]|\d{4}-\d\d-\d\d", said)
    assert kind not in said
    assert sentence({"type": kind, "data": {}}) == f"Sự kiện {kind} của cchc"


def test_what_a_stranger_writes_cannot_split_a_letters_head() -> None:
    event = json.loads(BODY)
    event["data"]["title"] = "a\r\nBcc: b@c.example\n\n{0}{title.__class__}"
    assert "\n" not in sentence(event)
    assert sentence(event).endswith("a Bcc: b@c.example {0}{title.__class__}")
    assert sentence({"type": "{", "data": []}) == "Sự kiện { của cchc"
    assert sentence({"type": "x\r\n{data}"}) == "Sự kiện x {data} của cchc"
