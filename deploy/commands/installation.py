"""The databases and the event log of one installation, however they were started."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self, TypeVar

import asyncpg
from pydantic import SecretStr

from deploy.commands.refusal import NOT_RUNNING, CommandRefusedError
from deploy.embedded.home import Home
from deploy.embedded.programs import LOG_ROLE, SERVICES, database_url
from deploy.embedded.settings import OFFSETS, home_directory, inherited_environment
from deploy.embedded.state import RunningSystem, read_state
from shared.addresses import database_url as database_url_of
from shared.contracts.topics import ALL
from shared.setting_names import SettingsRefused
from shared.settings import SharedSettings, log_not_named, read

Answer = TypeVar("Answer")


def running_system(home: Home) -> RunningSystem:
    """Return the system that runs on this data directory.

    Raises:
        CommandRefusedError: none does (exit code 3).
    """
    system = read_state(home.run)
    if system is None or not system.is_running:
        raise CommandRefusedError(
            f"Không có hệ thống nào đang chạy trên {home.path} (CCHC_HOME): chạy make run trước. [not running]",
            code=NOT_RUNNING,
        )
    return system


class Installation:
    """Knows the databases by name, and the settings that the services of this installation have."""

    def __init__(self, urls: Mapping[str, SecretStr], settings: SharedSettings) -> None:
        self._urls = urls
        self.settings = settings

    @property
    def services(self) -> tuple[str, ...]:
        """The services whose databases are named."""
        return tuple(self._urls)

    @classmethod
    def from_environment(cls) -> Self:
        """Return the installation that `CCHC_<SERVICE>_DATABASE_URL` and the shared settings describe (containers).

        Raises:
            SettingsRefused: one of them is wrong.
        """
        environment = inherited_environment()
        urls = {
            service: _database_url(name, environment[name])
            for service in SERVICES
            if (name := f"CCHC_{service.upper()}_DATABASE_URL") in environment
        }
        return cls(urls, read(SharedSettings))

    @classmethod
    def find(cls) -> Self:
        """Return the installation of the environment, or else the one that runs on `CCHC_HOME`.

        Raises:
            CommandRefusedError: neither.
        """
        described = cls.from_environment()
        return described if described.services else cls.running()

    @classmethod
    def find_log(cls) -> Self:
        """Return the installation whose event log the environment names, or else the one that runs on `CCHC_HOME`.

        Raises:
            CommandRefusedError: neither.
        """
        described = cls.from_environment()
        named = {"CCHC_KAFKA_BOOTSTRAP", "CCHC_LOG_DATABASE_URL"} & inherited_environment().keys()
        return described if named else cls.running()

    @classmethod
    def running(cls) -> Self:
        """Return the installation that runs on `CCHC_HOME`.

        Raises:
            CommandRefusedError: none does.
        """
        home = Home(home_directory())
        system = running_system(home)
        port = system.port + OFFSETS["postgres"]
        settings: dict[str, Any] = {
            "transport": system.transport,
            "kafka_bootstrap": system.kafka_bootstrap,
            "log_database_url": SecretStr(database_url(home, LOG_ROLE, port)),
        }
        urls = {service: SecretStr(database_url(home, f"cchc_{service}", port)) for service in SERVICES}
        return cls(urls, SharedSettings(**settings))

    def url(self, service: str) -> SecretStr:
        """Return the address of the service's database.

        Raises:
            CommandRefusedError: this installation names none.
        """
        if service not in self._urls:
            raise CommandRefusedError(
                f"CCHC_{service.upper()}_DATABASE_URL chưa được đặt. [the database of {service} is not named]"
            )
        return self._urls[service]

    async def on_database(self, service: str, work: Callable[[Any], Awaitable[Answer]]) -> Answer:
        """Return what `work` answers, given an engine on the service's database.

        Raises:
            CommandRefusedError: the database is not named, does not answer, or was never migrated.
        """
        import structlog

        from shared.database.engine import create_engine

        structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output is the answer's
        await _refuse_unusable(service, self.url(service))
        engine = create_engine(self.url(service), application_name="cchc", pool_size=2)
        try:
            return await work(engine)
        finally:
            await engine.dispose()

    async def migrate(self) -> None:
        """Bring every database that is named here to its head, that of the event log included when it is used."""
        from shared.database.migrations import migrate
        from shared.database.revisions import LOG

        if self.settings.transport == "postgres":
            self._require_log()
            await migrate(self.settings.log_database_url, LOG)
        for service in self._urls:
            await migrate(self._urls[service], f"services.{service}")

    async def ensure_topics(self) -> list[str]:
        """Make the topics that are missing; return a sentence for whatever the others keep less of than is declared.

        Raises:
            CommandRefusedError: the event log does not answer, or does not let us in.
            SettingsRefused: its settings are missing or do not fit together.
        """
        from shared.messaging.transports import create_transport
        from shared.messaging.transports.port import LogUnavailable

        self._require_log()
        transport = create_transport(self.settings)
        await transport.start()
        try:
            await transport.ensure_topics(ALL)
            return [str(shortfall) for shortfall in await transport.shortfalls(ALL)]
        except LogUnavailable as error:
            raise CommandRefusedError(f"Nhật ký sự kiện: {error}.") from error
        finally:
            await transport.stop()

    def _require_log(self) -> None:
        if sentences := log_not_named(self.settings):
            raise SettingsRefused(sentences)


def _database_url(name: str, given: str) -> SecretStr:
    try:
        return SecretStr(database_url_of(given))
    except ValueError as error:
        raise SettingsRefused([f"{name}: {error}."]) from None


async def _refuse_unusable(service: str, url: SecretStr) -> None:
    try:
        connection = await asyncpg.connect(
            url.get_secret_value().replace("postgresql+asyncpg", "postgresql"), timeout=10
        )
    except (OSError, asyncpg.PostgresError) as error:
        raise CommandRefusedError(
            f"Cơ sở dữ liệu của {service} không trả lời: {type(error).__name__}. [database does not answer]"
        ) from error
    try:
        if await connection.fetchval("SELECT to_regclass('outbox')") is None:
            raise CommandRefusedError(f"Cơ sở dữ liệu của {service} chưa được tạo bảng: cchc migrate. [not migrated]")
    finally:
        await connection.close()
