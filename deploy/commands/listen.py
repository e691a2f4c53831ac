"""`cchc listen`: a receiver on this machine that shows each webhook, and why a signature is not believed."""

import json
import signal
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Annotated, Final

import typer

from deploy.commands.refusal import CommandRefusedError
from shared.clock import VIETNAM, SystemClock

MOST_BYTES: Final = 1024 * 1024
EPILOG: Final = (
    "Hệ thống phải được phép gửi đến máy này: khởi động nó với CCHC_WEBHOOK_ALLOWED_NETWORKS=127.0.0.1/32 "
    "(the system must be allowed to post here)."
)


def register(app: typer.Typer) -> None:
    """Add the command to `cchc`."""
    app.command(epilog=EPILOG)(listen)


def listen(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Cổng; 0: cổng trống bất kỳ (port).")] = 8070,
    secret: Annotated[
        list[str] | None,
        typer.Option(help="Khoá whsec_... hoặc whpk_...; ghi nhiều lần khi đang đổi khoá (secret, repeatable)."),
    ] = None,
    status: Annotated[
        int, typer.Option(min=200, max=599, help="Mã trả lời cho webhook thật, để thử gửi lại (answer).")
    ] = 204,
    host: Annotated[str, typer.Option(help="Địa chỉ nghe (address).")] = "127.0.0.1",
) -> None:
    """Nhận webhook trên máy này, hiện từng cái và nói rõ vì sao chữ ký không khớp (show webhooks as they come).

    Không có --secret thì không kiểm tra chữ ký. Webhook không tin được thì trả lời 401. Dừng bằng Ctrl-C.
    """
    shown = Shown(secret or [])
    try:
        server = _Server((host, port), shown, status)
    except OSError as error:
        raise CommandRefusedError(f"Không mở được cổng {port}: {error.strerror}. [cannot listen there]") from error
    print(f"Đang nghe ở http://{host}:{server.server_port}/ (listening); dừng bằng Ctrl-C.", flush=True)
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell has its background programs ignore the first
        signal.signal(number, signal.default_int_handler)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print(f"Đã nhận {shown.believed} webhook tin được, {shown.refused} không (believed, refused).")
    finally:
        server.server_close()


class Shown:
    """What came so far, and how it is told."""

    def __init__(self, secrets: list[str]) -> None:
        from kit.verify import read_key

        for each in secrets:
            try:
                read_key(each)
            except ValueError as error:
                raise CommandRefusedError(
                    "--secret không đọc được: chép trọn whsec_... hoặc whpk_... [copy the secret whole]"
                ) from error
        self._secrets = secrets
        self._seen: set[str] = set()
        self.believed = self.refused = 0

    def judge(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Show a request, and tell whether it is to be answered as taken."""
        from deploy.commands.webhook_reasons import why_refused

        now = SystemClock().now()
        event_id = next((value for name, value in headers.items() if name.lower() == "webhook-id"), "")
        reasons = [why_refused(secret, headers, body, now.timestamp()) for secret in self._secrets]
        genuine = not reasons or None in reasons
        again = genuine and event_id in self._seen
        lines = [
            f"── {now.astimezone(VIETNAM):%H:%M:%S} {_kind(body)} · webhook-id {_printable(event_id) or '(không có)'}"
        ]
        if not reasons:
            lines.append("   chưa kiểm tra chữ ký: không có --secret (not verified)")
        elif genuine:
            lines.append("   chữ ký ĐÚNG (genuine)")
        else:
            lines += [f"   KHÔNG TIN ĐƯỢC: {reason}" for reason in dict.fromkeys(reasons)]
        if again:
            lines.append("   đã nhận trước đây: gửi lại cùng webhook-id, xử lý một lần thôi (came before)")
        lines += [f"   {line}" for line in _pretty(body)]
        print("\n".join(lines), flush=True)
        self._seen |= {event_id} if genuine and event_id else set()
        self.believed += genuine
        self.refused += not genuine
        return genuine


def _kind(body: bytes) -> str:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return "(không phải JSON)"
    return _printable(str(said.get("type", "(không có type)"))) if isinstance(said, dict) else "(không có type)"


def _pretty(body: bytes) -> list[str]:
    try:
        text = json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        text = repr(body[:1000])
    return [_printable(line) for line in text.splitlines()]


def _printable(text: str) -> str:
    """Return text that a stranger chose without what would move a terminal's cursor."""
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], shown: Shown, status: int) -> None:
        super().__init__(address, _Handler)
        self.shown, self.status = shown, status


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()) or int(length) > MOST_BYTES:
            self.close_connection = True
            self._answer(HTTPStatus.LENGTH_REQUIRED if not length else HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return
        believed = self.server.shown.judge(dict(self.headers.items()), body)
        self._answer(self.server.status if believed else HTTPStatus.UNAUTHORIZED)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's name
        """Say nothing: what came is shown already."""
