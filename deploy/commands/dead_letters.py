"""`cchc dead-letters`: messages that a service put aside, for whoever mends the cause."""

import asyncio
import importlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, TypeVar

import typer

from deploy.commands.refusal import CommandRefusedError

Answer = TypeVar("Answer")
PAGE = 100


class ServiceName(StrEnum):
    """Who hears events, and so may have put one aside."""

    PLANS = "plans"
    TASKS = "tasks"
    REPORTING = "reporting"


Service = Annotated[ServiceName, typer.Option("--service", help="Dịch vụ: plans, tasks, reporting (service).")]
Number = Annotated[int, typer.Argument(help="Số của thông điệp, xem list (its number, see list).")]

app = typer.Typer(
    help="Thông điệp hỏng: xem, sửa nguyên nhân, phát lại (dead letters: look, mend the cause, replay).",
    no_args_is_help=True,
)


@app.command("list")
def list_letters(
    service: Annotated[
        ServiceName | None, typer.Option("--service", help="Một dịch vụ; bỏ trống là tất cả (one service, or all).")
    ] = None,
    resolved: Annotated[bool, typer.Option("--resolved", help="Cả những thông điệp đã xử lý (resolved too).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="In dạng JSON (machine-readable).")] = False,
) -> None:
    """Liệt kê thông điệp hỏng chưa xử lý (open dead letters)."""
    found = [
        {"service": name.value, **letter}
        for name in ([service] if service else list(ServiceName))
        for letter in _all_letters(name, resolved=resolved)
    ]
    if as_json:
        print(json.dumps(found, ensure_ascii=False, default=str))
        return
    if not found:
        print("Không có thông điệp hỏng. [no dead letters]")
    for letter in found:
        print(
            f"{letter['service']} {letter['id']}  {letter['dead_at']:%Y-%m-%d %H:%M:%S}  {letter['type'] or '?'}  "
            f"{letter['reason_code']}: {letter['reason']}"
        )


@app.command()
def show(number: Number, service: Service) -> None:
    """In trọn một thông điệp hỏng dưới dạng JSON (one dead letter, whole)."""
    from shared.messaging.dead_letters import NoSuchLetter, show_letter
    from shared.messaging.letters import headers_to_json

    try:
        letter, received = _on_database(service, lambda engine: show_letter(engine, number))
    except NoSuchLetter as error:
        raise _no_such_letter(service, number) from error
    whole = {
        **asdict(letter),
        "key": _text(received.key),
        "headers": headers_to_json(received.headers),
        "value": _text(received.value),
    }
    print(json.dumps(whole, ensure_ascii=False, indent=2, default=str))


@app.command()
def replay(
    service: Service,
    number: Annotated[int | None, typer.Argument(help="Số của thông điệp; bỏ trống với --all (its number).")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Tất cả thông điệp chưa xử lý (all open ones).")] = False,
) -> None:
    """Phát lại sau khi đã sửa nguyên nhân; mã thoát 1 nếu còn thông điệp bị từ chối (replay; 1: refused again)."""
    from shared.messaging.dead_letters import NoSuchLetter, replay_letter

    if (number is None) != everything:
        raise CommandRefusedError("Cần số của thông điệp hoặc --all. [give a number or --all]")
    subscription = importlib.import_module(f"services.{service.value}.consumers").SUBSCRIPTION
    numbers = [number] if number is not None else [letter["id"] for letter in _all_letters(service, resolved=False)]
    refused = 0
    for one in numbers:
        try:
            fate = _on_database(service, partial(replay_letter, subscription=subscription, number=one))
        except NoSuchLetter as error:
            raise _no_such_letter(service, one) from error
        print(f"{service.value} {one}: {fate}")
        refused += fate == "dead"
    if refused:
        raise CommandRefusedError(f"{refused} thông điệp vẫn bị từ chối. [still refused]")


@app.command()
def discard(number: Number, service: Service, why: Annotated[str, typer.Option(help="Lý do bỏ qua (reason).")]) -> None:
    """Đánh dấu đã xử lý mà không áp dụng; thông điệp và lý do vẫn được giữ (resolve without applying)."""
    from shared.messaging.dead_letters import NoSuchLetter, discard_letter

    try:
        _on_database(service, lambda engine: discard_letter(engine, number, why))
    except NoSuchLetter as error:
        raise _no_such_letter(service, number) from error


def _all_letters(service: ServiceName, *, resolved: bool) -> list[dict[str, Any]]:
    from shared.messaging.dead_letters import list_letters as page_of_letters

    found: list[dict[str, Any]] = []
    while True:
        after = found[-1]["id"] if found else 0
        page = _on_database(service, partial(page_of_letters, resolved=resolved, after=after, limit=PAGE))
        found += [asdict(letter) for letter in page]
        if len(page) < PAGE:
            return found


def _on_database(service: ServiceName, work: Callable[[Any], Awaitable[Answer]]) -> Answer:
    """Run `work` with an engine on the service's database."""
    from deploy.commands.installation import Installation

    return asyncio.run(Installation.find().on_database(service.value, work))


def _no_such_letter(service: ServiceName, number: int) -> CommandRefusedError:
    return CommandRefusedError(
        f"{service.value} không có thông điệp hỏng chưa xử lý số {number}. [no open dead letter of that number]"
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")
