"""What this service adds to the `cchc` command: completions that reached the office on paper.

They go through the same handler as those over HTTP, under the same rules, and make the same event.
"""

import asyncio
from functools import partial
from typing import Annotated
from uuid import UUID

import typer
from pydantic import ValidationError

from services.tasks.adapters.together import SqlTogetherUnitOfWork
from services.tasks.adapters.unit_of_work import SqlTasksUnitOfWork
from services.tasks.api.schemas import CompletionRequest
from services.tasks.domain.actor import Actor, ActorRole
from services.tasks.domain.errors import CompletionInvalid, TaskRefusal
from services.tasks.handlers import Ask, CompletionAsk, Desk, report_completion, report_together
from services.tasks.settings import TasksSettings
from shared.clock import Clock, SystemClock
from shared.database.engine import DriverConnections, create_engine
from shared.database.gathering import Gathering
from shared.database.idempotency import StoredAnswer
from shared.ids import TimeOrderedIds
from shared.settings import read

SUBJECT = "console"
REFUSED = 1

app = typer.Typer(name="tasks", help="Việc thực hiện nhiệm vụ. [tasks]", no_args_is_help=True)


@app.callback()
def tasks() -> None:
    """Keep the commands of this service under one name, however few they are."""


@app.command()
def complete(  # noqa: PLR0917 -- typer names them
    task_id: Annotated[UUID, typer.Argument(help="Mã định danh nhiệm vụ. [task id]")],
    unit: Annotated[str, typer.Option(help="Đơn vị báo cáo. [reporting unit]")],
    completed_on: Annotated[str, typer.Option(help="Ngày hoàn thành, YYYY-MM-DD. [day of the product]")],
    evidence: Annotated[
        list[str] | None, typer.Option(help="Minh chứng `số ký hiệu=YYYY-MM-DD`; lặp lại được. [number=day]")
    ] = None,
    note: Annotated[str | None, typer.Option(help="Ghi chú. [note]")] = None,
    role: Annotated[ActorRole, typer.Option(help="Vai trò. [role]")] = ActorRole.DEPARTMENT,
) -> None:
    """Nhập báo cáo hoàn thành gửi bằng văn bản giấy; in biên nhận (report a task done, as the API does)."""
    try:
        request = completion_request(completed_on, evidence or [], note)
        actor = Actor(subject=SUBJECT, roles=frozenset({role}), unit=unit)
        answer = asyncio.run(report(read(TasksSettings), actor, task_id, request))
    except (TaskRefusal, ValidationError, ValueError) as refusal:
        typer.echo(f"Không nhận: {_reason(refusal)}", err=True)
        raise typer.Exit(REFUSED) from refusal
    receipt = answer.body["receipt"]
    typer.echo(f"Đã nhận {receipt['task_code']}: {answer.body['state']}; biên nhận {receipt['sha256']}")


def completion_request(completed_on: str, evidence: list[str], note: str | None) -> CompletionRequest:
    """Return the same request that the API reads.

    Raises:
        pydantic.ValidationError: a day is none, a text is too long.
    """
    pairs = [document.rpartition("=") for document in evidence]
    documents = [{"number": number, "issued_on": day} for number, _, day in pairs]
    return CompletionRequest.model_validate({"completed_on": completed_on, "evidence": documents, "note": note})


async def report(
    settings: TasksSettings, actor: Actor, task_id: UUID, request: CompletionRequest, *, clock: Clock | None = None
) -> StoredAnswer:
    """Take one completion; what a department may not over HTTP, it may not here.

    Raises:
        TaskRefusal: the rules say no.
    """
    engine = create_engine(settings.tasks_database_url, application_name="tasks-console", pool_size=1)
    ids = TimeOrderedIds()
    connections = DriverConnections(engine)
    desk = Desk(
        unit_of_work=partial(SqlTasksUnitOfWork, connections, ids),
        together=partial(SqlTogetherUnitOfWork, connections, ids),
        clock=clock or SystemClock(),
        ids=ids,
        due_soon_days=settings.due_soon_days,
        completions=Gathering(report_together),
    )
    try:
        return await report_completion(desk, CompletionAsk(Ask(actor=actor, task_id=task_id), request.report()))
    finally:
        await engine.dispose()


def _reason(refusal: Exception) -> str:
    if isinstance(refusal, CompletionInvalid):
        return " ".join(fault["message"] for fault in refusal.errors)
    if isinstance(refusal, ValidationError):
        return ", ".join(".".join(str(part) for part in fault["loc"]) for fault in refusal.errors())
    return type(refusal).__name__
