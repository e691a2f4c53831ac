"""A caller of one office learns nothing of another's: not by lists, counts, errors, or the words of a refusal."""

from typing import Any
from uuid import UUID

import pytest

from services.reporting.domain.sight import UnitTree, Viewer
from services.reporting.domain.webhooks.endpoint import Owner
from services.reporting.domain.webhooks.ownership import is_addressee, reach
from tests.support.reporting_service import ReportingService
from tests.support.webhook_office import COMPLETED, DELIVERIES, ENDPOINTS, NOTICES, WANTED, Person, deliveries, notice

SINCE = {"since": "2024-01-01T00:00:00Z"}
UNKNOWN = "00000000-0000-7000-8000-000000000000"
REFUSED = [("department", "TV"), ("department", "TV-SYT"), ("secretariat", "TV"), ("secretariat", None)]
STRANGERS = [("leader", "LD"), ("leader", "VN"), ("leader", "TV-SYT"), ("leader", None), ("admin", "LD")]
INSIDERS = [("leader", "TV"), ("admin", "TV"), ("admin", None)]


def requests_about(endpoint: str, event: object, seen: str) -> list[tuple[str, str, Any]]:
    path = f"{ENDPOINTS}/{endpoint}"
    return [
        ("GET", path, None),
        ("PATCH", path, {"description": "Của tôi"}),
        ("PATCH", path, {"url": "https://127.0.0.1/"}),
        ("POST", f"{path}/rotate", {}),
        ("POST", f"{path}/test", {"event_type": COMPLETED}),
        ("POST", f"{path}/recover", SINCE),
        ("DELETE", path, None),
        ("GET", f"{DELIVERIES}/{endpoint}.{event}", None),
        ("POST", f"{DELIVERIES}/{endpoint}.{event}/resend", {}),
        ("POST", f"{NOTICES}/{seen}/seen", {}),
    ]


async def a_world(service: ReportingService) -> tuple[str, UUID, str]:
    """Make an endpoint of Trà Vinh with a failed delivery and a notice; return endpoint, event, notice."""
    endpoint = (await Person(service).endpoint())["id"]
    [event] = await deliveries(service, endpoint, 1, state="failed")
    await notice(service, endpoint)
    [told] = (await Person(service).get(NOTICES))["items"]
    return endpoint, event, told["id"]


async def snapshot(service: ReportingService) -> list[dict[str, Any]]:
    tables = ("webhook_endpoints", "webhook_secrets", "webhook_deliveries", "webhook_notices")
    return [row for table in tables for row in await service.rows(f"SELECT * FROM {table} ORDER BY id")]  # noqa: S608


async def test_what_is_anothers_and_what_is_not_there_are_told_in_the_same_words(service: ReportingService) -> None:
    endpoint, event, seen = await a_world(service)
    before = await snapshot(service)
    for role, unit in STRANGERS:
        stranger = Person(service, role, unit)
        of_theirs = requests_about(endpoint, event, seen)
        of_nobody = requests_about(UNKNOWN, UNKNOWN, f"{UNKNOWN}.{seen.partition('.')[2]}")
        for (method, path, body), (_, nowhere, _) in zip(of_theirs, of_nobody, strict=True):
            told, unknown = [await stranger.call(method, each, body) for each in (path, nowhere)]
            assert told.status_code == 404, f"{role} {unit} {method} {path}: {told.text}"
            assert {**told.json(), "instance": ""} == {**unknown.json(), "instance": ""}
            assert {*told.headers} == {*unknown.headers}
    assert await snapshot(service) == before


async def test_every_list_of_a_stranger_is_empty_whatever_he_filters_by(service: ReportingService) -> None:
    endpoint, _, _ = await a_world(service)
    nothing: dict[str, Any] = {"items": [], "next": None}
    lists = [
        ENDPOINTS,
        f"{ENDPOINTS}?state=enabled",
        f"{ENDPOINTS}?limit=1",
        DELIVERIES,
        f"{DELIVERIES}?endpoint_id={endpoint}",
        f"{DELIVERIES}?state=failed",
        NOTICES,
        f"{NOTICES}?unseen=true",
    ]
    for role, unit in STRANGERS:
        for path in lists:
            assert await Person(service, role, unit).get(path) == nothing, f"{role} {unit} {path}"


async def test_numbers_shown_to_one_office_do_not_grow_with_what_another_has(service: ReportingService) -> None:
    """Rows are numbered through the whole installation; what is shown must not be such a number."""
    endpoint, _, _ = await a_world(service)
    before = await deliveries(service, endpoint, 1, state="delivered")
    other = (await Person(service, unit="LD").endpoint())["id"]
    await deliveries(service, other, 500, state="failed")
    shown = str([await Person(service).get(path) for path in (f"{DELIVERIES}?limit=1", NOTICES, ENDPOINTS)])
    [row] = await service.rows("SELECT id FROM webhook_deliveries WHERE event_id = :event", event=before[0])
    assert f"{endpoint}.{before[0]}" in shown
    assert f"'id': {row['id']}" not in shown
    assert other not in shown


async def test_the_roles_that_are_told_of_nothing_are_refused_before_anything_is_looked_for(
    service: ReportingService,
) -> None:
    endpoint, event, seen = await a_world(service)
    for role, unit in REFUSED:
        person = Person(service, role, unit)
        asked = [*requests_about(endpoint, event, seen), ("POST", ENDPOINTS, WANTED)]
        asked += [("GET", path, None) for path in (ENDPOINTS, DELIVERIES, NOTICES, "/v1/webhook-event-types")]
        for method, path, body in asked:
            assert (await person.call(method, path, body)).status_code == 403, f"{role} {unit} {method} {path}"


async def test_an_office_shares_its_endpoints_and_administrators_look_after_those_below(
    service: ReportingService,
) -> None:
    endpoint, event, _ = await a_world(service)
    for role, unit in INSIDERS:
        insider = Person(service, role, unit)
        assert [item["id"] for item in (await insider.get(ENDPOINTS))["items"]] == [endpoint]
        assert [item["event_id"] for item in (await insider.get(DELIVERIES))["items"]] == [str(event)]
        changed = await insider.call("PATCH", f"{ENDPOINTS}/{endpoint}", {"description": f"{role} {unit}"})
        assert changed.status_code == 200, changed.text
    below = (await Person(service, unit="TV-SYT").endpoint())["id"]
    assert len((await Person(service, "admin", "TV").get(ENDPOINTS))["items"]) == 2
    assert len((await Person(service, "leader", "TV").get(ENDPOINTS))["items"]) == 1
    assert (await Person(service, "admin", "TV").call("DELETE", f"{ENDPOINTS}/{below}")).status_code == 204


async def test_a_key_of_one_caller_answers_no_other(service: ReportingService) -> None:
    """The same Idempotency-Key and body of another caller makes another endpoint and shows another secret."""
    key = {"Idempotency-Key": "chung"}
    mine, theirs = [await Person(service, unit=unit).post(ENDPOINTS, WANTED, **key) for unit in ("TV", "LD")]
    assert mine.json()["id"] != theirs.json()["id"]
    assert mine.json()["secret"] != theirs.json()["secret"]


async def test_nobody_learns_from_a_refusal_what_address_or_how_many_another_has(service: ReportingService) -> None:
    await Person(service, unit="LD").endpoint()
    made = await Person(service).post(ENDPOINTS, WANTED)
    assert made.status_code == 201


async def test_a_filter_names_only_what_its_owner_sees(service: ReportingService) -> None:
    own, foreign = await service.a_plan(completions=False), await service.a_plan(unit="LD", completions=False)
    leader = Person(service)
    right: list[dict[str, str]] = [{"unit": "TV"}, {"unit": "TV-SYT-CC"}, {"plan_id": str(own), "field": "II"}]
    made_of = [await leader.endpoint(filter=chosen) for chosen in right]
    path = f"{ENDPOINTS}/{made_of[0]['id']}"
    wrong = [({"unit": "LD"}, "unit"), ({"unit": "VN"}, "unit"), ({"unit": "KHONG"}, "unit")]
    wrong += [({"plan_id": str(foreign)}, "plan_id"), ({"plan_id": UNKNOWN}, "plan_id")]
    told = []
    for chosen, name in wrong:
        made = await leader.post(ENDPOINTS, {**WANTED, "filter": chosen})
        changed = await leader.call("PATCH", path, {"filter": chosen})
        for answer in (made, changed):
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (422, "webhook-filter-out-of-sight")
            assert [each["pointer"] for each in problem["errors"]] == [f"/body/filter/{name}"]
        told.append({**made.json(), "instance": "", "errors": made.json()["errors"][0]["message"]})
    assert all(each == told[0] for each in told)
    admin = await Person(service, "admin", None).call("PATCH", path, {"filter": {"unit": "LD"}})
    assert admin.status_code == 422, "the owner's sight bounds an endpoint, whoever changes it"


@pytest.mark.parametrize(
    ("viewer", "owner", "covered", "addressed"),
    [
        (("ha", "TV", False), ("ha", "TV"), True, True),
        (("ba", "TV", False), ("ha", "TV"), True, True),
        (("ha", "LD", False), ("ha", "TV"), False, False),  # who left the office has left its endpoints
        (("ha", None, False), ("ha", "TV"), False, False),
        (("ha", None, False), ("ha", None), True, True),
        (("ba", None, False), ("ha", None), False, False),  # having no office is not sharing one
        (("qt", None, True), ("ha", None), True, False),
        (("qt", "TV", True), ("ha", "TV-SYT"), True, False),
        (("qt", "TV", True), ("ha", "LD"), False, False),
        (("qt", "TV", True), ("ha", None), False, False),
        (("ha", "TV-SYT", False), ("ha", "TV"), False, False),
    ],
)
def test_whose_endpoints_are_in_reach(
    viewer: tuple[str, str | None, bool], owner: tuple[str, str | None], covered: bool, addressed: bool
) -> None:
    subject, unit, administers = viewer
    who = Viewer(subject, unit, sees_subtree=True, reports_upward=False, administers=administers)
    tree = UnitTree({"VN": None, "TV": None, "TV-SYT": "TV", "LD": None})
    assert reach(who, tree).covers(Owner(*owner)) is covered
    assert is_addressee(who, Owner(*owner)) is addressed
