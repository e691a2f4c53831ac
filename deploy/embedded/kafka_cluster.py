"""Several Kafka nodes on this machine that are one cluster, as production runs them on several."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.embedded.kafka import (
    EmbeddedKafka,
    Place,
    broker_environment,
    fetch_libraries,
    known_brokers,
    new_cluster_id,
)
from deploy.embedded.refusal import StartRefusedError

MOST_COPIES = 3


class EmbeddedKafkaCluster:
    """One node on each of `ports` (its controller on the port after it); each is broker and controller.

    With three nodes or more everything is kept three times and written when two have it, so one may be lost.
    """

    def __init__(
        self,
        base: Path,
        ports: Sequence[int],
        *,
        settings: Mapping[str, str] | None = None,
        node: type[EmbeddedKafka] = EmbeddedKafka,
    ) -> None:
        voters = ",".join(f"{number}@127.0.0.1:{port + 1}" for number, port in enumerate(ports, start=1))
        identity = new_cluster_id()
        together = {**_copies(len(ports)), **(settings or {})}
        self.nodes = [
            node(base / f"node-{number}", port, settings=together, place=Place(number, voters, identity))
            for number, port in enumerate(ports, start=1)
        ]

    @property
    def bootstrap(self) -> str:
        return ",".join(node.bootstrap for node in self.nodes)

    async def start(self, timeout: float = 60) -> None:  # noqa: ASYNC109 -- the deadline of the answer, not of a call
        """Start every node and wait until each knows all of them.

        Raises:
            StartRefusedError: as a single node's start, or they do not find one another in time.
        """
        began = time.monotonic()
        await fetch_libraries(broker_environment())  # once for all: the lock on the jars is not for one process alone
        await asyncio.gather(*(node.start(timeout) for node in self.nodes))
        await self.wait_until_whole(timeout - (time.monotonic() - began))

    async def wait_until_whole(self, within: float = 60) -> None:
        """Wait until every node knows all of them to be alive.

        Raises:
            StartRefusedError: not within `within` seconds.
        """
        deadline = time.monotonic() + within
        while any([await known_brokers(node.port) < len(self.nodes) for node in self.nodes]):
            if time.monotonic() > deadline:
                raise StartRefusedError("Các nút Kafka không tìm thấy nhau. [the nodes do not find one another]")
            await asyncio.sleep(0.1)

    async def stop(self, within: float = 20) -> None:
        """Ask all nodes to stop at the same time; no handing over can keep one of them waiting for ever."""
        await asyncio.gather(*(node.stop(within) for node in self.nodes))


def _copies(nodes: int) -> dict[str, str]:
    copies = str(min(MOST_COPIES, nodes))
    needed = "2" if nodes >= MOST_COPIES else "1"
    return {
        "default.replication.factor": copies,
        "min.insync.replicas": needed,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": needed,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": needed,
    }
