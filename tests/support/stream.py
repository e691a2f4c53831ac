"""Clients that report completions without end until each is acknowledged, and remember what they know they sent."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx2

from tests.support.province import PROVINCE
from tests.support.system import System

LEADS = {
    "Sở Nội vụ": "TV-SNV",
    "Sở Tư pháp": "TV-STP",
    "Sở Tài chính": "TV-STC",
    "Sở Y tế": "TV-SYT",
}


def plan_file(path: Path, tasks: int, *, due: date = date(2023, 11, 30)) -> Path:
    """Write a plan appendix with `tasks` numbered tasks, due on that day; return its path."""
    leads = list(LEADS)
    header = "mục\tlĩnh vực\tSTT\tNhiệm vụ\tSản phẩm\tCơ quan chủ trì\tCơ quan phối hợp\tThời gian hoàn thành"
    rows = [
        f"I\tCông tác chỉ đạo, điều hành CCHC\t{number}\tNhiệm vụ thử số {number}\tVăn bản\t"
        f"{leads[number % len(leads)]}\t\tTrước ngày {due:%d/%m/%Y}"
        for number in range(1, tasks + 1)
    ]
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


@dataclass
class Stream:
    """Reports and confirms tasks; repeats with the same Idempotency-Key whatever went wrong on the way."""

    system: System
    plan_id: str
    acknowledged: dict[str, str] = field(default_factory=dict)
    """Task id -> completion id of every report that was answered 201."""
    confirmed: set[str] = field(default_factory=set)
    unanswered: int = 0
    surprises: list[str] = field(default_factory=list)
    """Answers that a client must never get; each fails the drill."""
    _tokens: dict[tuple[str, str], str] = field(default_factory=dict)

    async def run(self, tasks: Iterable[dict[str, Any]], *, clients: int = 4, pause: float = 0.0) -> None:
        """Report and confirm all `tasks` with so many clients, each waiting `pause` seconds between two tasks."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for task in tasks:
            queue.put_nowait(task)
        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(self._client(queue, pause))

    async def _client(self, queue: "asyncio.Queue[dict[str, Any]]", pause: float) -> None:
        async with httpx2.AsyncClient(base_url=self.system.url("tasks"), timeout=15, verify=False) as client:
            while not queue.empty():
                task = queue.get_nowait()
                await self.report_and_confirm(client, task)
                await asyncio.sleep(pause)

    async def report_and_confirm(self, client: httpx2.AsyncClient, task: dict[str, Any]) -> None:
        """Report one task done as its department, and confirm that as the secretariat."""
        body = {
            "completed_on": "2023-10-20",
            "evidence": [{"number": f"{task['number']}/BC", "issued_on": "2023-10-20"}],
        }
        who = self._token("department", task["lead_units"][0]["code"])
        path = f"/v1/tasks/{task['id']}/completions"
        answer = await self._insist(client, path, who, body, key=f"{self.plan_id}-{task['number']}")
        if answer.status_code != 201:
            self.surprises.append(f"report {task['number']}: {answer.status_code} {answer.text[:300]}")
            return
        self.acknowledged[task["id"]] = answer.json()["completion_id"]
        secretariat = self._token("secretariat", PROVINCE)
        path = f"{path}/{self.acknowledged[task['id']]}/confirm"
        answer = await self._insist(client, path, secretariat, {}, key=f"{self.plan_id}-{task['number']}-confirm")
        if answer.status_code == 200:
            self.confirmed.add(task["id"])
        else:
            self.surprises.append(f"confirm {task['number']}: {answer.status_code} {answer.text[:300]}")

    def _token(self, role: str, unit: str) -> str:
        if (role, unit) not in self._tokens:
            self._tokens[role, unit] = self.system.token(role, unit)
        return self._tokens[role, unit]

    async def _insist(
        self, client: httpx2.AsyncClient, path: str, token: str, body: dict[str, Any], *, key: str
    ) -> httpx2.Response:
        """Send until there is an answer that is neither a broken connection nor 503."""
        for _ in range(600):
            try:
                answer = await client.post(
                    path, json=body, headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key}
                )
            except httpx2.TransportError:
                self.unanswered += 1
            else:
                if answer.status_code != 503:
                    return answer
                self.unanswered += 1
            await asyncio.sleep(0.1)
        raise AssertionError(f"no answer for {path}")
