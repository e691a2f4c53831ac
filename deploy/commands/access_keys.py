"""`cchc access-keys`: keys with which programs of departments call the services."""

import json
from datetime import date
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer

from deploy.commands.refusal import CommandRefusedError


class VerbName(StrEnum):
    """The verbs of shared.access_keys, named here so that this command's help need not load a service."""

    READ = "read"
    REPORT = "report"


app = typer.Typer(
    help="Khóa truy cập của phần mềm các đơn vị: cấp, xem, thu hồi (access keys: make, list, revoke).",
    no_args_is_help=True,
)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Tên phần mềm (the program's name).")],
    unit: Annotated[str, typer.Option(help="Mã đơn vị (unit code).")],
    expires_on: Annotated[str, typer.Option(help="Ngày cuối cùng còn dùng được, YYYY-MM-DD (its last day).")],
    verb: Annotated[
        list[VerbName] | None, typer.Option(help="read: xem; report: báo cáo. Lặp lại để cấp cả hai; mặc định cả hai.")
    ] = None,
) -> None:
    """In ra một khóa mới, một lần duy nhất, và không in gì khác (print one new key, once, and nothing else)."""
    from deploy.commands.installation import Installation
    from services.plans import console
    from services.plans.domain.errors import AccessKeyExpiryInvalid, UnitNotFound
    from services.plans.handlers import NewKey
    from shared.access_keys import Verb

    if not name.strip():
        raise CommandRefusedError("--name: không được để trống. [must not be empty]")
    verbs = frozenset(Verb(each) for each in verb or VerbName)
    wanted = NewKey(name=name.strip(), unit=unit, verbs=verbs, expires_on=_day(expires_on))
    try:
        typer.echo(console.create_access_key(Installation.find().url("plans"), wanted)["key"])
    except UnitNotFound as refusal:
        raise CommandRefusedError(f"Không có đơn vị {refusal.unit}. [no such unit]") from refusal
    except AccessKeyExpiryInvalid as refusal:
        raise CommandRefusedError(
            f"--expires-on phải từ hôm nay đến {refusal.latest:%Y-%m-%d}. [from today to {refusal.latest:%Y-%m-%d}]"
        ) from refusal


@app.command("list")
def list_keys(
    as_json: Annotated[bool, typer.Option("--json", help="In dạng JSON (machine-readable).")] = False,
) -> None:
    """Liệt kê các khóa, kể cả khóa đã thu hồi; không có nội dung khóa (all keys, without themselves)."""
    from deploy.commands.installation import Installation
    from services.plans import console

    found = console.list_access_keys(Installation.find().url("plans"))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for key in found:
        end = f"thu hồi [revoked] {key['revoked_at'][:10]}" if key["revoked_at"] else f"đến [until] {key['expires_at']}"
        used = key["last_used_on"] or "chưa dùng [never]"
        typer.echo(f"{key['id']}  {key['unit']}  {'+'.join(key['verbs'])}  {end}  {used}  {key['name']}")


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="Mã của khóa, xem list (its id, see list).")]) -> None:
    """Thu hồi vĩnh viễn một khóa; các dịch vụ từ chối khóa trong vòng vài giây (revoke a key for good)."""
    from deploy.commands.installation import Installation
    from services.plans import console
    from services.plans.domain.errors import AccessKeyNotFound

    try:
        console.revoke_access_key(Installation.find().url("plans"), UUID(key_id))
    except (ValueError, AccessKeyNotFound) as refusal:
        raise CommandRefusedError(f"Không có khóa {key_id}. [no such key]") from refusal
    typer.echo(f"Đã thu hồi [revoked]: {key_id}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CommandRefusedError(
            f"--expires-on {text!r} không đọc được: viết YYYY-MM-DD. [write YYYY-MM-DD]"
        ) from error
