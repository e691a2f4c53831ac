"""From registration over HTTP to receipt at a real socket: what owners ask for is what receivers get."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from tests.support.receivers import Receiver, Reply, Taken
from tests.support.waiting import eventually
from tests.support.webhook_house import House, open_house
from tests.support.webhook_office import COMPLETED, DELIVERIES, ENDPOINTS, Person, deliveries
from tests.support.webhooks import Webhooks, completions


@pytest.fixture
async def house(hooks: Webhooks, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(hooks, tmp_path) as opened:
        yield opened


def verified(taken: Taken, secret: str) -> bool:
    try:
        Verifier(secret).verify(taken.body, taken.headers)
    except WebhookVerificationError:
        return False
    return True


async def test_an_office_hears_of_its_own_plans_and_never_of_anothers(house: House) -> None:
    async with Receiver() as ours, Receiver() as theirs, house.hooks.sending():
        made = await house.an_endpoint(ours.url)
        await Person(house.service, unit="LD").endpoint(url=theirs.url)
        told = completions(await house.hooks.a_plan(), 3)
        foreign = completions(await house.hooks.a_plan(unit="LD"), 2)
        await house.hooks.hear([*told, *foreign])
        await eventually(lambda: len(ours.accepted) == 3 and len(theirs.accepted) == 2)
        assert {*ours.ids} == {str(each.event_id) for each in told}
        assert {*theirs.ids} == {str(each.event_id) for each in foreign}
        assert all(verified(taken, made["secret"]) for taken in ours.taken)
        assert not any(verified(taken, made["secret"]) for taken in theirs.taken)


async def test_old_and_new_key_verify_during_the_overlap_and_a_leaked_one_no_more(house: House) -> None:
    async with Receiver() as receiver, house.hooks.sending():
        made = await house.an_endpoint(receiver.url)
        path = f"{ENDPOINTS}/{made['id']}"
        second = (await house.leader.post(f"{path}/rotate")).json()["secret"]
        await house.leader.post(f"{path}/test", {"event_type": COMPLETED})
        await eventually(lambda: len(receiver.accepted) == 1)
        third = (await house.leader.post(f"{path}/rotate", {"overlap_hours": 0})).json()["secret"]
        await house.leader.post(f"{path}/test", {"event_type": COMPLETED})
        await eventually(lambda: len(receiver.accepted) == 2)
        keys = (made["secret"], second, third)
        assert [[verified(taken, key) for key in keys] for taken in receiver.taken] == [
            [True, True, False],
            [False, False, True],
        ]


async def test_a_test_arrives_with_the_id_that_was_told_and_its_attempt_is_logged(house: House) -> None:
    async with Receiver(lambda _: Reply(202, body="nhận".encode())) as receiver, house.hooks.sending():
        made = await house.an_endpoint(receiver.url)
        sent = (await house.leader.post(f"{ENDPOINTS}/{made['id']}/test", {"event_type": COMPLETED})).json()
        await eventually(lambda: receiver.accepted)
        assert {*receiver.ids} == {sent["event_id"]}

        async def delivered() -> Any:  # noqa: ANN401 -- JSON
            shown = await house.leader.get(f"{DELIVERIES}/{sent['delivery_id']}")
            return shown if shown["state"] == "delivered" else None

        shown = await eventually(delivered)
        [logged] = shown["attempts"]
        assert (logged["status"], logged["excerpt"]) == (202, "nhận")
        assert receiver.taken[0].body.decode() == shown["body"]


async def test_an_endpoint_that_is_left_alone_is_tried_at_once_when_its_owner_asks(house: House) -> None:
    """Its circuit is open for an hour; one probe goes out, and with its success all that waits."""
    async with Receiver() as receiver, house.hooks.sending():
        endpoint = (await house.an_endpoint(receiver.url))["id"]
        await house.hooks.run(
            "UPDATE webhook_endpoints SET failures = 9, failing_since = now(), paused_until = now() + interval '1 hour'"
        )
        waiting = await deliveries(house.service, endpoint, 6, state="waiting")
        await house.leader.post(f"{ENDPOINTS}/{endpoint}/test", {"event_type": COMPLETED})
        await eventually(lambda: len(receiver.accepted) == len(waiting) + 1)
        shown = await house.leader.get(f"{ENDPOINTS}/{endpoint}")
        assert (shown["failures"], shown["paused_until"]) == (0, None)


async def test_what_waits_while_an_endpoint_is_switched_off_is_sent_when_it_is_switched_on(house: House) -> None:
    async with Receiver() as receiver, house.hooks.sending():
        path = f"{ENDPOINTS}/{(await house.an_endpoint(receiver.url))['id']}"
        await house.leader.call("PATCH", path, {"state": "disabled"})
        endpoint = path.rpartition("/")[2]
        waiting = await deliveries(house.service, endpoint, 4, state="waiting")
        await house.hooks.hear(completions(await house.hooks.a_plan(), 2))
        await house.leader.call("PATCH", path, {"state": "enabled"})
        await eventually(lambda: len(receiver.accepted) == len(waiting))
        assert {*receiver.ids} == {str(each) for each in waiting}


async def test_an_endpoint_can_be_deleted_while_it_is_being_sent_to(house: House) -> None:
    async with Receiver(lambda _: Reply(pause=0.05)) as receiver, Receiver() as other, house.hooks.sending():
        for _ in range(5):
            endpoint = (await house.an_endpoint(receiver.url))["id"]
            await house.an_endpoint(other.url)
            await deliveries(house.service, endpoint, 60, state="waiting")
            so_far = len(receiver.taken)
            await house.leader.post(f"{ENDPOINTS}/{endpoint}/test", {"event_type": COMPLETED})
            await eventually(lambda: len(receiver.taken) > so_far + 3)  # noqa: B023 -- asked for before the next round
            gone = await house.leader.call("DELETE", f"{ENDPOINTS}/{endpoint}")
            assert gone.status_code == 204, gone.text
        await house.hooks.hear(completions(await house.hooks.a_plan(), 10))
        await eventually(lambda: len(other.accepted) == 50)

        async def all_recorded() -> bool:
            return await house.hooks.states() == {"delivered": 50}

        await eventually(all_recorded)
