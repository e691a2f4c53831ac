"""Commands that prepare an installation's servers; containers run them once before the services start."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from deploy.commands.refusal import CommandRefusedError
from deploy.embedded.home import Home
from deploy.embedded.settings import home_directory, read_settings


def register(app: typer.Typer) -> None:
    """Add these commands to `cchc`."""
    for command in (migrate, topics, keys, seed, healthy, kafka):
        app.command()(command)


def migrate() -> None:
    """Đưa các cơ sở dữ liệu lên phiên bản mới nhất (bring every database to its newest revision)."""
    from deploy.commands.installation import Installation

    installation = Installation.find()
    asyncio.run(installation.migrate())
    typer.echo(f"Đã cập nhật [migrated]: {', '.join(installation.services)}")


def topics() -> None:
    """Tạo các chủ đề còn thiếu trong nhật ký sự kiện, so các chủ đề đã có với khai báo (make and compare topics)."""
    from deploy.commands.installation import Installation

    for difference in asyncio.run(Installation.find_log().ensure_topics()):
        typer.echo(f"Khác khai báo [differs]: {difference}", err=True)
    typer.echo("Các chủ đề đã sẵn sàng. [topics ready]")


def keys(
    directory: Annotated[
        Path | None, typer.Option(help="Thư mục chứa khóa; mặc định $CCHC_HOME/keys (where the keys lie).")
    ] = None,
    public_directory: Annotated[
        Path | None, typer.Option(help="Nơi đặt khóa công khai jwks.json, nếu khác (where the public key goes).")
    ] = None,
    webhook_key: Annotated[
        Path | None, typer.Option(help="Tệp khóa của webhook; mặc định trong thư mục trên (file of the webhooks' key).")
    ] = None,
) -> None:
    """Tạo khóa ký mã truy cập và khóa của webhook, nếu chưa có; in đường dẫn khóa công khai (make the keys once).

    Khóa riêng còn nằm trong thư mục công khai, như các bản trước để ở đó, được chuyển đi (private keys are moved away).
    """
    from deploy.embedded.secret_files import bring_over, make_key
    from shared.security import ISSUER_FILE, make_issuer

    home = Home(home_directory())
    private = directory or home.keys
    sealing = webhook_key or (home.webhook_key if directory is None else directory / "webhook.key")
    if public_directory is not None:
        bring_over(public_directory / ISSUER_FILE, private / ISSUER_FILE)
        bring_over(public_directory / "webhook.key", sealing)
    make_key(sealing)
    typer.echo(make_issuer(private, public_directory))


def seed() -> None:
    """Nạp danh mục đơn vị của tỉnh mẫu; chạy lại không đổi gì (load the sample province's units)."""
    from deploy.commands.installation import Installation
    from services.plans.console import seed_units

    typer.echo(f"Số đơn vị mới [new units]: {seed_units(Installation.find().url('plans'))}")


def healthy(port: Annotated[int, typer.Option(help="Cổng của dịch vụ trên máy này (port).")]) -> None:
    """Mã thoát 0 khi dịch vụ ở cổng đó sẵn sàng (exit code 0 when the service there is ready)."""
    from deploy.embedded.health import get

    status, answer = asyncio.run(get(port, "/health/ready"))
    if status != 200:  # noqa: PLR2004 -- HTTP's OK
        raise CommandRefusedError(f"Chưa sẵn sàng [not ready]: {status} {answer}")


def kafka() -> None:
    """Chạy riêng Apache Kafka một nút ở cổng CCHC_PORT + 92 cho đến khi nhận Ctrl-C (broker alone)."""
    asyncio.run(_kafka_alone())


async def _kafka_alone() -> None:
    from deploy.embedded.kafka import EmbeddedKafka
    from deploy.embedded.ports import KAFKA_PORTS, refuse_occupied_ports

    settings = read_settings()
    refuse_occupied_ports(settings, KAFKA_PORTS)
    home = Home(settings.home)
    home.make()
    broker = EmbeddedKafka(home.kafka, settings.port_of("kafka"), log_file=home.log_of("kafka"))
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    try:
        await broker.start()
        typer.echo(
            f"Kafka đang chạy ở {broker.bootstrap}; Ctrl-C để dừng. [running]\n"
            f"CCHC_KAFKA_BOOTSTRAP={broker.bootstrap} CCHC_TRANSPORT=kafka make run"
        )
        await asked_to_stop.wait()
    finally:
        await broker.stop()
