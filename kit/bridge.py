"""Ví dụ bên nhận: chuyển webhook của cchc thành thư điện tử và tin nhắn của tài khoản chính thức (kiểu Zalo OA).

    BRIDGE_SECRETS=whsec_... BRIDGE_SMTP=mail.example:587 BRIDGE_MAIL_FROM=... BRIDGE_MAIL_TO=... python -m kit.bridge

Standard library only; copy the folder `kit`. Every setting stands in `Settings.read`. A webhook is answered with 204
once everybody has been told, with 503 while somebody has not: cchc then sends it again, and only those are told who
were not. Killed between telling and writing it down, it tells that one twice.
"""

import json
import os
import smtplib
import sqlite3
import ssl
import sys
import threading
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from kit.verify import WebhookRefused, verify

SECONDS = 5
"""What one letter or message may take; cchc waits 15 for the answer."""
MOST_BYTES = 1024 * 1024
ACCEPTED, REFUSED, TOO_LARGE, LATER = 204, 401, 413, 503


@dataclass(frozen=True)
class Settings:
    """What the bridge is told by its environment."""

    secrets: tuple[str, ...]
    host: str
    port: int
    state: str
    smtp: tuple[str, int] | None
    smtp_security: str
    smtp_login: tuple[str, str] | None
    mail_from: str
    mail_to: tuple[str, ...]
    oa_url: str
    oa_token: str
    oa_users: tuple[str, ...]

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "Settings":
        """Read the variables `BRIDGE_...`; secrets, receivers and users are parted by commas."""

        def several(name: str) -> tuple[str, ...]:
            return tuple(each.strip() for each in given.get(name, "").split(",") if each.strip())

        def address(text: str) -> tuple[str, int]:
            host, _, port = text.rpartition(":")
            return host, int(port)

        host, port = address(given.get("BRIDGE_LISTEN", "127.0.0.1:8071"))
        smtp, user = given.get("BRIDGE_SMTP", ""), given.get("BRIDGE_SMTP_USER", "")
        return cls(
            secrets=several("BRIDGE_SECRETS"),
            host=host,
            port=port,
            state=given.get("BRIDGE_STATE", "bridge.sqlite"),
            smtp=address(smtp) if smtp else None,
            smtp_security=given.get("BRIDGE_SMTP_SECURITY", "starttls"),  # starttls, tls, or none on this machine
            smtp_login=(user, given.get("BRIDGE_SMTP_PASSWORD", "")) if user else None,
            mail_from=given.get("BRIDGE_MAIL_FROM", ""),
            mail_to=several("BRIDGE_MAIL_TO"),
            oa_url=given.get("BRIDGE_OA_URL", ""),  # https://openapi.zalo.me/v3.0/oa/message/cs
            oa_token=given.get("BRIDGE_OA_TOKEN", ""),
            oa_users=several("BRIDGE_OA_USERS"),
        )


def sentence(event: Mapping[str, Any]) -> str:
    """Return what happened, in one Vietnamese sentence."""
    data, kind = event.get("data"), str(event.get("type"))
    unknown = f"Sự kiện {_shown(kind)} của cchc"
    said = {
        "cchc.task.completed.v1": "đã được báo cáo hoàn thành ngày {completed_on}",
        "cchc.completion.confirmed.v1": "đã được xác nhận hoàn thành",
        "cchc.completion.returned.v1": "bị trả lại báo cáo hoàn thành",
        "cchc.completion.unconfirmed.v1": "chờ xác nhận đã lâu",
        "cchc.task.reopened.v1": "được mở lại",
        "cchc.task.due_soon.v1": "sắp đến hạn {deadline}",
        "cchc.task.overdue.v1": "đã quá hạn {deadline}",
    }
    templates = {
        "cchc.plan.progress_reached.v1": "Kế hoạch năm {year} của {unit} đạt {threshold} %: {done}/{total} nhiệm vụ.",
        "cchc.report.issued.v1": "Báo cáo {number} của {unit} đã phát hành ngày {issued_on}: {done}/{total} nhiệm vụ.",
    } | {name: f"Nhiệm vụ {{number}} ({{unit}}, {{year}}) {what}: {{title}}" for name, what in said.items()}
    if kind not in templates or not isinstance(data, dict):
        return unknown
    try:
        return templates[kind].format_map({name: _shown(value) for name, value in data.items()})
    except KeyError:  # a newer sender
        return unknown


def _shown(value: object) -> str:
    text = " ".join(str("" if value is None else value).split())
    try:
        return f"{date.fromisoformat(text):%d/%m/%Y}"
    except ValueError:
        return text


class Channel(Protocol):
    """A way to tell somebody."""

    name: str

    def tell(self, event_id: str, text: str) -> None:
        """Tell it, or raise OSError, SMTPException or ValueError."""


class Mail:
    """One letter to all receivers."""

    name = "mail"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def tell(self, event_id: str, text: str) -> None:
        settings = self._settings
        letter = EmailMessage()
        letter["From"], letter["To"], letter["Subject"] = settings.mail_from, ", ".join(settings.mail_to), text[:200]
        letter["Message-ID"] = f"<{event_id}@cchc-bridge>"
        letter.set_content(f"{text}\n\nThư tự động của hệ thống cchc; webhook-id {event_id}.\n")
        host, port = settings.smtp or ("", 0)
        trusted = ssl.create_default_context()
        if settings.smtp_security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=trusted)
        else:
            server = smtplib.SMTP(host, port, timeout=SECONDS)
        with server:
            if settings.smtp_security == "starttls":
                server.starttls(context=trusted)
            if settings.smtp_login is not None:
                server.login(*settings.smtp_login)
            if refused := server.send_message(letter):
                raise smtplib.SMTPRecipientsRefused(refused)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token is for one address only."""

    def redirect_request(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 -- the library's
        return None


class OfficialAccount:
    """A message to one follower of an official account."""

    def __init__(self, settings: Settings, user: str) -> None:
        self._settings, self._user, self.name = settings, user, f"oa:{user}"
        self._opener = urllib.request.build_opener(_NoRedirect)

    def tell(self, event_id: str, text: str) -> None:
        del event_id
        said = {"recipient": {"user_id": self._user}, "message": {"text": text[:2000]}}
        request = urllib.request.Request(  # noqa: S310 -- the operator's own address
            self._settings.oa_url,
            data=json.dumps(said).encode(),
            headers={"content-type": "application/json", "access_token": self._settings.oa_token},
        )
        with self._opener.open(request, timeout=SECONDS) as answer:
            result = json.loads(answer.read(MOST_BYTES))
        if result.get("error") != 0:  # these interfaces say 200 and put the refusal into the body
            raise ValueError(f"the official account's interface refused, error {result.get('error')}")


class Bridge:
    """Tells everybody once, and remembers on disk whom it has told."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.channels: list[Channel] = [Mail(settings)] if settings.smtp and settings.mail_to else []
        self.channels += [OfficialAccount(settings, user) for user in settings.oa_users if settings.oa_url]
        self._one_at_a_time = threading.Lock()
        with closing(self._told()) as told, told:
            told.execute("create table if not exists told (event text, channel text, primary key (event, channel))")

    def _told(self) -> sqlite3.Connection:
        return sqlite3.connect(self._settings.state)

    def receive(self, headers: Mapping[str, str], body: bytes) -> int:
        """Handle one webhook and return the status of the answer."""
        event = self._genuine(headers, body)
        if event is None:
            return REFUSED
        event_id = next(value for name, value in headers.items() if name.lower() == "webhook-id")
        text, failed = sentence(event), False
        with self._one_at_a_time, closing(self._told()) as told:
            known = {row[0] for row in told.execute("select channel from told where event = ?", (event_id,))}
            for channel in self.channels:
                if channel.name in known:
                    continue
                try:
                    channel.tell(event_id, text)
                except (OSError, smtplib.SMTPException, ValueError) as error:
                    failed = True
                    print(f"{event_id} {channel.name}: {type(error).__name__}", file=sys.stderr, flush=True)
                    continue
                with told:
                    told.execute("insert into told values (?, ?)", (event_id, channel.name))
        return LATER if failed else ACCEPTED

    def _genuine(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any] | None:
        for secret in self._settings.secrets:  # several while a secret is being changed
            try:
                event = verify(secret, headers, body)
            except WebhookRefused:
                continue
            return event if isinstance(event, dict) else {}
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    bridge: Bridge

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()) or int(length) > MOST_BYTES:
            self.close_connection = True
            status = TOO_LARGE
        else:
            status = self.bridge.receive(dict(self.headers.items()), self.rfile.read(int(length)))
        self.send_response(status)
        if status != ACCEPTED:
            self.send_header("content-length", "0")
        if status == LATER:
            self.send_header("retry-after", "60")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's name
        """Say nothing of requests; what could not be told is written where it fails."""


def main() -> None:
    """Serve until the process is ended."""
    settings = Settings.read(os.environ)
    bridge = Bridge(settings)
    if not settings.secrets or not bridge.channels:
        sys.exit(
            "Cần BRIDGE_SECRETS và ít nhất một nơi nhận (BRIDGE_SMTP + BRIDGE_MAIL_TO, hoặc BRIDGE_OA_URL + _USERS)."
        )
    _Handler.bridge = bridge
    server = ThreadingHTTPServer((settings.host, settings.port), _Handler)
    print(f"http://{settings.host}:{server.server_port}/", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
