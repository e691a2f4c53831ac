"""E-mail about endpoints that were switched off: another way to tell people. The notices stay in the database."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog
from pydantic import SecretStr
from sqlalchemy import Row, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting.adapters.webhook_tables import webhook_endpoints, webhook_notices
from shared.clock import VIETNAM, Clock
from shared.messaging.backoff import Backoff, pause
from shared.messaging.status import kind_of

LOOK_EVERY: Final = 5.0
SEND_WITHIN: Final = 15.0
AT_ONCE: Final = 20
SUBMISSION, SECURE_SUBMISSION = 587, 465
_TURN: Final = text("SELECT pg_try_advisory_xact_lock(7263005)")
WHY: Final = {
    "gone": ("máy nhận trả lời 410 (không còn nhận nữa)", "the receiver answered 410 (gone)"),
    "failing": ("đã nhiều ngày không gửi được lần nào", "nothing could be delivered for days"),
}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed in; from whom and to whom."""

    url: SecretStr
    sender: str
    recipients: Sequence[str]

    async def send(self, message: EmailMessage) -> None:
        """Hand in one message.

        Raises:
            aiosmtplib.SMTPException: it was not taken.
            OSError: the server is away.
        """
        found = urlsplit(self.url.get_secret_value())
        is_secure = found.scheme == "smtps"
        await aiosmtplib.send(
            message,
            hostname=found.hostname,
            port=found.port or (SECURE_SUBMISSION if is_secure else SUBMISSION),
            username=unquote(found.username) if found.username else None,
            password=unquote(found.password) if found.password else None,
            use_tls=is_secure,
            timeout=SEND_WITHIN,
        )


class NoticeMail:
    """A worker's part; of several, one sends at a time.

    Each notice is marked after the server took it, so a crash between the two sends it again.
    """

    def __init__(self, engine: AsyncEngine, server: MailServer, *, clock: Clock) -> None:
        self._engine, self._server, self._clock = engine, server, clock

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. A mail server that is away is waited for."""
        backoff = Backoff(first=LOOK_EVERY, most=300)
        while not stop.is_set():
            try:
                await self.send_all()
            except (aiosmtplib.SMTPException, SQLAlchemyError, OSError) as error:
                _log.warning("notices not mailed", reason=kind_of(error))
                await backoff.wait(stop)
            else:
                backoff.reset()
                await pause(stop, LOOK_EVERY)

    async def send_all(self) -> int:
        """Send what has not been sent; return how many notices."""
        notice, endpoint = webhook_notices.c, webhook_endpoints.c
        statement = (
            select(webhook_notices, endpoint.url, endpoint.description)
            .outerjoin(webhook_endpoints, endpoint.id == notice.endpoint_id)
            .where(notice.mailed_at.is_(None))
            .order_by(notice.id)
            .limit(AT_ONCE)
        )
        # The transaction holds the turn and no row, so nobody waits while the mail server thinks.
        async with self._engine.begin() as turn:
            if not await turn.scalar(_TURN):
                return 0
            rows = (await turn.execute(statement)).all()
            for row in rows:
                await self._server.send(self._message(row))
                async with self._engine.begin() as connection:
                    mailed = update(webhook_notices).where(notice.id == row.id).values(mailed_at=self._clock.now())
                    await connection.execute(mailed)
        return len(rows)

    def _message(self, row: Row[Any]) -> EmailMessage:
        vietnamese, english = WHY[row.kind]
        host = urlsplit(row.url).hostname if row.url else "-"
        moment = f"{row.created_at.astimezone(VIETNAM):%H:%M %d/%m/%Y}"
        message = EmailMessage()
        message["Subject"] = f"Điểm nhận webhook đã bị tắt [webhook endpoint switched off]: {host}"
        message["From"] = self._server.sender
        message["To"] = ", ".join(self._server.recipients)
        message["Date"] = formatdate(row.created_at.timestamp())
        message["Message-ID"] = make_msgid(f"notice-{row.id}", domain=self._server.sender.rpartition("@")[2])
        message.set_content(
            f"Điểm nhận {row.endpoint_id} (máy {host}) đã bị tắt lúc {moment}: {vietnamese}.\n"
            "Những gì chưa gửi được vẫn còn và có thể gửi lại sau khi bật điểm nhận: "
            f"POST /v1/webhook-endpoints/{row.endpoint_id}/recover.\n\n"
            f"Endpoint {row.endpoint_id} (host {host}) was switched off: {english}. What was not delivered is kept and "
            "can be recovered once it is enabled again.\n"
        )
        return message
