"""Commands that hear everything again: from the journals (`refill`), or from the ledger (`rebuild`)."""

import asyncio
from typing import Annotated

import typer

from deploy.commands.dead_letters import ServiceName


def register(app: typer.Typer) -> None:
    """Add these commands to `cchc`."""
    for command in (refill, rebuild):
        app.command()(command)


def refill(
    service: Annotated[
        ServiceName | None, typer.Option("--service", help="Một dịch vụ; bỏ trống là tất cả (one service, or all).")
    ] = None,
) -> None:
    """Phát lại toàn bộ nhật ký vào hệ thống sự kiện; dịch vụ nhận bỏ qua cái đã biết (publish the journals again)."""
    from deploy.commands.installation import Installation
    from shared.messaging.relay import refill as mark_unpublished

    installation = Installation.find()
    for name in (service.value,) if service else installation.services:
        count = asyncio.run(installation.on_database(name, mark_unpublished))
        print(f"{name}: {count} sự kiện sẽ được phát lại [events to be published again]")


def rebuild() -> None:
    """Dựng lại số liệu của dịch vụ báo cáo từ sổ cái; không gửi gì ra ngoài (make reporting's read model again)."""
    from deploy.commands.installation import Installation
    from services.reporting.console import rebuild_read_model

    events = rebuild_read_model(Installation.find().url("reporting"))
    print(f"Đã dựng lại từ {events} sự kiện [rebuilt from events]")
