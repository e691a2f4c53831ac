"""Reading a plan takes a short way past the framework when its address is plain: nobody can tell which it was."""

from tests.support.plans_service import PlansService

MADE_ANEW = {"instance"}


async def test_both_ways_answer_the_same(service: PlansService) -> None:
    """An identifier in capitals is as good, and takes the framework's way."""
    draft, issued = await service.a_draft(), await service.an_issued_plan()
    unknown = "00000000-0000-4000-8000-00000000abcd"
    for unit, role in ((None, "secretariat"), ("TV", "leader"), ("TV-SYT", "department"), ("LD", "secretariat")):
        async with service.caller(role, unit) as caller:
            for plan_id in (draft, issued, unknown):
                short = await caller.get(f"/v1/plans/{plan_id}")
                framework = await caller.get(f"/v1/plans/{plan_id.upper()}")
                told = [
                    (
                        answer.status_code,
                        {name: value for name, value in answer.json().items() if name not in MADE_ANEW},
                        {name: answer.headers.get(name) for name in ("content-type", "etag", "cache-control")},
                    )
                    for answer in (short, framework)
                ]
                assert told[0] == told[1]
            assert (await caller.get(f"/v1/plans/{issued}?x=1")).status_code == 422


async def test_short_way_lets_nobody_in_without_a_token(service: PlansService) -> None:
    plan_id = await service.an_issued_plan()
    async with service.secretariat() as caller:
        caller.headers.pop("Authorization")
        assert (await caller.get(f"/v1/plans/{plan_id}")).status_code == 401
