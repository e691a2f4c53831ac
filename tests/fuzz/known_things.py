"""Identifiers, codes, days and files that exist, laid into made-up requests so that they reach past the front door."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from schemathesis import Case
from schemathesis.core.transport import Response

from shared.clock import SystemClock, vietnam_date

Number = Callable[[int], int]
"""Draws a whole number below its argument."""

MOST_OF_A_KIND = 300
DAYS = ["2023-01-01", "2023-10-20", "2023-10-31", "2024-02-29", "2023-02-29", "2000-01-01", "2100-12-31", "2101-01-01"]
ENDS = ["0001-01-01", "9999-12-31"]
"""Infinity, to the database."""
GIVEN: dict[str, list[Any]] = {
    "unit": ["TV", "TV-SNV", "TV-STP", "ZZ"],
    "code": ["TV-MOI", "TV-CU", "XX", "X.1-2"],
    "parent": ["TV", "TV-MOI", "XX"],
    "kind": ["department", "province", "group"],
    "search": ["so", "Sở Nội vụ", "%", "_", "\\"],
    "year": [2023, 2000, 2100],
    "number": ["1", "17", "310/BC-UBND", "2715/QĐ-UBND"],
    "title": ["Kế hoạch CCHC", "Thử"],
    "reason": ["Thiếu văn bản minh chứng"],
    "note": ["Đang lấy ý kiến", ""],
    "percent": [0, 60, 100],
    "completed_on": ["2023-10-20", "2023-10-31", "2023-05-04", *DAYS[3:5]],
    "issued_on": DAYS + ENDS,
    "cutoff": DAYS,
    "day": DAYS,
    "from": DAYS,
    "to": DAYS,
    "valid_from": DAYS + ENDS,
    "valid_to": DAYS + ENDS,
    "as_of": ["2023-11-01T00:00:00Z", "2024-01-01T07:00:00+07:00", "0001-01-01T00:00:00+14:00"],
    "reported_at": ["2023-10-20T00:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"],
    "evidence": [[{"number": f"{number}/BC", "issued_on": "2023-02-20"}] for number in range(5)],
    "programme": ["NQ76", "NQ30"],
    "unknown_units": ["refuse", "create"],
    "counts_when": ["reported", "confirmed"],
    "if-match": ["*", "*", "*", '"1"', '"2"', 'W/"1"'],
    "if-none-match": ["*", '"1"'],
    "expires_on": [(vietnam_date(SystemClock().now()) + timedelta(days=days)).isoformat() for days in (0, 30, 2000)],
    "verbs": [["read"], ["report", "read"], ["confirm"]],
    "idempotency-key": [f"khoa {number}" for number in range(500)],
    "figure_id": ["done", "done_of_total", "field.I.done", "unit.TV-STP.overdue", "unit.TV-STP.", "score", "%"],
    "format": ["docx", "json"],
    "url": [
        "https://lanhdao.example.vn/cchc",
        "https://127.0.0.1/",
        "http://[::1]:80/",
        "https://a@b.vn/",
        "https://x",
    ],
    "event_types": [["cchc.task.completed.v1"], ["cchc.report.issued.v1", "cchc.task.overdue.v1"]],
    "event_type": ["cchc.report.issued.v1"],
    "filter": [None, {"unit": "TV-SNV"}, {"unit": "ZZ"}, {"field": "II"}],
    "state": ["enabled", "failed", "draft", "done"],
    "since": ["2023-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"],
    "cursor": ["W10", "WzFd", "bnVsbA"],
}
LISTS = {
    "list_access_keys": "key_id",
    "list_plans": "plan_id",
    "list_tasks": "task_id",
    "list_reports": "report_id",
    "list_webhook_endpoints": "endpoint_id",
    "list_webhook_deliveries": "delivery_id",
    "list_notices": "notice_id",
}


@dataclass
class Known:
    """Values by the name of the field that takes them; learns what answers tell."""

    values: dict[str, list[Any]] = field(default_factory=dict)
    learnt: dict[str, deque[Any]] = field(default_factory=lambda: defaultdict(lambda: deque(maxlen=MOST_OF_A_KIND)))
    reported: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=12))
    """Path parameters of completions that were accepted of late: to be confirmed, returned, reopened."""

    def __post_init__(self) -> None:
        self.values = {**GIVEN, **self.values}

    def of(self, name: str) -> list[Any]:
        """Return the values that a field of this name may be given; empty where nothing is known."""
        lowered = name.lower()
        return [*self.values.get(lowered, ()), *self.learnt.get(lowered, ())]

    def lay_into(self, case: Case[Any], number: Number) -> None:
        """Replace most identifiers of `case`, and some of its other values, by known ones."""
        self._lay(case.path_parameters, number, of_ten=8)
        self._lay(case.query, number, of_ten=3)
        self._lay(case.headers, number, of_ten=7)
        if self.reported and (case.path.endswith("/reopen") or "completion_id" in case.path_parameters):
            chosen = self.reported[number(1 << 16) % len(self.reported)]
            case.path_parameters.update({name: chosen[name] for name in chosen if f"{{{name}}}" in case.path})
        if isinstance(case.body, dict | list):
            self._lay(case.body, number, of_ten=5)

    def _lay(self, place: Any, number: Number, of_ten: int) -> None:  # noqa: ANN401 -- JSON
        if isinstance(place, list):
            for item in place:
                self._lay(item, number, of_ten)
        elif hasattr(place, "keys"):
            for name in list(place):
                known = self.of(str(name))
                if known and number(10) < of_ten:
                    place[name] = known[number(1 << 16) % len(known)]
                elif name != "evidence":
                    self._lay(place[name], number, of_ten)

    def learn(self, operation: str, case: Case[Any], response: Response) -> None:
        """Keep what a successful answer tells of things that now exist."""
        if response.status_code not in {200, 201} or "json" not in response.headers.get("content-type", [""])[0]:
            return
        body = response.json()
        for name, value in _told(operation, body if isinstance(body, dict) else {}):
            self.learnt[name].append(value)
        if operation.startswith("report_completion"):
            self.reported.append({**case.path_parameters, "completion_id": body["completion_id"]})
        self.learnt["if-none-match"].extend(response.headers.get("etag", ()))


def _told(operation: str, body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if body.get("plan_id"):
        yield "plan_id", body["plan_id"]
    if operation.startswith("create_report"):
        yield "report_id", body["id"]
    if body.get("next"):
        yield "cursor", body["next"]
    for listing, name in LISTS.items():
        if operation.startswith(listing):
            yield from ((name, item["id"]) for item in body.get("items", ()))
