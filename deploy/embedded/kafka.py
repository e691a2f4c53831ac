"""Real Apache Kafka brokers on this machine, from Maven's jars: no container, data kept under its directory."""

import asyncio
import base64
import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.process import ChildProcess, run_once, tail
from deploy.embedded.refusal import StartRefusedError
from deploy.embedded.settings import inherited_environment

ROOM = Path(__file__).parents[1] / "kafka"
LIBRARIES = ROOM / "libs"

JVM = (
    "-Xms96m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:MaxMetaspaceSize=160m",
    "-Xss512k",
    "-Xshare:auto",
    "-Djava.awt.headless=true",
    f"-Dlog4j2.configurationFile={ROOM / 'log4j2.properties'}",
)
NODE = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "broker.heartbeat.interval.ms": "1000",
    "broker.session.timeout.ms": "3000",  # after kill -9 a start waits for the dead broker's session to end
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "log.retention.ms": "-1",  # events are kept: a new read model is built from the first one on
    "log.cleaner.dedupe.buffer.size": "8388608",  # the default, 128 MB, does not fit the heap above
    "log.cleaner.threads": "1",
    "num.network.threads": "2",
    "num.io.threads": "2",
    "background.threads": "2",
    "log.segment.bytes": "16777216",
    "log.index.size.max.bytes": "1048576",
}
METADATA_REQUEST = struct.pack(">hhih", 3, 4, 1, -1) + struct.pack(">ib", 0, 0)
"""Metadata, version 4, correlation 1, no client id; no topics, none to be made."""


@dataclass(frozen=True)
class Place:
    """A node's place in a cluster of several."""

    number: int
    voters: str
    """`number@host:controller port` of every node, as `controller.quorum.voters` wants them."""
    cluster_id: str


class EmbeddedKafka:
    """A broker and controller on 127.0.0.1:`port` (the controller on `port` + 1); it dies with this process.

    Args:
        base: holds data, log and settings of this node.
        port: where clients find it.
        log_file: where it writes; `base`/kafka.log when not given.
        settings: over the ones above, by Kafka's names.
        place: where it stands among others; without it the node is a cluster of its own.
        users: SCRAM-SHA-512 passwords that it knows from its first start, by user.
    """

    def __init__(
        self,
        base: Path,
        port: int,
        *,
        log_file: Path | None = None,
        settings: Mapping[str, str] | None = None,
        place: Place | None = None,
        users: Mapping[str, str] | None = None,
    ) -> None:
        self.base, self.port = base.absolute(), port
        self._place = place
        self._users = dict(users or {})
        self.data = self.base / "kraft"
        self.log_file = log_file or self.base / "kafka.log"
        self._settings = dict(settings or {})
        self._environment = broker_environment()
        self._archive_in_the_making: Path | None = None
        self.child: ChildProcess | None = None

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self, timeout: float = 60) -> None:  # noqa: ASYNC109 -- the deadline of the answer, not of a call
        """Fetch the jars (once a checkout), format the data directory (once), start, and wait for an answer.

        Raises:
            StartRefusedError: Java or Maven missing, the jars out of reach, or a broker that ends.
        """
        self.base.mkdir(mode=0o700, parents=True, exist_ok=True)
        java = _program(
            "java", "Kafka cần Java 17 trở lên: cài JRE (Debian: openjdk-17-jre-headless)", "needs Java 17 or later"
        )
        await fetch_libraries(self._environment)
        await self._format(java)
        self.child = ChildProcess(
            name="kafka",
            program=[java, *JVM, *self._class_data(java), "-cp", _class_path(), "kafka.Kafka", self._properties()],
            environment=self._environment,
            log_file=self.log_file,
        )
        await self.child.start()
        deadline = time.monotonic() + timeout
        while not await known_brokers(self.port):
            if self.child.exit_code is not None:
                raise StartRefusedError(f"Kafka đã dừng, mã {self.child.exit_code} [ended]: {self._last_lines()}")
            if time.monotonic() > deadline:
                await self.stop()
                raise StartRefusedError(
                    f"Kafka không trả lời sau {timeout:.0f} giây [no answer in time]: {self._last_lines()}"
                )
            await asyncio.sleep(0.05)

    async def stop(self, within: float = 20) -> None:
        """Ask it to stop; a kill after `within` seconds loses nothing acknowledged, but makes the next start wait."""
        if self.child is None:
            return
        await self.child.stop(within)
        if self._archive_in_the_making is not None and self._archive_in_the_making.exists():
            self._archive_in_the_making.rename(self._archive_in_the_making.with_suffix(".jsa"))

    def _last_lines(self) -> str:
        lines = tail(self.log_file).strip()
        return "cần Java 17 trở lên [Java 17 or later is needed]" if "UnsupportedClassVersionError" in lines else lines

    def _class_data(self, java: str) -> list[str]:
        """Halve the start: the JVM writes down its loaded classes at the first stop and maps them from then on."""
        runtime = hashlib.sha256(os.path.realpath(java).encode()).hexdigest()[:12]
        archive = LIBRARIES / f"classes-{runtime}.jsa"
        if archive.exists():
            return [f"-XX:SharedArchiveFile={archive}"]
        self._archive_in_the_making = archive.with_suffix(f".{os.getpid()}")
        return [f"-XX:ArchiveClassesAtExit={self._archive_in_the_making}"]

    def _properties(self, data: Path | None = None) -> str:
        settings = {
            **NODE,
            "node.id": str(self._place.number if self._place else 1),
            "controller.quorum.voters": self._place.voters if self._place else f"1@127.0.0.1:{self.port + 1}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.port + 1}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "log.dirs": str(data or self.data),
            **self._settings,
        }
        path = self.base / "node.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
        return str(path)

    async def _format(self, java: str) -> None:
        """Give the data directory its identity, beside the final name: a cut-off format leaves nothing half-made."""
        if self.data.exists():
            return
        unfinished = self.base / "kraft.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        tool = ["-cp", _class_path(), "kafka.tools.StorageTool", "format"]
        for name, password in self._users.items():
            tool += ["--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]"]
        identity = self._place.cluster_id if self._place else new_cluster_id()
        try:
            await run_once(
                [java, *JVM, *tool, "-t", identity, "-c", self._properties(unfinished)],
                environment=self._environment,
            )
        except RuntimeError as error:
            raise StartRefusedError(f"Không tạo được thư mục dữ liệu của Kafka [format failed]: {error}") from error
        unfinished.rename(self.data)


def broker_environment() -> dict[str, str]:
    """Return what a broker is told: the caller's environment without our settings."""
    return {name: value for name, value in inherited_environment().items() if not name.startswith(("CCHC_", "PG"))}


async def fetch_libraries(environment: Mapping[str, str]) -> None:
    """Have Maven copy the jars that deploy/kafka/pom.xml names, unless they are there; whole or not at all."""
    wanted = hashlib.sha256((ROOM / "pom.xml").read_bytes()).hexdigest()
    mark = LIBRARIES / "pom.sha256"
    with _alone():
        if mark.exists() and mark.read_text(encoding="ascii") == wanted:
            return
        maven = _program("mvn", "Các tệp của Kafka được tải bằng Maven: cài Maven (Debian: maven)", "fetched by Maven")
        unfinished = LIBRARIES.with_name("libs.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        fetch = ["-q", "-B", "-f", str(ROOM / "pom.xml"), "dependency:copy-dependencies"]
        try:
            await run_once(
                [maven, *fetch, "-DincludeScope=runtime", f"-DoutputDirectory={unfinished}"],
                environment=environment,
                within=600,
            )
        except (RuntimeError, TimeoutError) as error:
            raise StartRefusedError(f"Maven không tải được các tệp của Kafka [Maven failed]: {error}") from error
        (unfinished / mark.name).write_text(wanted, encoding="ascii")
        shutil.rmtree(LIBRARIES, ignore_errors=True)
        unfinished.rename(LIBRARIES)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold the lock on the jars' directory: two systems of one checkout may start at the same time."""
    (ROOM / "target").mkdir(exist_ok=True)
    with (ROOM / "target" / "libs.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _program(name: str, otherwise: str, english: str) -> str:
    home = inherited_environment().get("JAVA_HOME", "")
    found = shutil.which(name, path=f"{home}/bin") if name == "java" and home else None
    found = found or shutil.which(name)
    if found is None:
        raise StartRefusedError(
            f"{otherwise}, hoặc đặt CCHC_KAFKA_BOOTSTRAP là một Kafka có sẵn. [{english}, or name a running broker]"
        )
    return found


def _class_path() -> str:
    return os.pathsep.join(sorted(str(jar) for jar in LIBRARIES.glob("*.jar")))


def new_cluster_id() -> str:
    """Return 16 random bytes in base64url, as Kafka wants them: no padding, no dash in front."""
    while True:
        drawn = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        if re.match(r"[A-Za-z0-9]", drawn):
            return drawn


async def known_brokers(port: int) -> int:
    """Return how many brokers the one at `port` knows to be alive, 0 when it does not answer.

    From the first one on producers and consumers work.
    """
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(struct.pack(">i", len(METADATA_REQUEST)) + METADATA_REQUEST)
                size = struct.unpack(">i", await reader.readexactly(4))[0]
                answer = await reader.readexactly(size)
            finally:
                writer.close()
                await writer.wait_closed()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return 0
    _correlation, _throttle, brokers = struct.unpack_from(">iii", answer)
    return int(brokers)
