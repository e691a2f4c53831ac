"""What is sent reaches its receiver, in order, signed, as often as it is refused and no oftener."""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from standardwebhooks import Webhook as Verifier

from services.reporting.adapters.webhook_queue import Limits
from tests.support.receivers import Receiver, Reply, Taken
from tests.support.reporting_service import Told
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


async def test_every_matching_event_reaches_every_endpoint_though_a_third_is_refused(
    hooks: Webhooks, tell: Callable[[str], None]
) -> None:
    """W1, scaled; order holds per task and endpoint, whatever is refused in between."""
    dice = random.Random(17)  # noqa: S311 -- a test repeats itself

    def now_and_then(_: Taken) -> Reply:
        return Reply(500) if dice.random() < 0.3 else Reply()

    receivers = [Receiver(now_and_then) for _ in range(5)]
    plan_id = await hooks.a_plan()
    told = completions(plan_id, 380)
    async with AsyncExitStack() as open_receivers:
        for receiver in receivers:
            await open_receivers.enter_async_context(receiver)
            await hooks.an_endpoint(receiver.url)
        async with hooks.sending():
            for start in range(0, len(told), 50):
                await hooks.hear(told[start : start + 50])
            await eventually(lambda: _settled(hooks, 5 * 380), within=60)
    states = await hooks.states()
    sent = sum(len(receiver.taken) for receiver in receivers)
    wanted = {str(each.event_id) for each in told}
    lost = 0
    for receiver in receivers:
        reached = {each.id for each in receiver.accepted}
        lost += len(wanted - reached)
        assert len(receiver.accepted) == len(reached), "an accepted webhook is not sent again"
        assert receiver.most_at_once <= Limits().per_endpoint
        assert _out_of_order(receiver, told) == 0
    failed = states.get("failed", 0)
    assert lost == failed
    tell(f"W1: 380 events x 5 endpoints, 30 % refused: {sent} attempts, {lost} not told, {failed} listed as failed")


def _out_of_order(receiver: Receiver, told: Sequence[Told]) -> int:
    """Count webhooks of a task that were accepted after a later one of it."""
    place = {str(each.event_id): number for number, each in enumerate(told)}
    latest: dict[str, int] = defaultdict(int)
    broken = 0
    for each in receiver.accepted:
        task = each.said["data"]["task_id"]
        broken += place[each.id] < latest[task]
        latest[task] = place[each.id]
    return broken


async def _is(hooks: Webhooks, states: dict[str, int]) -> bool:
    return await hooks.states() == states


async def _settled(hooks: Webhooks, count: int) -> bool:
    states = await hooks.states()
    return states.get("waiting", 0) == 0 and sum(states.values()) == count
