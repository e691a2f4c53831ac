"""The log of deliveries, and what is sent again: one, all that failed, or a test."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from services.reporting.api.webhook_answers import DeliveryAnswer, FullDeliveryAnswer, RecoveryAnswer, SentAnswer
from shared.contracts.webhooks import WEBHOOKS
from tests.support.reporting_service import ReportingService
from tests.support.webhook_house import recover_cut_off
from tests.support.webhook_office import COMPLETED, DELIVERIES, ENDPOINTS, Person, attempt, deliveries

FAILED = 450


async def counts(service: ReportingService) -> dict[str, int]:
    rows = await service.rows("SELECT state, count(*) AS n FROM webhook_deliveries GROUP BY state")
    return {row["state"]: row["n"] for row in rows}


async def switch_off(service: ReportingService) -> None:
    async with service.engine.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE webhook_endpoints SET state = 'disabled', disabled_reason = 'gone', disabled_at = now()"
        )


async def test_each_delivery_tells_of_its_attempts_with_the_first_kilobyte(service: ReportingService) -> None:
    leader = Person(service)
    endpoint = (await leader.endpoint())["id"]
    [event] = await deliveries(service, endpoint, 1, state="failed")
    answer = b"kh\xc3\xb4ng \xff\x00" + b"a" * 1000
    await attempt(service, event, 1, duration_ms=15000, failure="timeout")
    await attempt(service, event, 2, duration_ms=12, status=500, excerpt=answer)
    await attempt(service, event, 3)
    [item] = (await leader.get(f"{DELIVERIES}?endpoint_id={endpoint}"))["items"]
    DeliveryAnswer.model_validate(item)
    assert item["id"] == f"{endpoint}.{event}"
    assert (item["state"], item["event_type"], item["attempt_count"]) == ("failed", COMPLETED, 12)
    under_way, refused, hung = item["attempts"]
    assert [under_way[name] for name in ("number", "status", "failure", "excerpt")] == [3, None, None, None]
    assert (refused["status"], refused["excerpt"]) == (500, answer.decode(errors="replace"))
    assert (hung["failure"], hung["duration_ms"], hung["status"]) == ("timeout", 15000, None)
    whole = await leader.get(f"{DELIVERIES}/{item['id']}")
    FullDeliveryAnswer.model_validate(whole)
    assert whole == {**item, "body": "{}"}


async def test_pages_hold_every_delivery_once_newest_first_by_endpoint_and_state(service: ReportingService) -> None:
    leader = Person(service)
    one, two = (await leader.endpoint())["id"], (await leader.endpoint())["id"]
    failed = await deliveries(service, one, 5, state="failed")
    delivered = await deliveries(service, two, 4, state="delivered")
    waiting = await deliveries(service, one, 3, state="waiting")
    found = await leader.pages(f"{DELIVERIES}?limit=2")
    assert [item["event_id"] for item in found] == sorted(map(str, failed + delivered + waiting), reverse=True)
    of_one = await leader.pages(f"{DELIVERIES}?limit=3&endpoint_id={one}&state=failed")
    assert [item["event_id"] for item in of_one] == sorted(map(str, failed), reverse=True)
    assert {item["next_attempt_at"] is None for item in of_one} == {True}
    assert (await leader.call("GET", f"{DELIVERIES}?state=lost")).status_code == 422
    for broken in ("W10", "WzFd", "WyJ4IiwieCJd"):
        assert (await leader.call("GET", f"{DELIVERIES}?cursor={broken}")).json()["code"] == "bad-cursor"


async def test_what_was_settled_is_sent_again_with_the_same_id_and_what_is_under_way_is_left_alone(
    service: ReportingService,
) -> None:
    leader = Person(service)
    endpoint = (await leader.endpoint())["id"]
    states = ("delivered", "failed", "cancelled", "waiting")
    events = [each for state in states for each in await deliveries(service, endpoint, 1, state=state)]
    for event in events:
        answer = await leader.post(f"{DELIVERIES}/{endpoint}.{event}/resend")
        SentAnswer.model_validate(answer.json())
        assert (answer.status_code, answer.json()["event_id"]) == (202, str(event))
        [row] = await service.rows("SELECT * FROM webhook_deliveries WHERE event_id = :id", id=event)
        assert (row["state"], row["tries"], row["attempts"], row["settled_at"]) == ("waiting", 0, 12, None)
    event = events[-1]
    lease = {"id": event, "until": service.clock.now() + timedelta(seconds=20)}
    async with service.engine.begin() as connection:
        await connection.execute(
            text("UPDATE webhook_deliveries SET lease = :id, leased_until = :until, tries = 3 WHERE event_id = :id"),
            lease,
        )
    assert (await leader.post(f"{DELIVERIES}/{endpoint}.{event}/resend")).status_code == 202
    [row] = await service.rows("SELECT * FROM webhook_deliveries WHERE event_id = :id", id=event)
    assert (row["tries"], row["lease"]) == (3, event)


async def test_a_test_goes_out_as_a_delivery_like_any_other(service: ReportingService) -> None:
    leader = Person(service)
    endpoint = (await leader.endpoint())["id"]
    kind = "cchc.report.issued.v1"
    answer = await leader.post(f"{ENDPOINTS}/{endpoint}/test", {"event_type": kind}, **{"Idempotency-Key": "thu"})
    again = await leader.post(f"{ENDPOINTS}/{endpoint}/test", {"event_type": kind}, **{"Idempotency-Key": "thu"})
    SentAnswer.model_validate(answer.json())
    assert (answer.status_code, again.json()) == (202, answer.json())
    shown = await leader.get(f"{DELIVERIES}/{answer.json()['delivery_id']}")
    assert (shown["state"], shown["event_type"], shown["attempts"]) == ("waiting", kind, [])
    assert json.loads(shown["body"]) == json.loads(WEBHOOKS[kind].sample().body)
    assert await counts(service) == {"waiting": 1}
    assert await service.rows("SELECT 1 FROM ledger WHERE event_id = :id", id=UUID(shown["event_id"])) == []
    unknown = await leader.post(f"{ENDPOINTS}/{endpoint}/test", {"event_type": "cchc.nothing.v1"})
    assert unknown.json()["errors"][0]["pointer"] == "/body/event_type"


async def test_recovering_makes_exactly_the_failed_ones_due(
    service: ReportingService, tell: Callable[[str], None]
) -> None:
    """W11: those that failed since then, each once; what was sent, waits, or failed before is left alone."""
    leader = Person(service)
    endpoint, other = (await leader.endpoint())["id"], (await leader.endpoint())["id"]
    now = service.clock.now()
    path, since = f"{ENDPOINTS}/{endpoint}/recover", (now - timedelta(hours=1)).isoformat()
    failed = await deliveries(service, endpoint, FAILED, state="failed")
    await deliveries(service, endpoint, 3, state="failed", settled_at=now - timedelta(hours=2))
    await deliveries(service, endpoint, 5, state="delivered")
    await deliveries(service, other, 7, state="failed")
    answer = await leader.post(path, {"since": since})
    RecoveryAnswer.model_validate(answer.json())
    assert (answer.status_code, answer.json()["recovered"]) == (202, FAILED)
    due = await service.rows("SELECT event_id FROM webhook_deliveries WHERE state = 'waiting' AND tries = 0")
    assert {row["event_id"] for row in due} == set(failed)
    assert (await leader.post(path, {"since": since})).json()["recovered"] == 0
    assert await counts(service) == {"waiting": FAILED, "failed": 10, "delivered": 5}
    tell(f"recover: {FAILED} failed, {len(due)} waiting again, 0 missed, 0 twice")


async def test_recoveries_at_once_count_each_delivery_once(service: ReportingService) -> None:
    leader = Person(service)
    endpoint = (await leader.endpoint())["id"]
    await deliveries(service, endpoint, 60, state="failed")
    body = {"since": (service.clock.now() - timedelta(hours=1)).isoformat()}
    answers = await asyncio.gather(*(leader.post(f"{ENDPOINTS}/{endpoint}/recover", body) for _ in range(5)))
    assert sum(answer.json()["recovered"] for answer in answers) == 60


async def test_a_recovery_cut_off_in_the_middle_leaves_all_failed_and_the_next_one_finds_them(
    service: ReportingService, tell: Callable[[str], None]
) -> None:
    """The connection is killed while the statement is under way: it waits for a row that somebody else holds."""
    leader = Person(service)
    endpoint = (await leader.endpoint())["id"]
    [*_, last] = await deliveries(service, endpoint, FAILED, state="failed")
    path, body = f"{ENDPOINTS}/{endpoint}/recover", {"since": (service.clock.now() - timedelta(hours=1)).isoformat()}
    key = {"Idempotency-Key": "khoi-phuc"}
    assert await recover_cut_off(service, path, body, last, **key) in {500, 503}
    assert await counts(service) == {"failed": FAILED}
    assert (await leader.post(path, body, **key)).json()["recovered"] == FAILED
    assert (await leader.post(path, body, **key)).json()["recovered"] == FAILED
    assert await counts(service) == {"waiting": FAILED}
    tell(f"recover killed in the middle: 0 of {FAILED} touched, {FAILED} waiting after asking again")


async def test_nothing_is_asked_of_an_endpoint_that_is_off(service: ReportingService) -> None:
    leader = Person(service)
    endpoint = (await leader.endpoint())["id"]
    [event] = await deliveries(service, endpoint, 1, state="failed")
    await switch_off(service)
    since = (service.clock.now() - timedelta(hours=1)).isoformat()
    for path, body in (
        (f"{ENDPOINTS}/{endpoint}/test", {"event_type": COMPLETED}),
        (f"{ENDPOINTS}/{endpoint}/recover", {"since": since}),
        (f"{DELIVERIES}/{endpoint}.{event}/resend", {}),
    ):
        answer = await leader.post(path, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "webhook-endpoint-disabled")
    assert await counts(service) == {"failed": 1}
    await leader.call("PATCH", f"{ENDPOINTS}/{endpoint}", {"state": "enabled"})
    assert (await leader.post(f"{ENDPOINTS}/{endpoint}/recover", {"since": since})).json()["recovered"] == 1


async def test_deleting_an_endpoint_takes_its_log_along_and_no_other(service: ReportingService) -> None:
    leader = Person(service)
    endpoint, other = (await leader.endpoint())["id"], (await leader.endpoint())["id"]
    for each in (endpoint, other):
        [event] = await deliveries(service, each, 1, state="delivered")
        await attempt(service, event, 1, status=204)
    assert (await leader.call("DELETE", f"{ENDPOINTS}/{endpoint}")).status_code == 204
    assert [item["endpoint_id"] for item in (await leader.get(DELIVERIES))["items"]] == [other]
    assert len(await service.rows("SELECT 1 FROM webhook_attempts")) == 1
