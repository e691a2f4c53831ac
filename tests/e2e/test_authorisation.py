"""Every role and unit against every endpoint: who gets through, who is refused, from whom a thing is hidden.

A cell is one request. "yes": past every check on who asks (the business may still refuse: 409, 422). "no": 403.
"hidden": 404, as if it did not exist. "401": no caller. An endpoint without a row fails the test, and so does a row
without an endpoint.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import httpx2
import pytest
from pydantic import SecretStr

from services.plans.main import create_app as create_plans
from services.plans.settings import PlansSettings
from services.reporting.main import create_app as create_reporting
from services.reporting.settings import ReportingSettings
from services.tasks.main import create_app as create_tasks
from services.tasks.settings import TasksSettings
from shared.clock import SystemClock, vietnam_date
from shared.http.permissions import permission_matrix
from tests.support.ports import free_base_port
from tests.support.province import PROVINCE, import_and_issue, report_all, tasks_of, wait_for_done
from tests.support.system import System, until
from tests.support.webhook_rows import a_silent_webhook

CALLERS: dict[str, tuple[str, str | None] | None] = {
    "nobody": None,
    "lead unit": ("department", "TV-STP"),
    "other unit": ("department", "TV-SYT"),
    "department without unit": ("department", None),
    "secretariat": ("secretariat", PROVINCE),
    "secretariat of all": ("secretariat", None),
    "secretariat elsewhere": ("secretariat", "ZZ"),
    "leader": ("leader", PROVINCE),
    "leader elsewhere": ("leader", "ZZ"),
    "admin": ("admin", PROVINCE),
    "admin of all": ("admin", None),
    "admin elsewhere": ("admin", "ZZ"),
}

ALL = "401 yes yes no yes yes yes yes yes yes yes yes"
OVERSEEN = "401 yes yes no yes yes hidden yes hidden yes yes hidden"
OF_THE_TASK = "401 yes hidden no yes yes hidden yes hidden yes yes hidden"
BY_THE_LEAD = "401 yes hidden no no no hidden no no no no no"
BY_THE_SECRETARIAT = "401 no no no yes yes hidden no no no no no"
BY_THE_ADMIN = "401 no no no no no no no no yes yes no"
"""Units are in sight of everybody, so what one may not change is refused, not hidden."""
TO_LEADERS = "401 no no no no no no yes yes yes yes yes"
OF_THE_OFFICE = "401 no no no no no no yes hidden yes yes hidden"
BY_THE_OFFICE = "401 no no no no no no yes hidden yes no hidden"
"""An administrator of everything reads what is meant for an office, and acknowledges nothing in its stead."""
BY_ANY_ADMIN = "401 no no no no no no no no yes yes yes"
"""What the whole installation has in common, wherever the admin's unit stands."""

ROWS = {
    "list_units": ALL,
    "get_unit": ALL,
    "change_unit": BY_THE_ADMIN,
    "list_programmes": ALL,
    "list_plans": ALL,
    "get_plan": OVERSEEN,
    "import_plan": "401 no no no yes yes no no no no no no",
    "issue_plan": BY_THE_SECRETARIAT,
    "list_tasks": ALL,
    "get_task": OF_THE_TASK,
    "report_progress": BY_THE_LEAD,
    "report_completion": BY_THE_LEAD,
    "report_batch": "401 yes yes no yes yes yes no no no no no",
    "confirm_completion": BY_THE_SECRETARIAT,
    "return_completion": BY_THE_SECRETARIAT,
    "reopen_task": BY_THE_SECRETARIAT,
    "list_calendar_days": ALL,
    "set_calendar_day": BY_ANY_ADMIN,
    "remove_calendar_day": BY_ANY_ADMIN,
    "get_progress": OVERSEEN,
    "list_periods": ALL,
    "list_reports": ALL,
    "get_report": OVERSEEN,
    "get_document": OVERSEEN,
    "explain_figure": OVERSEEN,
    "create_report": BY_THE_SECRETARIAT,
    "edit_report": BY_THE_SECRETARIAT,
    "issue_report": BY_THE_SECRETARIAT,
    "create_webhook_endpoint": TO_LEADERS,
    "list_webhook_endpoints": TO_LEADERS,
    "get_webhook_endpoint": OF_THE_OFFICE,
    "change_webhook_endpoint": OF_THE_OFFICE,
    "delete_webhook_endpoint": OF_THE_OFFICE,
    "rotate_webhook_key": OF_THE_OFFICE,
    "send_test_webhook": OF_THE_OFFICE,
    "recover_webhook_deliveries": OF_THE_OFFICE,
    "list_webhook_event_types": TO_LEADERS,
    "list_webhook_deliveries": TO_LEADERS,
    "get_webhook_delivery": OF_THE_OFFICE,
    "resend_webhook_delivery": OF_THE_OFFICE,
    "list_notices": TO_LEADERS,
    "see_notice": BY_THE_OFFICE,
    "create_access_key": "401 yes no no no no no no no yes yes no",
    "list_access_keys": "401 yes yes no no no no no no yes yes yes",
    "revoke_access_key": "401 yes hidden no no no no no no yes yes hidden",
}
"""Endpoint -> one cell for each caller, in their order."""

OPEN_TO_KEYS = {
    "read": {
        *("list_units", "get_unit", "list_programmes", "list_plans", "get_plan", "list_tasks", "get_task"),
        *("get_progress", "list_periods", "list_reports", "get_report", "get_document", "explain_figure"),
    },
    "report": {"report_progress", "report_completion", "report_batch"},
}
"""Verb of an access key of the lead unit -> endpoints that it gets through to; to all others the answer is 403."""


@dataclass(frozen=True)
class World:
    """A running system with an issued plan, a confirmed completion of Sở Tư pháp, and an issued report.

    And a webhook endpoint of the province, switched off, with a delivery and a notice.
    """

    system: System
    plan_id: str
    task_id: str
    completion_id: str
    report_id: str
    endpoint_id: str
    delivery_id: str
    notice_id: str
    access_key_id: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    system = System(tmp_path_factory.mktemp("authorisation"), free_base_port(), {"CCHC_SAMPLE": "0"})
    try:
        system.start()
        with system.client("plans", "admin") as admin:
            made = admin.post("/v1/units", json={"code": "ZZ", "name": "Tỉnh thử nghiệm", "kind": "province"})
            assert made.status_code in {200, 201}, made.text
        plan_id = import_and_issue(system, title="Kế hoạch CCHC năm 2023")
        tasks = tasks_of(system, plan_id, 38)
        completions = report_all(system, plan_id)
        wait_for_done(system, plan_id, 32, cutoff="2023-10-31")
        number = next(n for n in completions if tasks[n]["lead_units"][0]["code"] == "TV-STP")
        report_id = an_issued_report(system, plan_id)
        hook = asyncio.run(a_silent_webhook(system))
        key_id = a_key(system)["id"]
        yield World(system, plan_id, tasks[number]["id"], completions[number], report_id, *hook, key_id)
    finally:
        system.stop()


def a_key(system: System, *verbs: str) -> dict[str, str]:
    """Make an access key of the lead unit."""
    expires_on = (vietnam_date(SystemClock().now()) + timedelta(days=9)).isoformat()
    body = {"name": "Phần mềm", "unit": "TV-STP", "verbs": verbs or ("read",), "expires_on": expires_on}
    with system.client("plans", "admin") as admin:
        made: dict[str, str] = admin.post("/v1/access-keys", json=body).json()
    return made


def an_issued_report(system: System, plan_id: str) -> str:
    period = {"name": "10 tháng", "from": "2023-01-01", "to": "2023-10-31"}
    document = {"number": "1/BC-UBND", "issued_on": "2023-11-03", "signed_by": "Chủ tịch"}
    with system.client("reporting", "secretariat", PROVINCE) as reporting:
        draft = reporting.post("/v1/reports", json={"plan_id": plan_id, "period": period})
        report_id: str = draft.json()["id"]
        issued = reporting.post(f"/v1/reports/{report_id}/issue", json={"document": document})
        assert issued.status_code == 200, issued.text
    return report_id


def request(world: World, endpoint: str, client: httpx2.Client) -> httpx2.Response:
    """Send one request of the endpoint that changes nothing, or nothing that another cell would notice."""
    plan, task, report = f"/v1/plans/{world.plan_id}", f"/v1/tasks/{world.task_id}", f"/v1/reports/{world.report_id}"
    completion = f"{task}/completions/{world.completion_id}"
    document = {"document": {"number": "2/BC", "issued_on": "2023-11-03", "signed_by": "Chủ tịch"}}
    done = {"completed_on": "2023-02-24", "evidence": [{"number": "33/KH", "issued_on": "2023-02-24"}]}
    period = {"name": "10 tháng", "from": "2023-01-01", "to": "2023-10-31"}
    form = {"unit": PROVINCE, "year": "2023", "title": "Thử"}
    file = {"file": ("plan.tsv", "STT\tNhiệm vụ\n".encode())}
    hook, delivery = f"/v1/webhook-endpoints/{world.endpoint_id}", f"/v1/webhook-deliveries/{world.delivery_id}"
    old = {"If-Match": '"999999"'}
    refused_url = {"url": "https://127.0.0.1/", "event_types": ["cchc.report.issued.v1"]}
    key = {"name": "Phần mềm", "unit": "TV-STP", "verbs": ["read"], "expires_on": "2020-01-01"}
    unit = {"code": "TV-STP", "name": "Sở Tư pháp", "kind": "department", "parent": PROVINCE}
    day, off = "/v1/calendar/days/2023-01-27", {"is_working": False, "name": "Nghỉ bù"}
    sent = {
        "list_units": lambda: client.get("/v1/units"),
        "get_unit": lambda: client.get("/v1/units/TV-STP"),
        "change_unit": lambda: client.post("/v1/units", json=unit),
        "list_programmes": lambda: client.get("/v1/programmes"),
        "list_plans": lambda: client.get("/v1/plans"),
        "get_plan": lambda: client.get(plan),
        "import_plan": lambda: client.post("/v1/plans/import", params={"dry_run": "true"}, data=form, files=file),
        "issue_plan": lambda: client.post(f"{plan}/issue", json=document),
        "list_tasks": lambda: client.get("/v1/tasks"),
        "get_task": lambda: client.get(task),
        "report_progress": lambda: client.post(f"{task}/progress", json={"note": "Đang làm"}),
        "report_completion": lambda: client.post(f"{task}/completions", json=done),
        "report_batch": lambda: client.post(
            "/v1/completions/batch", json={"items": [{"task_id": world.task_id, **done}]}
        ),
        "confirm_completion": lambda: client.post(f"{completion}/confirm", json={}),
        "return_completion": lambda: client.post(f"{completion}/return", json={"reason": "Thiếu văn bản"}),
        "reopen_task": lambda: client.post(f"{task}/reopen", json={"reason": " "}),
        "list_calendar_days": lambda: client.get("/v1/calendar/days", params={"year": "2023"}),
        "set_calendar_day": lambda: client.put(day, json=off),
        "remove_calendar_day": lambda: (client.put(day, json=off), client.delete(day))[1],
        "get_progress": lambda: client.get(f"{plan}/progress"),
        "list_periods": lambda: client.get("/v1/periods", params={"year": "2023"}),
        "list_reports": lambda: client.get("/v1/reports"),
        "get_report": lambda: client.get(report),
        "get_document": lambda: client.get(f"{report}/document", params={"format": "docx"}),
        "explain_figure": lambda: client.get(f"{report}/figures/done"),
        "create_report": lambda: client.post("/v1/reports", json={"plan_id": world.plan_id, "period": period}),
        "edit_report": lambda: client.patch(report, json={"results": "Sửa"}),
        "issue_report": lambda: client.post(f"{report}/issue", json=document),
        "create_webhook_endpoint": lambda: client.post("/v1/webhook-endpoints", json=refused_url),
        "list_webhook_endpoints": lambda: client.get("/v1/webhook-endpoints"),
        "get_webhook_endpoint": lambda: client.get(hook),
        "change_webhook_endpoint": lambda: client.patch(hook, json={"description": "Sửa"}),
        "delete_webhook_endpoint": lambda: client.delete(hook, headers=old),
        "rotate_webhook_key": lambda: client.post(f"{hook}/rotate", json={}, headers=old),
        "send_test_webhook": lambda: client.post(f"{hook}/test", json={"event_type": "cchc.report.issued.v1"}),
        "recover_webhook_deliveries": lambda: client.post(f"{hook}/recover", json={"since": "2023-01-01T00:00:00Z"}),
        "list_webhook_event_types": lambda: client.get("/v1/webhook-event-types"),
        "list_webhook_deliveries": lambda: client.get("/v1/webhook-deliveries"),
        "get_webhook_delivery": lambda: client.get(delivery),
        "resend_webhook_delivery": lambda: client.post(f"{delivery}/resend", json={}),
        "list_notices": lambda: client.get("/v1/notices"),
        "see_notice": lambda: client.post(f"/v1/notices/{world.notice_id}/seen", json={}),
        "create_access_key": lambda: client.post("/v1/access-keys", json=key),
        "list_access_keys": lambda: client.get("/v1/access-keys"),
        "revoke_access_key": lambda: client.delete(f"/v1/access-keys/{world.access_key_id}"),
    }
    return sent[endpoint]()


def endpoints() -> dict[str, str]:
    """Return every guarded endpoint with its service, read from the applications themselves."""
    nowhere = SecretStr("postgresql://nobody@127.0.0.1:1/none")
    applications = {
        "plans": create_plans(PlansSettings(plans_database_url=nowhere)),
        "tasks": create_tasks(TasksSettings(tasks_database_url=nowhere)),
        "reporting": create_reporting(ReportingSettings(reporting_database_url=nowhere)),
    }
    return {name: service for service, app in applications.items() for _, _, name, _ in permission_matrix(app)}


ENDPOINTS = endpoints()
MEANING = {401: "401", 403: "no", 404: "hidden"}


def test_every_endpoint_has_a_row_and_every_row_an_endpoint() -> None:
    assert set(ENDPOINTS) == set(ROWS)


@pytest.mark.parametrize("endpoint", ROWS)
def test_every_caller_gets_what_the_row_says(world: World, endpoint: str) -> None:
    found = {}
    for caller, identity in CALLERS.items():
        client = (
            httpx2.Client(base_url=world.system.url(ENDPOINTS[endpoint]), timeout=30, verify=False)
            if identity is None
            else world.system.client(ENDPOINTS[endpoint], *identity)
        )
        with client:
            answer = request(world, endpoint, client)
        assert answer.status_code < 500, answer.text
        found[caller] = MEANING.get(answer.status_code, "yes")
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
    assert found == dict(zip(CALLERS, ROWS[endpoint].split(), strict=True))


def knows_the_key(program: httpx2.Client) -> bool:
    return program.get("/v1/nothing").status_code == 404


@pytest.mark.parametrize("verb", OPEN_TO_KEYS)
def test_an_access_key_gets_through_to_what_it_was_made_for_and_no_further(world: World, verb: str) -> None:
    made = a_key(world.system, verb)
    headers = {"Authorization": f"Bearer {made['key']}"}
    for service in ("plans", "tasks", "reporting"):
        url = world.system.url(service)
        with httpx2.Client(base_url=url, headers=headers, timeout=30, verify=False) as program:
            until(partial(knows_the_key, program), within=10, what=f"{service} knows the key")
            found = {
                name: request(world, name, program).status_code for name, place in ENDPOINTS.items() if place == service
            }
        assert {name for name, status in found.items() if status != 403} == OPEN_TO_KEYS[verb] & found.keys()


def test_what_is_hidden_is_in_no_list_and_no_count(world: World) -> None:
    """What a leader of another province gets from every list is empty, whatever he filters by."""
    own = {"plan_id": world.plan_id}
    with world.system.client("tasks", "leader", "ZZ") as tasks:
        asked: list[dict[str, str]] = [{}, own, {"unit": "TV-STP"}, {"state": "done"}]
        for query in asked:
            assert tasks.get("/v1/tasks", params=query).json() == {"items": [], "next": None}
    with world.system.client("plans", "leader", "ZZ") as plans:
        assert plans.get("/v1/plans", params={"unit": PROVINCE}).json() == {"items": [], "next": None}
    with world.system.client("reporting", "leader", "ZZ") as reporting:
        assert reporting.get("/v1/reports", params=own).json() == {"items": [], "next": None}
        for path in ("webhook-endpoints", "webhook-deliveries", "notices"):
            assert reporting.get(f"/v1/{path}").json() == {"items": [], "next": None}
        theirs = {"endpoint_id": world.endpoint_id}
        assert reporting.get("/v1/webhook-deliveries", params=theirs).json() == {"items": [], "next": None}


def test_hidden_and_unknown_are_told_in_the_same_words(world: World) -> None:
    unknown = "00000000-0000-7000-8000-000000000000"
    with world.system.client("tasks", "department", "TV-SYT") as other:
        answers = [other.get(f"/v1/tasks/{task}").json() for task in (world.task_id, unknown)]
    for answer in answers:
        answer.pop("instance")
    assert answers[0] == answers[1]


def test_a_department_may_not_report_for_a_collective_lead(world: World) -> None:
    collective = next(task for task in tasks_of(world.system, world.plan_id, 38).values() if task["number"] == "17")
    done = {"completed_on": "2023-10-13", "evidence": [{"number": "402/BC-VP", "issued_on": "2023-10-13"}]}
    for unit in ("TV-STP", "TV-SNV"):
        with world.system.client("tasks", "department", unit) as client:
            answer = client.post(f"/v1/tasks/{collective['id']}/completions", json=done)
            assert answer.status_code == 404, answer.text
