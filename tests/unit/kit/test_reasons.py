"""`cchc listen` says why a signature failed, and says it right."""

import json
import unicodedata
from collections.abc import Callable

import pytest

from deploy.commands.webhook_reasons import why_refused
from services.reporting.domain.webhooks.signatures import Secret, headers, public_text
from shared.contracts.webhooks import TaskCompletedWebhook

NOW = 1_700_000_000
OURS, ANOTHER, PRIVATE = Secret("hmac", b"a" * 32), Secret("hmac", b"b" * 32), Secret("ed25519", b"c" * 32)
PUBLIC = public_text(PRIVATE.public_key or b"")
BODY = TaskCompletedWebhook.sample().body.encode()


def sent(*secrets: Secret, body: bytes = BODY) -> dict[str, str]:
    return headers(secrets or [OURS], "event-1", NOW, body)


def test_a_genuine_one_has_no_reason() -> None:
    assert why_refused(OURS.text, sent(), BODY, NOW) is None
    assert why_refused(PUBLIC, sent(PRIVATE), BODY, NOW) is None
    assert why_refused(OURS.text, sent(ANOTHER, OURS), BODY, NOW) is None


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "khoảng trắng": lambda body: body + b"\r\n",
    "BOM": lambda body: b"\xef\xbb\xbf" + body,
    "đọc rồi viết lại": lambda body: json.dumps(json.loads(body)).encode(),
    "thứ tự khoá": lambda body: json.dumps(json.loads(body), ensure_ascii=False, indent=1).encode(),
    "Latin-1": lambda body: body.decode("latin-1").encode(),
    "UTF-16": lambda body: body.decode().encode("utf-16"),
    "dạng tổ hợp": lambda body: unicodedata.normalize("NFD", body.decode()).encode(),
    "đổi dạng": lambda body: unicodedata.normalize("NFD", json.dumps(json.loads(body), ensure_ascii=False)).encode(),
}


@pytest.mark.parametrize("told", CHANGES)
def test_a_body_encoded_again_is_known_by_what_was_done_to_it(told: str) -> None:
    reason = why_refused(OURS.text, sent(), CHANGES[told](BODY), NOW)
    assert reason is not None
    assert "Khoá đúng" in reason
    assert told in reason


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (why_refused(ANOTHER.text, sent(), BODY, NOW), "sai khoá"),
        (why_refused(OURS.text, sent(), BODY.replace(b"18", b"19"), NOW), "bị sửa"),
        (why_refused(OURS.text, sent(), b"{ " + BODY[1:].replace(b"18", b"19"), NOW), "không còn ở dạng cchc gửi"),
        (why_refused(OURS.text, sent(), b"not JSON", NOW), "không còn ở dạng cchc gửi"),
        (why_refused(OURS.text, sent(PRIVATE), BODY, NOW), "cần khoá whpk_"),
        (why_refused(PUBLIC, sent(), BODY, NOW), "cần khoá whsec_"),
        (
            why_refused(OURS.text, {**sent(), "webhook-signature": "sha256=ab"}, BODY, NOW),
            "không có chữ ký nào đọc được",
        ),
        (why_refused(OURS.text, {**sent(), "webhook-timestamp": "x"}, BODY, NOW), "không phải là số giây"),
        (why_refused(OURS.text, sent(), BODY, NOW + 720), "lệch 12 phút về phía trước"),
        (why_refused(OURS.text, sent(), BODY, NOW + 720), "Chữ ký thì đúng"),
        (why_refused(ANOTHER.text, sent(), BODY, NOW - 7200), "Chữ ký cũng không khớp"),
        (why_refused(ANOTHER.text, sent(), BODY, NOW - 7200), "lệch 2 giờ về phía sau"),
        (why_refused(OURS.text, {}, BODY, NOW), "webhook-id, webhook-timestamp, webhook-signature"),
        (
            why_refused(OURS.text, {"WEBHOOK-ID": "1", "Webhook-Timestamp": "1"}, BODY, NOW),
            "Thiếu tiêu đề webhook-signature:",
        ),
    ],
)
def test_each_reason_is_told_apart(reason: str | None, told: str) -> None:
    assert reason is not None
    assert told in reason
    assert reason.endswith("].")
    assert "\n" not in reason
