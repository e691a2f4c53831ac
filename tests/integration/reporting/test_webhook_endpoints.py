"""Endpoints: made, changed, switched, deleted; keys shown once and stored under seal."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from standardwebhooks import Webhook

from services.reporting.adapters.webhook_secrets import SecretBox
from services.reporting.api.webhook_answers import EndpointAnswer, EndpointWithKeyAnswer, EventTypeListAnswer
from services.reporting.domain.webhooks.endpoint import MOST_ENDPOINTS
from services.reporting.domain.webhooks.signatures import headers, public_text
from shared.clock import SystemClock
from shared.contracts.webhooks import WEBHOOKS
from tests.support.reporting_service import ReportingService
from tests.support.webhook_office import COMPLETED, ENDPOINTS, WANTED, Person

KEY = {"Idempotency-Key": "khoa-1"}


async def everything_stored(service: ReportingService) -> str:
    """Return all rows of the tables that a secret could have slipped into, as text."""
    tables = ("idempotency_keys", "webhook_endpoints", "webhook_secrets", "outbox")
    rows = [await service.rows(f"SELECT t::text AS row FROM {table} t") for table in tables]  # noqa: S608 -- fixed names
    return "\n".join(row["row"] for found in rows for row in found)


async def test_a_new_endpoint_shows_its_secret_this_once(
    service: ReportingService, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    leader = Person(service)
    made = await leader.endpoint(description="Văn phòng", per_second=5)
    EndpointWithKeyAnswer.model_validate(made)
    assert made["secret"].startswith("whsec_")
    assert (made["state"], made["scheme"], made["public_key"], made["unit"]) == ("enabled", "hmac", None, "TV")
    shown = await leader.get(f"{ENDPOINTS}/{made['id']}")
    EndpointAnswer.model_validate(shown)
    listed = await leader.get(ENDPOINTS)
    assert listed == {"items": [shown], "next": None}
    assert caplog.records, "the requests are logged"
    elsewhere = [shown, await everything_stored(service), [vars(record) for record in caplog.records]]
    assert made["secret"].removeprefix("whsec_") not in str(elsewhere)


async def test_the_sealed_secret_opens_for_its_own_endpoint_and_signs(service: ReportingService) -> None:
    made = await Person(service).endpoint()
    box = SecretBox.of_file(service.keys / "webhooks.key")
    [row] = await service.rows("SELECT sealed FROM webhook_secrets")
    secret = box.open(UUID(made["id"]), "hmac", row["sealed"])
    assert secret.text == made["secret"]
    now = int(SystemClock().now().timestamp())  # which the library compares with
    signed = headers([secret], "msg", now, b"{}")
    assert Webhook(made["secret"]).verify(b"{}", signed) == {}


async def test_ed25519_shows_a_public_key_and_no_secret(service: ReportingService) -> None:
    leader = Person(service)
    made = await leader.endpoint(scheme="ed25519")
    assert made["secret"] is None
    [row] = await service.rows("SELECT public_key FROM webhook_secrets")
    assert made["public_key"] == public_text(row["public_key"])
    shown = await leader.get(f"{ENDPOINTS}/{made['id']}")
    assert [key["public_key"] for key in shown["keys"]] == [made["public_key"]]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"url": ""}, "/body/url"),
    ({"url": "https://a.vn/" + "a" * 2000}, "/body/url"),
    ({"url": 7}, "/body/url"),
    ({"event_types": []}, "/body/event_types"),
    ({"event_types": ["cchc.task.completed.v9"]}, "/body/event_types/0"),
    ({"event_types": COMPLETED}, "/body/event_types"),
    ({"description": "a" * 501}, "/body/description"),
    ({"scheme": "none"}, "/body/scheme"),
    ({"per_second": 0}, "/body/per_second"),
    ({"per_second": True}, "/body/per_second"),
    ({"filter": {"unit": ""}}, "/body/filter/unit"),
    ({"filter": {"units": "TV"}}, "/body/filter/units"),
    ({"secret": "whsec_mine"}, "/body/secret"),
]
FORBIDDEN = {
    "http://lanhdao.example.vn/": "url-plain-http",
    "https://127.0.0.1/": "url-address-forbidden",
    "https://169.254.169.254/latest": "url-address-forbidden",
    "https://2130706433/": "url-host",
    "https://a:b@example.vn/": "url-credentials",
    "ftp://example.vn/": "url-scheme",
    "https://example.vn/#x": "url-fragment",
}


async def test_what_is_not_asked_for_rightly_is_refused_with_its_place(service: ReportingService) -> None:
    for changed, pointer in WRONG:
        answer = await Person(service).post(ENDPOINTS, {**WANTED, **changed})
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["pointer"] == pointer
    assert await service.rows("SELECT 1 FROM webhook_endpoints") == []


async def test_an_address_that_may_not_be_reached_is_refused_when_made_and_when_changed(
    service: ReportingService,
) -> None:
    leader = Person(service)
    path = f"{ENDPOINTS}/{(await leader.endpoint())['id']}"
    for url, code in FORBIDDEN.items():
        made = await leader.post(ENDPOINTS, {**WANTED, "url": url})
        changed = await leader.call("PATCH", path, {"url": url})
        for answer in (made, changed):
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (422, "webhook-url-refused")
            assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [("/body/url", code)]
    assert [item["url"] for item in (await leader.get(ENDPOINTS))["items"]] == [WANTED["url"]]


async def test_a_change_replaces_what_was_sent_and_nothing_else(service: ReportingService) -> None:
    leader = Person(service)
    made = await leader.endpoint(description="Cũ", per_second=5, filter={"unit": "TV-SYT", "field": "II"})
    path = f"{ENDPOINTS}/{made['id']}"
    assert made["filter"] == {"plan_id": None, "unit": "TV-SYT", "field": "II"}
    kinds = ["cchc.report.issued.v1", COMPLETED, COMPLETED]
    changed = (await leader.call("PATCH", path, {"event_types": kinds, "filter": None, "description": None})).json()
    assert changed["event_types"] == kinds[:2]
    assert changed["filter"] == {"plan_id": None, "unit": None, "field": None}
    assert (changed["description"], changed["per_second"], changed["url"]) == (None, 5, WANTED["url"])
    assert changed["version"] == made["version"] + 1
    for name in ("url", "event_types", "state"):
        refused = await leader.call("PATCH", path, {name: None})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, f"/body/{name}")


async def test_who_saw_an_older_version_changes_and_deletes_nothing(service: ReportingService) -> None:
    leader = Person(service)
    path = f"{ENDPOINTS}/{(await leader.endpoint())['id']}"
    first = await leader.call("PATCH", path, {"description": "A"}, **{"If-Match": '"1"'})
    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    for method, body in (("PATCH", {"description": "B"}), ("DELETE", None)):
        late = await leader.call(method, path, body, **{"If-Match": '"1"'})
        assert (late.status_code, late.json()["code"]) == (412, "webhook-endpoint-changed-meanwhile")
    late = await leader.post(f"{path}/rotate", {}, **{"If-Match": '"1"'})
    assert late.status_code == 412
    assert (await leader.get(path))["description"] == "A"


async def test_one_switched_off_by_us_begins_without_a_past_when_switched_on(service: ReportingService) -> None:
    leader = Person(service)
    path = f"{ENDPOINTS}/{(await leader.endpoint())['id']}"
    async with service.engine.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE webhook_endpoints SET state = 'disabled', disabled_reason = 'failing', disabled_at = now(), "
            "failures = 60, failing_since = now(), paused_until = now(), version = version + 1"
        )
    off = await leader.get(path)
    assert (off["state"], off["disabled"]["reason"], off["failures"]) == ("disabled", "failing", 60)
    assert len((await leader.get(f"{ENDPOINTS}?state=disabled"))["items"]) == 1
    again = (await leader.call("PATCH", path, {"state": "enabled"})).json()
    assert [again[name] for name in ("state", "disabled", "failures", "failing_since", "paused_until")] == [
        "enabled",
        None,
        0,
        None,
        None,
    ]
    paused = (await leader.call("PATCH", path, {"state": "disabled"})).json()
    assert paused["disabled"]["reason"] == "owner"
    assert (await leader.get(f"{ENDPOINTS}?state=enabled"))["items"] == []


async def test_what_is_deleted_is_gone_with_its_keys(service: ReportingService) -> None:
    leader = Person(service)
    path = f"{ENDPOINTS}/{(await leader.endpoint())['id']}"
    first = await leader.call("DELETE", path, **KEY)
    again = await leader.call("DELETE", path, **KEY)
    assert [first.status_code, again.status_code] == [204, 204]
    assert (await leader.call("DELETE", path)).status_code == 404
    assert await service.rows("SELECT 1 FROM webhook_secrets") == []


async def test_both_keys_sign_during_the_overlap_and_then_the_new_one_alone(service: ReportingService) -> None:
    leader = Person(service)
    made = await leader.endpoint()
    path = f"{ENDPOINTS}/{made['id']}"
    rotated = (await leader.post(f"{path}/rotate")).json()
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != made["secret"]
    new, old = (await leader.get(path))["keys"]
    assert (new["expires_at"], old["expires_at"]) == (None, (service.clock.now() + timedelta(hours=24)).isoformat())
    service.clock.set(service.clock.now() + timedelta(hours=25))
    assert len((await leader.get(path))["keys"]) == 1


async def test_a_leaked_key_ends_at_once_with_those_before_it(service: ReportingService) -> None:
    leader = Person(service)
    path = f"{ENDPOINTS}/{(await leader.endpoint())['id']}"
    await leader.post(f"{path}/rotate", {"overlap_hours": 48})
    assert len((await leader.post(f"{path}/rotate", {"overlap_hours": 0})).json()["keys"]) == 1
    assert (await leader.post(f"{path}/rotate", {"overlap_hours": 721})).status_code == 422


async def test_at_most_five_keys_sign_however_often_it_is_rotated(service: ReportingService) -> None:
    leader = Person(service)
    path = f"{ENDPOINTS}/{(await leader.endpoint())['id']}"
    answers = [await leader.post(f"{path}/rotate") for _ in range(8)]
    assert len(answers[-1].json()["keys"]) == 5
    assert len(await service.rows("SELECT 1 FROM webhook_secrets")) == 5


async def test_the_same_request_again_makes_nothing_and_shows_the_secret_for_a_day(service: ReportingService) -> None:
    leader = Person(service)
    first = await leader.post(ENDPOINTS, WANTED, **KEY)
    again = await leader.post(ENDPOINTS, WANTED, **KEY)
    assert again.json() == first.json()
    assert first.json()["secret"].removeprefix("whsec_") not in await everything_stored(service)
    assert len(await service.rows("SELECT 1 FROM webhook_endpoints")) == 1
    other = await leader.post(ENDPOINTS, {**WANTED, "description": "khác"}, **KEY)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    service.clock.set(service.clock.now() + timedelta(days=1))
    late = await leader.post(ENDPOINTS, WANTED, **KEY)
    assert late.json() == {**first.json(), "secret": None}


async def test_a_repeated_rotation_shows_the_same_key_until_it_no_longer_signs(service: ReportingService) -> None:
    leader = Person(service)
    path = f"{ENDPOINTS}/{(await leader.endpoint())['id']}"
    first = await leader.post(f"{path}/rotate", {}, **KEY)
    assert (await leader.post(f"{path}/rotate", {}, **KEY)).json() == first.json()
    assert len(await service.rows("SELECT 1 FROM webhook_secrets")) == 2
    await leader.post(f"{path}/rotate", {"overlap_hours": 0})
    assert (await leader.post(f"{path}/rotate", {}, **KEY)).json()["secret"] is None


async def test_equal_requests_at_once_make_one_endpoint(service: ReportingService) -> None:
    leader = Person(service)
    answers = await asyncio.gather(*(leader.post(ENDPOINTS, WANTED, **KEY) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert len(await service.rows("SELECT 1 FROM webhook_endpoints")) == 1


async def test_an_owner_has_fifty_at_most_however_many_are_asked_for_at_once(service: ReportingService) -> None:
    leader = Person(service)
    for _ in range(MOST_ENDPOINTS - 2):
        await leader.endpoint()
    answers = await asyncio.gather(*(leader.post(ENDPOINTS, WANTED) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409, 409]
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert refused["code"] == "too-many-webhook-endpoints"
    assert "50" in refused["detail"]
    await Person(service, unit="LD").endpoint()


async def test_pages_hold_every_endpoint_once(service: ReportingService) -> None:
    leader = Person(service)
    made = [(await leader.endpoint())["id"] for _ in range(7)]
    found = await leader.pages(f"{ENDPOINTS}?limit=3")
    assert [item["id"] for item in found] == sorted(made, reverse=True)
    for broken in ("W10", "WzFd", "IjEi", "WyJ4Il0"):
        assert (await leader.call("GET", f"{ENDPOINTS}?cursor={broken}")).json()["code"] == "bad-cursor"


async def test_the_catalogue_names_every_type_with_what_is_sent(service: ReportingService) -> None:
    catalogue = await Person(service).get("/v1/webhook-event-types")
    EventTypeListAnswer.model_validate(catalogue)
    assert [item["type"] for item in catalogue["items"]] == list(WEBHOOKS)
    for item in catalogue["items"]:
        assert item["sample"]["type"] == item["type"]
        assert set(item["sample"]) == {"type", "timestamp", "data"}
        assert item["description"]


async def test_without_the_installations_key_nothing_is_made_and_the_reason_is_told(service: ReportingService) -> None:
    bare = ReportingService.start(service.dsn, service.keys)
    try:
        answer = await Person(bare).post(ENDPOINTS, WANTED)
        assert (answer.status_code, answer.json()["code"]) == (409, "webhooks-not-set-up")
        assert await Person(bare).get(ENDPOINTS) == {"items": [], "next": None}
    finally:
        await bare.stop()


async def test_problems_speak_vietnamese_first_and_english_on_request(service: ReportingService) -> None:
    path = f"{ENDPOINTS}/00000000-0000-7000-8000-000000000000"
    vietnamese = (await Person(service).call("GET", path)).json()
    english = (await Person(service).call("GET", path, **{"Accept-Language": "en"})).json()
    assert vietnamese["title"] == "Không tìm thấy địa chỉ nhận webhook"
    assert english["title"] == "Webhook endpoint not found"
