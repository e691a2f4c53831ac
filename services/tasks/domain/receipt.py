"""The receipt (biên nhận): proof for a department of what was accepted from it, and when.

The digest can be recomputed by anyone who has the receipt and the report: SHA-256 over the UTF-8 bytes of one JSON
object with the keys in `digest_content`, keys sorted at every level, no blanks between tokens, letters not escaped,
fields without a value left out. Texts are those that were stored (Unicode NFC, runs of blanks made one); days are
`YYYY-MM-DD`; moments are UTC `YYYY-MM-DDTHH:MM:SS.ffffffZ`; `reported_at` equals `recorded_at` where none was sent.
"""

import json
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from services.tasks.domain.completion import Completion
from services.tasks.domain.evidence import Evidence


def moment_text(moment: datetime) -> str:
    """Return `moment` in the one form that answers and digests use."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def evidence_content(document: Evidence) -> dict[str, Any]:
    """Return the document's fields that have a value, days as text."""
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in vars(document).items()
        if value is not None
    }


def digest_content(completion: Completion, *, task_id: UUID, task_code: str) -> dict[str, Any]:
    """Return what the digest covers."""
    content: dict[str, Any] = {
        "completed_on": completion.completed_on.isoformat(),
        "completion_id": str(completion.id),
        "evidence": [evidence_content(document) for document in completion.evidence],
        "recorded_at": moment_text(completion.recorded_at),
        "reported_at": moment_text(completion.reported_at),
        "reported_by": completion.by_subject,
        "task_code": task_code,
        "task_id": str(task_id),
    }
    optional = {"note": completion.note, "unit": completion.by_unit}
    return content | {name: value for name, value in optional.items() if value is not None}


def digest(content: dict[str, Any]) -> str:
    """Return the SHA-256 of `content` in its canonical form, in hexadecimal."""
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()


def receipt(completion: Completion, *, event_id: UUID, task_id: UUID, task_code: str) -> dict[str, str]:
    """Return the receipt that goes back to the department."""
    return {
        "event_id": str(event_id),
        "recorded_at": moment_text(completion.recorded_at),
        "task_code": task_code,
        "completion_id": str(completion.id),
        "sha256": digest(digest_content(completion, task_id=task_id, task_code=task_code)),
    }
