"""Who is told, and what is never told twice (W8)."""

from datetime import timedelta

from services.reporting.console import rebuild
from services.reporting.consumers import LEARNT
from shared.contracts.tasks import OfTask
from tests.support.receivers import Receiver
from tests.support.reporting_service import Told, the_sample_plan
from tests.support.waiting import eventually
from tests.support.webhook_sender_process import CLOCK, IDS
from tests.support.webhooks import CODES, Webhooks, completions, confirmed

COMPLETED, CONFIRMED = "cchc.task.completed.v1", "cchc.completion.confirmed.v1"
NOWHERE = "http://127.0.0.1:9/hook"


async def _told(hooks: Webhooks) -> set[tuple[object, str]]:
    rows = await hooks.rows("SELECT endpoint_id, event_id FROM webhook_deliveries")
    return {(row.endpoint_id, str(row.event_id)) for row in rows}


async def test_filters_and_the_owners_unit_decide(hooks: Webhooks) -> None:
    plan, elsewhere = await hooks.a_plan(), await hooks.a_plan(unit="LD")
    wanted = {
        "everything": await hooks.an_endpoint(NOWHERE),
        "completions": await hooks.an_endpoint(NOWHERE, event_types=[COMPLETED]),
        "confirmations": await hooks.an_endpoint(NOWHERE, event_types=[CONFIRMED]),
        "this plan": await hooks.an_endpoint(NOWHERE, plan_id=plan),
        "field II": await hooks.an_endpoint(NOWHERE, field="II"),
        "the province": await hooks.an_endpoint(NOWHERE, unit="TV"),
        "interior": await hooks.an_endpoint(NOWHERE, unit="TV-SNV"),
        "owner of the province": await hooks.an_endpoint(NOWHERE, owner_unit="TV"),
        "owner of a department": await hooks.an_endpoint(NOWHERE, owner_unit="TV-SNV"),
        "off": await hooks.an_endpoint(NOWHERE, state="disabled", disabled_reason="owner", disabled_at=CLOCK.now()),
        "made later": await hooks.an_endpoint(NOWHERE, created_at=CLOCK.now() + timedelta(minutes=1)),
    }
    here, there = completions(plan, 38), completions(elsewhere, 1)
    await hooks.hear([*here, *there])
    tasks = {
        row.task_id: row
        for row in await hooks.rows(
            "SELECT t.value ->> 'id' AS task_id, t.value ->> 'field' AS field,"
            " (SELECT array_agg(u.value ->> 'code') FROM jsonb_array_elements(t.value -> 'lead_units') u) AS leads"
            " FROM ledger, jsonb_array_elements(data -> 'tasks') t WHERE type = 'cchc.plan.issued.v1'"
        )
    }
    of_field = [each for each in here + there if tasks[str(_task(each))].field == "II"]
    of_interior = [each for each in here + there if "TV-SNV" in tasks[str(_task(each))].leads]
    assert 0 < len(of_field) < 39
    assert 0 < len(of_interior) < 39
    below = {"TV", "TV-SNV", "TV-SYT"}
    expected = {
        "everything": here + there,
        "completions": here + there,
        "confirmations": [],
        "this plan": here,
        "field II": of_field,
        "the province": here + [each for each in there if below.intersection(tasks[str(_task(each))].leads)],
        "interior": of_interior,
        "owner of the province": here,
        "owner of a department": [],
        "off": [],
        "made later": [],
    }
    told = await _told(hooks)
    for name, endpoint in wanted.items():
        found = {event for each, event in told if each == endpoint}
        assert found == {str(each.event_id) for each in expected[name]}, name


def _task(told: Told) -> object:
    assert isinstance(told.data, OfTask)
    return told.data.task_id


async def test_nothing_is_written_where_nobody_wants_to_hear(hooks: Webhooks) -> None:
    plan = await hooks.a_plan()
    await hooks.hear(completions(plan, 3))
    (counted,) = await hooks.rows("SELECT (SELECT count(*) FROM webhook_events) AS n")
    assert counted.n == 0


async def test_event_before_its_plan_is_told_with_the_plan(hooks: Webhooks) -> None:
    endpoint = await hooks.an_endpoint(NOWHERE, unit="TV-SNV")
    everything = await hooks.an_endpoint(NOWHERE)
    plan_id = IDS.new()
    told = completions(plan_id, 38)
    await hooks.hear(told)
    assert await _told(hooks) == set()
    assert len(await hooks.rows("SELECT 1 FROM webhook_waiting")) == 38
    await hooks.hear([the_sample_plan(plan_id)])
    events = {each for endpoint_id, each in await _told(hooks) if endpoint_id == everything}
    assert events == {str(each.event_id) for each in told}
    assert 0 < len([each for endpoint_id, each in await _told(hooks) if endpoint_id == endpoint]) < 38
    assert not await hooks.rows("SELECT 1 FROM webhook_waiting")
    bodies = await hooks.rows("SELECT body FROM webhook_events ORDER BY id")
    assert all(code in "".join(row.body for row in bodies) for code in CODES)


async def test_rebuilding_replaying_and_refilling_tell_nobody_again(hooks: Webhooks) -> None:
    async with Receiver() as receiver, hooks.sending():
        plan_id = await hooks.a_plan()
        await hooks.an_endpoint(receiver.url)
        told = completions(plan_id, 20)
        told += [confirmed(each) for each in told]
        await hooks.hear(told)
        await eventually(lambda: len(receiver.accepted) == 40)
        before = await _told(hooks)
        await rebuild(hooks.engine)  # the read model anew
        await hooks.hear(told)  # the log delivers again
        assert LEARNT
        await hooks.run("ALTER TABLE ledger DISABLE TRIGGER ALL")
        await hooks.run(
            "TRUNCATE ledger, units, plans, plans_to_count"
        )  # the ledger is lost, and refilled from the log
        await hooks.hear([the_sample_plan(plan_id), *told])
        assert await _told(hooks) == before
        assert await hooks.states() == {"delivered": 40}
        assert len(receiver.taken) == 40


async def test_what_is_old_when_first_heard_is_told_to_nobody(hooks: Webhooks) -> None:
    plan_id = await hooks.a_plan()
    await hooks.an_endpoint(NOWHERE, created_at=CLOCK.now() - timedelta(days=400))
    await hooks.hear(completions(plan_id, 5, at=CLOCK.now() - timedelta(days=8)))
    assert await _told(hooks) == set()
    await hooks.hear(completions(plan_id, 5, at=CLOCK.now() - timedelta(days=6)))
    assert len(await _told(hooks)) == 5
