"""What is sent reaches its receiver, in order, signed, as often as it is refused and no oftener."""

from standardwebhooks import Webhook as Verifier

from tests.support.receivers import Receiver
from tests.support.waiting import eventually
from tests.support.webhooks import Webhooks, completions, confirmed


async def test_completion_is_told_signed_and_logged(hooks: Webhooks) -> None:
    async with Receiver() as receiver, hooks.sending():
        plan_id = await hooks.a_plan()
        endpoint = await hooks.an_endpoint(receiver.url)
        (done,) = completions(plan_id, 1)
        await hooks.hear([done])
        await eventually(lambda: receiver.accepted)
        (taken,) = receiver.taken
        assert taken.id == str(done.event_id)
        verified = Verifier(hooks.secrets[endpoint].text).verify(taken.body, taken.headers)
        assert verified["type"] == "cchc.task.completed.v1"
        assert verified["data"]["state"] == "awaiting_confirmation"
        assert verified["data"]["completed_on"] == "2023-10-13"
        assert verified["data"]["unit"] == "TV"
        await eventually(lambda: _is(hooks, {"delivered": 1}))
        (attempt,) = await hooks.rows("SELECT * FROM webhook_attempts")
        assert (attempt.number, attempt.status, attempt.failure) == (1, 204, None)
        assert attempt.duration_ms is not None


async def test_confirmation_says_the_day_of_the_product(hooks: Webhooks) -> None:
    async with Receiver() as receiver, hooks.sending():
        plan_id = await hooks.a_plan()
        await hooks.an_endpoint(receiver.url, event_types=["cchc.completion.confirmed.v1"])
        (done,) = completions(plan_id, 1)
        await hooks.hear([done, confirmed(done)])
        await eventually(lambda: receiver.accepted)
        (taken,) = receiver.taken
        assert (taken.said["data"]["state"], taken.said["data"]["completed_on"]) == ("done", "2023-10-13")


async def _is(hooks: Webhooks, states: dict[str, int]) -> bool:
    return await hooks.states() == states
