"""`cchc demo`: the main job on the running system, from the imported plan to the ten-month report, checked."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.commands.client import SystemClient, wait_for
from deploy.commands.installation import running_system
from deploy.commands.refusal import CommandRefusedError
from deploy.commands.sample import (
    SECRETARIAT,
    TITLE,
    YEAR,
    SampleCompletion,
    import_sample,
    issue_sample,
    sample_completions,
)
from deploy.embedded.home import Home
from shared.clock import SystemClock, vietnam_date

Item = TypeVar("Item")
CUTOFF: Final = "2023-10-31"
PERIOD: Final = {"name": "10 tháng năm 2023", "from": "2023-01-01", "to": CUTOFF}
EXPECTED: Final = {
    CUTOFF: {"total": 38, "done": 32, "done_on_time": 29, "done_late": 3, "due": 33, "overdue": 1},
    "2023-10-14": {"total": 38, "done": 31, "done_on_time": 28, "done_late": 3, "overdue": 1},
}
"""What the sample's facts come to; counted by hand in the model plan."""
HEARD_WITHIN: Final = 60.0  # seconds for events to pass from one service to the next


class Demo:
    """One pass over a fresh copy of the sample plan."""

    def __init__(self, client: SystemClient, home: Home, console: Console) -> None:
        self._client, self._home, self._console = client, home, console
        self._run = secrets.token_hex(3)
        self._plan_id = ""

    def run(self) -> None:
        """Do the main job and show it.

        Raises:
            CommandRefusedError: a step failed, or the figures are not those of the sample.
        """
        self._import_and_issue()
        tasks = self._learnt_tasks()
        reported = self._report(tasks)
        self._confirm(reported)
        figures = {cutoff: self._counted(cutoff, expected["done"]) for cutoff, expected in EXPECTED.items()}
        self._show(figures)
        self._say(f"Báo cáo đã lưu [report saved]: {self._save_report()}")
        check(figures)

    def _import_and_issue(self) -> None:
        today = vietnam_date(SystemClock().now())
        imported = import_sample(self._client, f"{TITLE} (chạy thử {today:%d/%m/%Y}, {self._run})")
        self._plan_id = str(imported["plan_id"])
        self._say(
            f"Đã nhập kế hoạch {YEAR}: {imported['tasks']} nhiệm vụ, {len(imported['warnings'])} cảnh báo [imported]"
        )
        issue_sample(self._client, self._plan_id)
        self._say(f"Đã ban hành, mã kế hoạch {self._plan_id} [issued]")

    def _learnt_tasks(self) -> dict[str, dict[str, Any]]:
        expected = EXPECTED[CUTOFF]["total"]

        def learnt() -> dict[str, dict[str, Any]] | None:
            items = self._client.items(*SECRETARIAT, "tasks", "/v1/tasks", plan_id=self._plan_id)
            found = {item["number"]: item for item in items}
            return found if len(found) == expected else None

        tasks = wait_for(learnt, within=HEARD_WITHIN, what=f"Dịch vụ nhiệm vụ nhận đủ {expected} nhiệm vụ")
        self._say(f"Dịch vụ nhiệm vụ đã nhận {len(tasks)} nhiệm vụ [tasks learnt]")
        return tasks

    def _report(self, tasks: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
        """Report every completion as its lead unit does; return pairs of task id and completion id."""
        units = {unit["code"]: unit["kind"] for unit in self._client.items(*SECRETARIAT, "plans", "/v1/units")}
        found = []
        for completion in self._bar("Báo cáo hoàn thành (completions)", sample_completions()):
            task = tasks[completion.number]
            lead = task["lead_units"][0]["code"]
            # "các sở, ban, ngành" is nobody who could sign in: the secretariat reports for it.
            role, unit = SECRETARIAT if units.get(lead, "group") == "group" else ("department", lead)
            answer = self._client.request(
                role,
                unit,
                *("POST", "tasks", f"/v1/tasks/{task['id']}/completions"),
                headers={"Idempotency-Key": f"demo-{self._plan_id}-{completion.number}"},
                json=_completion_body(completion, task["title"]),
            )
            found.append((str(task["id"]), str(answer.json()["completion_id"])))
        return found

    def _confirm(self, reported: list[tuple[str, str]]) -> None:
        for task_id, completion_id in self._bar("Sở Nội vụ xác nhận (confirmations)", reported):
            path = f"/v1/tasks/{task_id}/completions/{completion_id}/confirm"
            self._client.request(*SECRETARIAT, "POST", "tasks", path, json={})

    def _counted(self, cutoff: str, done: int) -> dict[str, Any]:
        path = f"/v1/plans/{self._plan_id}/progress"

        def counted() -> dict[str, Any] | None:
            answer = self._client.request(*SECRETARIAT, "GET", "reporting", path, params={"cutoff": cutoff})
            figures: dict[str, Any] = answer.json()
            return figures if figures["done"] >= done else None

        wait_for(self._is_known, within=HEARD_WITHIN, what="Dịch vụ báo cáo nhận kế hoạch")
        return wait_for(counted, within=HEARD_WITHIN, what=f"Dịch vụ báo cáo đếm đủ {done} nhiệm vụ hoàn thành")

    def _is_known(self) -> bool | None:
        try:
            self._client.request(*SECRETARIAT, "GET", "reporting", f"/v1/plans/{self._plan_id}/progress")
        except CommandRefusedError as refusal:
            if " 404 " in str(refusal):
                return None
            raise
        return True

    def _save_report(self) -> Path:
        draft = self._client.request(
            *SECRETARIAT, "POST", "reporting", "/v1/reports", json={"plan_id": self._plan_id, "period": PERIOD}
        ).json()
        path = f"/v1/reports/{draft['id']}"
        signed = {"number": f"{self._run}/BC-SNV", "issued_on": "2023-11-03", "signed_by": "Giám đốc Sở Nội vụ"}
        self._client.request(*SECRETARIAT, "POST", "reporting", f"{path}/issue", json={"document": signed})
        document = self._client.request(
            *SECRETARIAT, "GET", "reporting", f"{path}/document", params={"format": "docx"}
        ).content
        target = self._home.path / "reports" / f"bao-cao-10-thang-2023-{self._run}.docx"
        target.parent.mkdir(mode=0o700, exist_ok=True)
        target.write_bytes(document)
        return target

    def _show(self, figures: dict[str, dict[str, Any]]) -> None:
        table = Table(title="Kết quả thực hiện kế hoạch (plan progress)")
        table.add_column("Chỉ số (figure)")
        for cutoff in figures:
            table.add_column("-".join(reversed(cutoff.split("-"))).replace("-", "/"), justify="right")
        for label, numerator, denominator in (
            ("Hoàn thành / tổng số (done/total)", "done", "total"),
            ("Hoàn thành / đến hạn (done/due)", "done", "due"),
            ("Đúng hạn / hoàn thành (on time/done)", "done_on_time", "done"),
        ):
            table.add_row(label, *(fraction(one[numerator], one[denominator]) for one in figures.values()))
        for label, name in (("Hoàn thành quá hạn (late)", "done_late"), ("Quá hạn (overdue)", "overdue")):
            table.add_row(label, *(str(one[name]) for one in figures.values()))
        self._console.print(table)

    def _say(self, sentence: str) -> None:
        self._console.print(sentence, highlight=False, soft_wrap=True, markup=False)

    def _bar(self, label: str, items: list[Item]) -> Iterator[Item]:
        """Yield the items behind a progress bar on a terminal; elsewhere tell when all of them are done."""
        if self._console.is_terminal:
            with _progress(self._console) as progress:
                task = progress.add_task(label, total=len(items))
                for item in items:
                    yield item
                    progress.advance(task)
            return
        yield from items
        self._say(f"{label}: {len(items)}/{len(items)}")


def check(figures: dict[str, dict[str, Any]]) -> None:
    """Compare with what the sample comes to.

    Raises:
        CommandRefusedError: they differ; the sentence names each figure.
    """
    wrong = [
        f"{cutoff} {name}: {figures[cutoff][name]} thay vì {value}"
        for cutoff, expected in EXPECTED.items()
        for name, value in expected.items()
        if figures[cutoff][name] != value
    ]
    if wrong:
        raise CommandRefusedError(f"Số liệu không khớp với kế hoạch mẫu: {'; '.join(wrong)}. [the figures are wrong]")


def fraction(numerator: int, denominator: int) -> str:
    """Return `32/38 = 84,21 %`: rounded half up to two digits, decimal comma."""
    if denominator == 0:
        return f"{numerator}/{denominator}"
    hundredths = (numerator * 100_00 * 2 + denominator) // (denominator * 2)
    return f"{numerator}/{denominator} = {hundredths // 100},{hundredths % 100:02d} %"


def run_demo(home: Home) -> None:
    """Run it on the system that runs on `home`.

    Raises:
        CommandRefusedError: no system runs there, a step failed, or the figures are wrong.
    """
    system = running_system(home)
    with SystemClient(system.port, home.keys) as client:
        Demo(client, home, Console()).run()


def _completion_body(completion: SampleCompletion, title: str) -> dict[str, Any]:
    evidence = {"number": completion.evidence, "issued_on": completion.completed_on, "title": title}
    return {"completed_on": completion.completed_on, "evidence": [evidence], "note": None}


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        yield progress
