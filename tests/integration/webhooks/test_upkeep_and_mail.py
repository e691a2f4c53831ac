"""What is kept for how long, and the mail about endpoints that were switched off."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler
from pydantic import SecretStr

from services.reporting.adapters.webhook_mail import MailServer, NoticeMail
from services.reporting.adapters.webhook_upkeep import WebhookUpkeep
from tests.support.ports import free_port
from tests.support.waiting import eventually
from tests.support.webhook_sender_process import CLOCK, IDS
from tests.support.webhooks import Webhooks, completions

NOWHERE = "http://127.0.0.1:9/hook"
NOTICE = """
INSERT INTO webhook_notices (owner_subject, endpoint_id, kind, created_at, detail)
VALUES ('lanh-dao', :endpoint, 'failing', now(), '{}')
"""


async def test_settled_deliveries_go_with_their_attempts_and_events_after_their_time(hooks: Webhooks) -> None:
    plan_id = await hooks.a_plan()
    await hooks.an_endpoint(NOWHERE)
    await hooks.hear(completions(plan_id, 9))
    old = CLOCK.now() - timedelta(days=91)
    await hooks.run("UPDATE webhook_events SET created_at = :old", old=old)
    await hooks.run(
        "UPDATE webhook_deliveries SET state = CASE id % 3 WHEN 0 THEN 'delivered' ELSE 'failed' END, settled_at ="
        " CASE id % 3 WHEN 1 THEN now() ELSE :old END WHERE id % 9 > 2",
        old=old,
    )
    await hooks.run(
        "INSERT INTO webhook_attempts (delivery_id, number, started_at) SELECT id, 1, now() FROM webhook_deliveries"
    )
    upkeep = WebhookUpkeep(hooks.engine, clock=CLOCK, keep=timedelta(days=90), oldest=timedelta(days=7))
    await upkeep.clean(asyncio.Event())
    left = await hooks.rows("SELECT state, settled_at FROM webhook_deliveries")
    assert all(row.state == "waiting" or row.settled_at > old for row in left), "what waits is never deleted"
    assert len(left) == 5
    for table in ("webhook_events", "webhook_attempts"):
        assert len(await hooks.rows(f"SELECT 1 FROM {table}")) == len(left)  # noqa: S608 -- two names of this test


class Mailbox(MessageHandler):
    """Keeps what comes; says no to the first `refusals`."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []
        self.refusals = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ANN401, N802 -- the library's
        if self.refusals:
            self.refusals -= 1
            return "451 try again"
        return str(await super().handle_DATA(server, session, envelope))

    def handle_message(self, message: Message) -> None:
        self.messages.append(message)


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield box, f"smtp://127.0.0.1:{controller.port}"
    controller.stop()


def _mail(hooks: Webhooks, url: str) -> NoticeMail:
    server = MailServer(SecretStr(url), "cchc@example.vn", ["truc@example.vn", "quan-tri@example.vn"])
    return NoticeMail(hooks.engine, server, clock=CLOCK)


async def test_each_notice_is_mailed_once_and_names_no_secret_part_of_the_address(
    hooks: Webhooks, mailbox: tuple[Mailbox, str]
) -> None:
    box, url = mailbox
    endpoint = await hooks.an_endpoint("https://nhan.example.vn/hook?token=bi-mat")
    await hooks.run(NOTICE, endpoint=endpoint)
    await hooks.run(NOTICE, endpoint=IDS.new())  # its endpoint was deleted meanwhile
    await asyncio.gather(*(_mail(hooks, url).send_all() for _ in range(3)))
    assert await _mail(hooks, url).send_all() == 0
    first, _ = box.messages
    text = first.get_payload(decode=True)
    assert isinstance(text, bytes)
    assert len(box.messages) == 2
    assert str(endpoint).encode() in text
    assert "đã bị tắt".encode() in text
    assert b"nhan.example.vn" in text
    assert b"bi-mat" not in first.as_bytes() + text
    assert first["To"] == "truc@example.vn, quan-tri@example.vn"


async def test_mail_server_that_says_no_gets_the_notice_again(
    hooks: Webhooks, mailbox: tuple[Mailbox, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    box, url = mailbox
    box.refusals = 2
    monkeypatch.setattr("services.reporting.adapters.webhook_mail.LOOK_EVERY", 0.05)
    await hooks.run(NOTICE, endpoint=IDS.new())
    stop = asyncio.Event()
    work = asyncio.create_task(_mail(hooks, url).run(stop))
    await eventually(lambda: box.messages)
    await eventually(lambda: hooks.rows("SELECT 1 FROM webhook_notices WHERE mailed_at IS NOT NULL"))
    stop.set()
    await work
    assert len(box.messages) == 1
