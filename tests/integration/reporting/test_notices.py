"""Notices to owners of endpoints: read by whom they concern, seen once."""

from datetime import timedelta

from services.reporting.api.webhook_answers import NoticeAnswer, SeenAnswer
from tests.support.reporting_service import ReportingService
from tests.support.webhook_office import NOTICES, Person, notice


async def test_a_notice_is_unseen_until_someone_of_the_office_says_so(service: ReportingService) -> None:
    leader, colleague = Person(service), Person(service, "admin", "TV")
    endpoint = (await leader.endpoint())["id"]
    await notice(service, endpoint, "failing")
    [told] = (await leader.get(f"{NOTICES}?unseen=true"))["items"]
    NoticeAnswer.model_validate(told)
    assert (told["endpoint_id"], told["kind"], told["seen_at"], told["detail"]) == (
        endpoint,
        "failing",
        None,
        {"failures": 1},
    )
    first = await colleague.post(f"{NOTICES}/{told['id']}/seen")
    SeenAnswer.model_validate(first.json())
    service.clock.set(service.clock.now() + timedelta(hours=1))
    again = await leader.post(f"{NOTICES}/{told['id']}/seen")
    assert again.json() == first.json(), "the first time counts"
    assert (await leader.get(f"{NOTICES}?unseen=true"))["items"] == []
    assert [item["seen_at"] for item in (await leader.get(NOTICES))["items"]] == [first.json()["seen_at"]]


async def test_an_administrator_reads_a_notice_and_acknowledges_nothing_in_its_owners_stead(
    service: ReportingService,
) -> None:
    await notice(service, (await Person(service).endpoint())["id"])
    admin = Person(service, "admin", None)
    [told] = (await admin.get(NOTICES))["items"]
    answer = await admin.post(f"{NOTICES}/{told['id']}/seen")
    assert (answer.status_code, answer.json()["code"]) == (403, "notice-for-another")
    assert len((await Person(service).get(f"{NOTICES}?unseen=true"))["items"]) == 1


async def test_a_notice_outlives_its_endpoint(service: ReportingService) -> None:
    leader = Person(service)
    endpoint = (await leader.endpoint())["id"]
    await notice(service, endpoint)
    await leader.call("DELETE", f"/v1/webhook-endpoints/{endpoint}")
    [told] = (await leader.get(NOTICES))["items"]
    assert (await leader.post(f"{NOTICES}/{told['id']}/seen")).status_code == 200


async def test_pages_hold_every_notice_once(service: ReportingService) -> None:
    leader = Person(service)
    for minutes in range(5):
        await notice(service, (await leader.endpoint())["id"], minutes=minutes // 2)
    found = await leader.pages(f"{NOTICES}?limit=2")
    moments = [(item["created_at"], item["endpoint_id"]) for item in found]
    assert len(set(moments)) == 5
    assert moments == sorted(moments, reverse=True)
    for broken in ("W10", "WyJ4IiwieCJd", "WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwieCJd"):
        assert (await leader.call("GET", f"{NOTICES}?cursor={broken}")).json()["code"] == "bad-cursor"
    far = f"{found[0]['endpoint_id']}.{10**17 - 1}"
    assert (await leader.post(f"{NOTICES}/{far}/seen")).status_code == 404
