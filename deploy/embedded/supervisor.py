"""Runs everything on one machine: PostgreSQL, Kafka when asked for, and the services with their workers.

`python -m deploy.embedded.supervisor` is what `cchc run` becomes. Exit codes: 0 stopped as asked, 1 could not start,
2 a setting is wrong.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence

from deploy.embedded.health import get, is_ready
from deploy.embedded.home import Home, rotate_log
from deploy.embedded.keeper import Keepable, Keeper, PlainProgram
from deploy.embedded.ports import KAFKA_PORTS, PORTS, refuse_occupied_ports
from deploy.embedded.postgres import EmbeddedPostgres, provision
from deploy.embedded.preparation import Preparation
from deploy.embedded.process import ChildProcess, started_at, tail
from deploy.embedded.programs import Program, passwords, programs, shared_environment, working_directory
from deploy.embedded.refusal import StartRefusedError
from deploy.embedded.settings import EmbeddedSettings, read_settings
from deploy.embedded.state import RunningSystem, sweep, write_state
from deploy.embedded.terminal import Terminal
from deploy.embedded.welcome import welcome

READY_WITHIN = 90.0  # seconds from the start of the services; a warm start takes a few
DEATHS_AT_START = 4  # of one process, in a start: it will not come up by itself
STOP_WITHIN = 9.5
SERVICES_STOP_WITHIN, KAFKA_STOPS_WITHIN, POSTGRES_STOPS_WITHIN = 5.5, 2.5, 1.5


class Supervisor:
    """One run of the system."""

    def __init__(self, settings: EmbeddedSettings, home: Home, terminal: Terminal) -> None:
        self.settings, self.home, self.terminal = settings, home, terminal
        self._keepers: list[Keeper] = []
        self._preparation = Preparation(settings, home)

    async def run(self) -> int:
        """Start everything, stay until SIGINT, SIGTERM or SIGHUP, stop everything; return the exit code."""
        asked_to_stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, asked_to_stop.set)
        starting = asyncio.create_task(self._start())
        waiting = asyncio.create_task(asked_to_stop.wait())
        try:
            await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await waiting
        except StartRefusedError as refusal:
            self.terminal.tell(str(refusal))
            return refusal.code
        else:
            return 0
        finally:
            for task in (starting, waiting):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, StartRefusedError):
                    await task
            await self._stop()

    async def _start(self) -> None:
        self.terminal.progress("Đang khởi động PostgreSQL [starting PostgreSQL]")
        postgres = EmbeddedPostgres(
            self.home.path, self.settings.port_of("postgres"), log_file=self.home.log_of("postgres")
        )
        await asyncio.gather(self._keep_postgres(postgres), self._keep_kafka())
        self.terminal.progress("Đang chuẩn bị cơ sở dữ liệu [migrating]")
        await self._preparation.prepare()
        self.terminal.progress("Đang khởi động các dịch vụ [starting the services]")
        services = programs(self.settings, self.home)
        await asyncio.gather(*(self._keep(one.name, self._program(one), one.port) for one in services))
        await self._wait_until_ready(services)
        self.terminal.progress("Đang nạp dữ liệu ban đầu [loading first data]")
        await self._preparation.load()
        self.terminal.tell(welcome(self.settings, self.terminal.seconds))

    async def _keep(self, name: str, kept: Keepable, port: int | None) -> None:
        keeper = Keeper(name, kept, port=port, changed=self._write_state, tell=self.terminal.tell)
        self._keepers.append(keeper)
        await keeper.start()

    async def _keep_postgres(self, postgres: EmbeddedPostgres) -> None:
        await self._keep("postgres", postgres, postgres.port)
        await provision(postgres.admin_dsn, passwords(self.home))

    async def _keep_kafka(self) -> None:
        if not self.settings.starts_kafka:
            return
        from deploy.embedded.kafka import EmbeddedKafka  # only this transport needs it

        port = self.settings.port_of("kafka")
        await self._keep("kafka", EmbeddedKafka(self.home.kafka, port, log_file=self.home.log_of("kafka")), port)

    def _program(self, program: Program) -> PlainProgram:
        return PlainProgram(
            ChildProcess(
                name=program.name,
                program=program.arguments,
                environment=program.environment,
                log_file=self.home.log_of(program.name),
                working_directory=working_directory(),
            )
        )

    async def _wait_until_ready(self, services: Sequence[Program]) -> None:
        deadline = time.monotonic() + READY_WITHIN
        missing = {program.name: program.port for program in services if program.port is not None}
        while missing:
            for name, port in list(missing.items()):
                if await is_ready(port):
                    del missing[name]
                    self.terminal.progress(f"{name} sẵn sàng [ready]")
            self._refuse_what_keeps_dying()
            if missing and time.monotonic() > deadline:
                raise StartRefusedError(await self._why_not_ready(missing))
            await asyncio.sleep(0.05)

    def _refuse_what_keeps_dying(self) -> None:
        for keeper in self._keepers:
            if keeper.restarts >= DEATHS_AT_START:
                log = self.home.log_of(keeper.name)
                raise StartRefusedError(
                    f"{keeper.name} không khởi động được; xem {log}. [does not start; see the log]\n{tail(log, 1000)}"
                )

    async def _why_not_ready(self, missing: dict[str, int]) -> str:
        name, port = next(iter(missing.items()))
        _status, answer = await get(port, "/health/ready")
        return (
            f"{', '.join(missing)} chưa sẵn sàng sau {READY_WITHIN:.0f} giây; xem {self.home.log_of(name)}. "
            f"[not ready; see the log] {answer}"
        )

    async def _stop(self) -> None:
        """Stop services first, so that they still reach the servers, then Kafka, then PostgreSQL."""
        self.terminal.progress("Đang dừng [stopping]")
        deadline = time.monotonic() + STOP_WITHIN
        await self._preparation.stop()
        servers = {keeper.name: keeper for keeper in self._keepers if keeper.name in {"kafka", "postgres"}}
        services = [keeper for keeper in self._keepers if keeper.name not in servers]
        await asyncio.gather(*(keeper.stop(SERVICES_STOP_WITHIN) for keeper in services))
        if (kafka := servers.get("kafka")) is not None:
            await kafka.stop(KAFKA_STOPS_WITHIN)
        if (postgres := servers.get("postgres")) is not None:
            await postgres.stop(max(POSTGRES_STOPS_WITHIN, deadline - time.monotonic()))
        self.terminal.tell("Đã dừng; dữ liệu còn nguyên. [stopped; all data kept]")

    def _write_state(self) -> None:
        pid = os.getpid()
        write_state(
            self.home.run,
            RunningSystem(
                pid=pid,
                mark=started_at(pid),
                port=self.settings.port,
                transport=self.settings.transport,
                kafka_bootstrap=shared_environment(self.settings, self.home)["CCHC_KAFKA_BOOTSTRAP"],
                processes=[keeper.row() for keeper in self._keepers],
            ),
        )


def main() -> int:
    """Run the system as the environment says; return the exit code."""
    try:
        settings = read_settings()
        home = Home(settings.home)
        home.make()
        with home.locked():
            sweep(home.run)
            refuse_occupied_ports(settings, PORTS + KAFKA_PORTS if settings.starts_kafka else PORTS)
            for log in home.logs.glob("*.log"):
                rotate_log(log)
            return asyncio.run(Supervisor(settings, home, Terminal(home.log_of("supervisor"))).run())
    except StartRefusedError as refusal:
        sys.stderr.write(f"{refusal}\n")
        return refusal.code


if __name__ == "__main__":
    sys.exit(main())
