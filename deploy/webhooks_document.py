"""Writes docs/webhooks.md, for those who receive: prose with what the code knows filled in, and every payload."""

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from services.reporting.adapters.outgoing.poster import EXCERPT_BYTES, MOST_BYTES
from services.reporting.domain.webhooks.health import FAILING_FOR, LEAST_ATTEMPTS, OPENS_AFTER
from services.reporting.domain.webhooks.schedule import DEFAULT_DELAYS, JITTER, LEAST, MOST
from services.reporting.domain.webhooks.signatures import SEED, Secret, headers, public_text
from services.reporting.settings import ReportingSettings
from shared.contracts.webhooks import WEBHOOKS, TaskCompletedWebhook, TaskState, Webhook

PROSE: Final = Path(__file__).with_suffix(".md")
SAMPLE_ID: Final = "0192f5c0-6d1e-7a3b-8c4d-5e6f7081aaaa"
SAMPLE_TIMESTAMP: Final = 1697250600
SAMPLE_SECRET: Final = Secret("hmac", b64decode("Y2NoYyBkb2NzOiBub3QgYSBzZWNyZXQh"))
SAMPLE_PRIVATE: Final = Secret("ed25519", b"cchc docs: not a secret at all!!"[:SEED])

_MEANINGS: Final = {
    "plan_id": "kế hoạch",
    "unit": "mã đơn vị của kế hoạch",
    "year": "năm kế hoạch",
    "task_id": "nhiệm vụ",
    "code": "mã nhiệm vụ",
    "number": "số thứ tự nhiệm vụ trong kế hoạch, hoặc số của báo cáo",
    "title": "tên nhiệm vụ",
    "field": "lĩnh vực",
    "lead_units": "mã các cơ quan chủ trì",
    "deadline": "hạn, ngày Việt Nam; null khi không có ngày",
    "completed_on": "ngày có sản phẩm; null khi sự kiện không nói đến",
    "state": "trạng thái nhiệm vụ sau sự kiện: " + ", ".join(f"`{state.value}`" for state in TaskState),
    "threshold": "mốc vừa đạt, phần trăm",
    "total": "số nhiệm vụ của kế hoạch",
    "done": "số nhiệm vụ đã hoàn thành",
    "report_id": "báo cáo",
    "period": "kỳ báo cáo, tính cả hai ngày đầu cuối",
    "issued_on": "ngày phát hành",
    "sha256": "mã băm (hex) của từng định dạng đã phát hành",
}


def webhooks_markdown() -> str:
    """Return docs/webhooks.md."""
    seconds: float = ReportingSettings.model_fields["webhook_timeout_seconds"].default
    filled = {
        "request": "\n".join(_request()),
        "vector": "\n".join(_vector()),
        "moment": str(SAMPLE_TIMESTAMP),
        "seconds": f"{seconds:g}",
        "most_kib": str(MOST_BYTES // 1024),
        "excerpt_kib": str(EXCERPT_BYTES // 1024),
        "least_pause": _span(LEAST.total_seconds()),
        "most_pause": _span(MOST.total_seconds()),
        "delays": ", ".join(_span(pause) for pause in DEFAULT_DELAYS),
        "jitter": f"{JITTER * 100:g}",
        "total": str(round(sum(DEFAULT_DELAYS) / 3600)),
        "opens": str(OPENS_AFTER),
        "days": str(FAILING_FOR.days),
        "least": str(LEAST_ATTEMPTS),
        "payloads": "\n\n".join(_payload(kind, webhook) for kind, webhook in WEBHOOKS.items()),
        "fields": "\n".join(_field_rows()),
    }
    text = PROSE.read_text(encoding="utf-8")
    for name, value in filled.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return text


def _request() -> Iterator[str]:
    for name, value in sample_headers(SAMPLE_SECRET).items():
        yield f"{name}: {value}"
    yield ""
    yield TaskCompletedWebhook.sample().body


def sample_headers(*secrets: Secret) -> dict[str, str]:
    """Return the headers of the sample, really signed: receivers can try their code with it."""
    return headers(secrets, SAMPLE_ID, SAMPLE_TIMESTAMP, TaskCompletedWebhook.sample().body.encode())


def _vector() -> Iterator[str]:
    public = public_text(SAMPLE_PRIVATE.public_key or b"")
    for key, secret in ((SAMPLE_SECRET.text, SAMPLE_SECRET), (public, SAMPLE_PRIVATE)):
        yield f"| `{key}` | `{sample_headers(secret)['webhook-signature']}` |"


def _span(seconds: float) -> str:
    for unit, length in (("giờ", 3600), ("phút", 60)):
        if seconds >= length:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} giây"


def _payload(kind: str, webhook: type[Webhook]) -> str:
    sample = json.dumps(json.loads(webhook.sample().body), ensure_ascii=False, indent=2)
    meaning = " ".join((webhook.__doc__ or "").split())
    return f"### `{kind}`\n\n{webhook.description} *({meaning})*\n\n```json\n{sample}\n```"


def _field_rows() -> Iterator[str]:
    """Yield each field of any type's data once, with what it is in JSON."""
    known: dict[str, str] = {}
    for webhook in WEBHOOKS.values():
        data: type[BaseModel] = type(webhook.sample().data)
        for name, schema in data.model_json_schema()["properties"].items():
            known[name] = f"| `{name}` | {_kind(schema)} | {_MEANINGS[name]} |"
    yield from known.values()


def _kind(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " hoặc ".join(_kind(part) for part in schema["anyOf"])
    if "$ref" in schema:
        return "object" if schema["$ref"].endswith("PeriodV1") else "string"
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    return str(schema.get("format") or schema.get("type"))
