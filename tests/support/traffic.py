"""Eight people at work on a running system, and the account of what they were told, settled at the end.

They report, confirm, note progress, name new units, and read figures. Every request is answered as it should be, or it
stands in `failures`: nothing is tolerated because a process was just being stopped, replaced or started.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from shared.ids import TimeOrderedIds
from tests.support.balancer import Answer, Balancer, RequestFailed, Tally
from tests.support.province import PROVINCE, progress, wait_for_done
from tests.support.system import System, until

SERVICES = ("plans", "tasks", "reporting")
CUTOFF = "2023-10-31"
PAUSE = 0.05  # between two requests of a person: the machine's cores are few, and other tests may run beside
NOTED = 8  # so many tasks are left open for notes of progress


@dataclass
class Traffic:
    """Work on one issued plan; `tasks` are those of the tasks service, by number."""

    system: System
    plan_id: str
    tasks: Mapping[str, dict[str, Any]]
    tally: Tally = field(default_factory=Tally)
    failures: list[str] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    """What was acknowledged, by kind."""
    confirmed: dict[str, str] = field(default_factory=dict)
    """Task id -> completion id."""

    def __post_init__(self) -> None:
        tasks = list(self.tasks.values())
        self._to_note, self._to_report = itertools.cycle(tasks[:NOTED]), iter(tasks[NOTED:])
        self._numbers = itertools.count()
        self._run = TimeOrderedIds().new().hex[-8:].upper()
        self._tokens: dict[tuple[str, str | None], str] = {}

    async def run(self, stop: asyncio.Event, *, people: int = 8) -> None:
        """Work until `stop` is set, from when reporting has heard of the plan; a request under way is ended first."""
        await asyncio.to_thread(wait_for_done, self.system, self.plan_id, 0, cutoff=CUTOFF)
        async with asyncio.TaskGroup() as group:
            for _ in range(people):
                group.create_task(self._person(stop))

    async def _person(self, stop: asyncio.Event) -> None:
        ways = {name: Balancer(int(self.system.url(name).rpartition(":")[2]), self.tally) for name in SERVICES}
        try:
            while not stop.is_set():
                await self._round(ways)
        finally:
            for way in ways.values():
                way.close()

    async def _round(self, ways: Mapping[str, Balancer]) -> None:
        number = next(self._numbers)
        if (task := next(self._to_report, None)) is not None:
            await self._report_and_confirm(ways["tasks"], task)
        else:
            await self._note(ways["tasks"], number)
        leader = self._token("leader", PROVINCE)
        await self._ask(ways["reporting"], 200, ("GET", f"/v1/plans/{self.plan_id}/progress?cutoff={CUTOFF}"), leader)
        if number % 8:
            await self._ask(ways["plans"], 200, ("GET", f"/v1/plans/{self.plan_id}"), leader)
        else:
            await self._name_a_unit(ways["plans"], number)

    async def _report_and_confirm(self, way: Balancer, task: dict[str, Any]) -> None:
        evidence = [{"number": f"{task['number']}/BC", "issued_on": "2023-10-20"}]
        body = {"completed_on": "2023-10-20", "evidence": evidence}
        path, key = f"/v1/tasks/{task['id']}/completions", f"{self._run}-{task['number']}"
        department = self._token("department", task["lead_units"][0]["code"])
        answer = await self._ask(way, 201, ("POST", path), department, body, key=key)
        if answer is None:
            return
        self.told["completed"] += 1
        completion_id = answer.json()["completion_id"]
        secretariat = self._token("secretariat", PROVINCE)
        path = f"{path}/{completion_id}/confirm"
        if await self._ask(way, 200, ("POST", path), secretariat, {}, key=f"{key}-confirm") is not None:
            self.told["confirmed"] += 1
            self.confirmed[task["id"]] = completion_id

    async def _note(self, way: Balancer, number: int) -> None:
        task = next(self._to_note)
        department = self._token("department", task["lead_units"][0]["code"])
        path, body = f"/v1/tasks/{task['id']}/progress", {"note": f"Đang thực hiện, lần {number}"}
        if await self._ask(way, 200, ("POST", path), department, body, key=f"{self._run}-note-{number}") is not None:
            self.told["noted"] += 1

    async def _name_a_unit(self, way: Balancer, number: int) -> None:
        unit = {"code": f"TV-X{self._run}{number}", "name": f"Đơn vị thử {number}", "kind": "department"}
        unit["parent"] = PROVINCE
        token, key = self._token("admin", None), f"{self._run}-unit-{number}"
        if await self._ask(way, 201, ("POST", "/v1/units"), token, unit, key=key) is not None:
            self.told["named"] += 1

    async def _ask(
        self,
        way: Balancer,
        expected: int,
        request: tuple[str, str],
        token: str,
        body: dict[str, Any] | None = None,
        *,
        key: str | None = None,
    ) -> Answer | None:
        """Return the answer when its status is the expected one."""
        await asyncio.sleep(PAUSE)
        try:
            answer = await way.request(*request, token, body, key=key)
        except RequestFailed as failed:
            self.failures.append(str(failed))
            return None
        if answer.status != expected:
            self.failures.append(f"{' '.join(request)}: {answer.status} {answer.content.decode()[:300]}")
            return None
        return answer

    def _token(self, role: str, unit: str | None) -> str:
        if (role, unit) not in self._tokens:
            self._tokens[role, unit] = self.system.token(role, unit)
        return self._tokens[role, unit]

    def settle(self, *, within: float = 60) -> dict[str, int]:
        """Compare what people were told with what the databases, the ledger and the figures hold; return the counts.

        Raises:
            AssertionError: something is missing, or is there twice.
        """
        assert not self.failures, f"{len(self.failures)} failed: {self.failures[:5]}"
        total = len(self.tasks)
        figures = wait_for_done(self.system, self.plan_id, len(self.confirmed), cutoff=CUTOFF, within=within)
        assert (figures["total"], figures["done"]) == (total, self.told["confirmed"])
        heard: dict[str, int] = until(
            lambda: asyncio.run(self._heard()), within=within, what="every event in the ledger"
        )
        assert {kind: heard[kind] for kind in self.told} == dict(self.told), (heard, self.told)
        assert heard["dead"] == 0, heard
        assert progress(self.system, self.plan_id, cutoff=CUTOFF)["done"] == self.told["confirmed"]
        return heard

    async def _heard(self) -> dict[str, int] | None:
        """Return the counts of events by kind once the ledger holds exactly the events of the outboxes."""
        sent = {
            row for name in ("plans", "tasks") for row in await self._rows(name, "SELECT event_id, type FROM outbox")
        }
        ledger = await self._rows("reporting", "SELECT event_id, type FROM ledger")
        assert len(ledger) == len(set(ledger))
        assert not set(ledger) - sent, "an event that nobody sent"
        if set(ledger) != sent:
            return None
        dead = [len(await self._rows(name, "SELECT id FROM dead_letters")) for name in SERVICES]
        kinds = Counter(kind for _, kind in ledger)
        units = await self._rows("plans", f"SELECT code FROM units WHERE code LIKE 'TV-X{self._run}%'")  # noqa: S608 -- hexadecimal digits
        return {
            "completed": kinds["cchc.task.completed.v1"],
            "confirmed": kinds["cchc.completion.confirmed.v1"],
            "noted": kinds["cchc.task.progressed.v1"],
            "named": len(units),
            "dead": sum(dead),
            "events": len(ledger),
        }

    async def _rows(self, service: str, question: str) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(self.system.admin_dsn(f"cchc_{service}"), ssl=False)
        try:
            return [tuple(row) for row in await connection.fetch(question)]
        finally:
            await connection.close()


async def answers_go_on(traffic: Traffic, *, more: int = 40, within: float = 60) -> None:
    """Wait until people have got so many more answers.

    Raises:
        TimeoutError: they have not.
    """
    enough = traffic.tally.met["answered"] + more
    async with asyncio.timeout(within):
        while traffic.tally.met["answered"] < enough:  # noqa: ASYNC110 -- an outcome with a deadline
            await asyncio.sleep(0.05)
