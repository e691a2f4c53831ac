"""Kiểm tra chữ ký của một webhook (Standard Webhooks). Chép tệp này vào chương trình của mình; chỉ dùng thư viện chuẩn.

    event = verify("whsec_...", request.headers, request.body)   # đúng từng byte đã nhận, trước khi đọc JSON

Raises WebhookRefused unless one signature fits: `v1` by a secret `whsec_...`, `v1a` by a public key `whpk_...`.
Afterwards look whether `webhook-id` was handled before: a webhook comes again when its answer was lost on the way.
"""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from typing import Any

TOLERANCE = 300
"""Seconds that the sender's clock and ours may differ, and that a recorded request stays usable."""
SHORTEST_KEY = 24


class WebhookRefused(Exception):  # noqa: N818 -- errors say what happened
    """Not believed; `code` is missing-header, bad-timestamp, too-old, too-new, no-signature or wrong-signature."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: float | None = None) -> Any:  # noqa: ANN401 -- JSON
    """Return the JSON of a genuine webhook.

    Raises:
        WebhookRefused: it is not genuine, or too old.
        ValueError: the secret was copied wrongly, or a genuine body is not JSON.
    """
    version, key = read_key(secret)
    given = {name.lower(): value for name, value in headers.items()}
    try:
        event_id, timestamp, signatures = (given[f"webhook-{part}"] for part in ("id", "timestamp", "signature"))
    except KeyError:
        raise WebhookRefused("missing-header") from None
    if re.fullmatch(r"[0-9]{1,15}", timestamp) is None:
        raise WebhookRefused("bad-timestamp")
    age = (time.time() if now is None else now) - int(timestamp)
    if abs(age) > TOLERANCE:
        raise WebhookRefused("too-old" if age > 0 else "too-new")
    offered = [each.partition(",")[2] for each in signatures.split(" ") if each.startswith(f"{version},")]
    if not offered:
        raise WebhookRefused("no-signature")
    signed = f"{event_id}.{timestamp}.".encode(errors="surrogatepass") + body
    fitting = [each for each in offered if fits(version, key, signed, each)]  # all are looked at, whichever fits
    if not fitting:
        raise WebhookRefused("wrong-signature")
    return json.loads(body)


def read_key(secret: str) -> tuple[str, bytes]:
    """Return the version of the signatures that a secret is for, and its bytes."""
    version = "v1a" if secret.startswith("whpk_") else "v1"
    key = base64.b64decode(secret.removeprefix("whpk_").removeprefix("whsec_"), validate=True)
    if len(key) != 32 if version == "v1a" else len(key) < SHORTEST_KEY:  # noqa: PLR2004 -- bytes of an Ed25519 key
        raise ValueError("the secret is whsec_... or whpk_..., copied whole")
    return version, key


def fits(version: str, key: bytes, signed: bytes, signature: str) -> bool:
    """Tell whether a signature in base64 is the key's."""
    if version == "v1":
        expected = base64.b64encode(hmac.digest(key, signed, "sha256"))
        return hmac.compare_digest(expected, signature.encode(errors="surrogatepass"))
    try:
        raw = base64.b64decode(signature, validate=True)
    except ValueError:
        return False
    return base64.b64encode(raw).decode() == signature and ed25519_fits(key, signed, raw)


# Ed25519 (RFC 8032, 5.1.7); only public values come here, so its time tells nobody anything.
_P, _L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)
Point = tuple[int, int, int, int]


def _add(a: Point, b: Point) -> Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0])
    g, h = 2 * a[3] * b[3] * _D, 2 * a[2] * b[2]
    return (f - e) * (h - g) % _P, (h + g) * (f + e) % _P, (h - g) * (h + g) % _P, (f - e) * (f + e) % _P


def _point(y: int, sign: int) -> Point | None:
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * _ROOT % _P
    if y >= _P or x * x % _P != square or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else _P - x
    return x, y, 1, x * y % _P


def ed25519_fits(public_key: bytes, signed: bytes, signature: bytes) -> bool:
    """Tell whether an Ed25519 signature of 64 bytes is the public key's."""
    encoded = int.from_bytes(public_key, "little")
    key, base = _point(encoded & (2**255 - 1), encoded >> 255), _point(4 * pow(5, -1, _P) % _P, 0)
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or base is None or len(signature) != 64 or scalar >= _L:  # noqa: PLR2004 -- its length
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public_key + signed).digest(), "little") % _L
    negated = (_P - key[0], key[1], 1, _P - key[3])
    both, total = _add(base, negated), (0, 1, 1, 0)
    for place in reversed(range(253)):
        total = _add(total, total)
        if chosen := (None, base, negated, both)[(scalar >> place & 1) + 2 * (challenge >> place & 1)]:
            total = _add(total, chosen)
    inverse = pow(total[2], -1, _P)
    x, y = total[0] * inverse % _P, total[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]
