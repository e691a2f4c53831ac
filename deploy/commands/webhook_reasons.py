"""Says in a sentence why a webhook is not believed: a header missing, too old, re-encoded, or signed by others."""

import json
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from kit.verify import TOLERANCE, WebhookRefused, read_key, verify

HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")


def why_refused(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> str | None:
    """Return why a webhook is not genuine, Vietnamese first; None when it is.

    Args:
        secret: `whsec_...` or `whpk_...`.
        headers: names in any case.
        body: the bytes as they came.
        now: Unix seconds.
    """
    given = {name.lower(): value for name, value in headers.items()}
    code = _code(secret, given, body, now)
    match code:
        case None:
            return None
        case "missing-header":
            missing = ", ".join(name for name in HEADERS if name not in given)
            return (
                f"Thiếu tiêu đề {missing}: yêu cầu không phải của cchc, hoặc máy chủ trung gian đã bỏ tiêu đề "
                "[a header is missing]."
            )
        case "bad-timestamp":
            return "webhook-timestamp không phải là số giây Unix [not a number of seconds]."
        case "no-signature":
            return _other_scheme(secret, given["webhook-signature"])
        case "too-old" | "too-new":
            return _off_time(secret, given, body, now)
        case _:
            return _wrong_signature(secret, given, body)


def _code(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> str | None:
    try:
        verify(secret, headers, body, now=now)
    except WebhookRefused as refused:
        return refused.code
    except json.JSONDecodeError:
        return None
    return None


def _other_scheme(secret: str, signatures: str) -> str:
    version, _ = read_key(secret)
    found = ", ".join(sorted({each.partition(",")[0] for each in signatures.split()})) or "trống"
    if {"v1", "v1a"} & set(found.split(", ")):
        wanted = "whpk_ (khoá công khai)" if version == "v1" else "whsec_ (khoá bí mật)"
        return f"Chữ ký thuộc loại {found}, khoá đưa vào thuộc loại {version}: cần khoá {wanted} [the other scheme]."
    return f"webhook-signature không có chữ ký nào đọc được, chỉ có: {found[:60]!r} [no known signature]."


def _off_time(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> str:
    sent = int(headers["webhook-timestamp"])
    side = "trước" if now > sent else "sau"
    also = _code(secret, headers, body, sent)
    signed = "Chữ ký thì đúng" if also is None else "Chữ ký cũng không khớp"
    return (
        f"Dấu thời gian lệch {_span(abs(now - sent))} về phía {side}, cho phép {TOLERANCE // 60} phút: đồng hồ sai, "
        f"yêu cầu cũ được phát lại, hoặc nằm chờ quá lâu ở giữa. {signed} [too far from this clock]."
    )


def _span(seconds: float) -> str:
    for unit, length in (("ngày", 86400), ("giờ", 3600), ("phút", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} giây"


def _wrong_signature(secret: str, headers: Mapping[str, str], body: bytes) -> str:
    moment = float(headers["webhook-timestamp"])
    for what, original in _originals(body):
        if original != body and _code(secret, headers, original, moment) is None:
            return (
                f"Khoá đúng nhưng nội dung đã đổi trên đường: {what}. Kiểm tra chữ ký trên đúng từng byte nhận được, "
                "trước khi đọc JSON [the body was re-encoded]."
            )
    if body == _as_sent(body):
        return (
            "Nội dung đúng dạng cchc gửi mà chữ ký không khớp: nhiều khả năng sai khoá, ví dụ khoá của điểm nhận khác "
            "hoặc khoá cũ đã hết hạn; nếu không thì nội dung, webhook-id hoặc dấu thời gian đã bị sửa "
            "[probably the wrong secret]."
        )
    return (
        "Nội dung không còn ở dạng cchc gửi (JSON liền, khoá theo thứ tự): đã bị sửa hoặc viết lại trên đường; cũng có "
        "thể yêu cầu không phải của cchc [the body was changed]."
    )


def _originals(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what the body may have been, each with what was then done to it."""
    tries: dict[str, Callable[[bytes], bytes | None]] = {
        "khoảng trắng hoặc xuống dòng được thêm vào hai đầu": bytes.strip,
        "có thêm dấu BOM ở đầu": lambda text: text.removeprefix(b"\xef\xbb\xbf"),
        "bảng mã bị đổi (UTF-8 đọc nhầm thành Latin-1)": lambda text: text.decode().encode("latin-1"),
        "bảng mã bị đổi (UTF-8 đọc nhầm thành Windows-1252)": lambda text: text.decode().encode("cp1252"),
        "bảng mã bị đổi (UTF-8 thành UTF-16)": lambda text: text.decode("utf-16").encode(),
        "dấu tiếng Việt được viết lại dạng tổ hợp": lambda text: unicodedata.normalize("NFC", text.decode()).encode(),
        "dấu tiếng Việt được viết lại dạng dựng sẵn": lambda text: unicodedata.normalize("NFD", text.decode()).encode(),
        "JSON được đọc rồi viết lại (khoảng trắng, thứ tự khoá hoặc ký tự \\u)": _as_sent,
        "JSON được viết lại và dấu tiếng Việt đổi dạng": lambda text: _as_sent(
            unicodedata.normalize("NFC", text.decode()).encode()
        ),
    }
    for what, undo in tries.items():
        try:
            original = undo(body)
        except UnicodeError:
            continue
        if original is not None:
            yield what, original


def _as_sent(body: bytes) -> bytes | None:
    """Return the body's JSON in the form in which cchc sends it; None when it is not JSON."""
    try:
        said = json.loads(body)
        return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return None
