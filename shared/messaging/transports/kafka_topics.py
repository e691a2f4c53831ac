"""What is declared of a topic in Kafka's words, and what the cluster keeps instead."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import NoError, TopicAlreadyExistsError, for_code

from shared.contracts.topics import Topic
from shared.messaging.transports.port import LogUnavailable, Shortfall

DAY = 24 * 60 * 60 * 1000
"""In milliseconds."""
UNLIMITED = -1
COPIES_FOR_TWO = 3
"""From so many copies on two must have a record before it counts: one machine may be lost then."""
_LEAST = ("min.insync.replicas", "max.message.bytes")
_LONGEST = ("retention.ms", "retention.bytes")


def new_topic(topic: Topic, *, replication: int, retention_days: int | None) -> NewTopic:
    """Return what `topic` is made as."""
    configs = declared_configs(topic, replication=replication, retention_days=retention_days)
    return NewTopic(topic.name, topic.partitions, replication, topic_configs=configs)


def declared_configs(topic: Topic, *, replication: int, retention_days: int | None) -> dict[str, str]:
    """Return Kafka's settings of `topic`."""
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(UNLIMITED if retention_days is None else retention_days * DAY),
        "retention.bytes": str(UNLIMITED),
        "max.message.bytes": str(topic.max_message_bytes),
        "min.insync.replicas": "2" if replication >= COPIES_FOR_TWO else "1",
    }


async def make_missing(admin: AIOKafkaAdminClient, wanted: Sequence[NewTopic]) -> None:
    """Make the topics that do not exist.

    Raises:
        LogUnavailable: one could not be made, for example because there are fewer brokers than copies.
        aiokafka.errors.KafkaError: no answer.
    """
    known = set(await admin.list_topics())
    missing = [topic for topic in wanted if topic.name not in known]
    if not missing:
        return
    answer = await admin.create_topics(missing)
    for name, code, *_ in answer.topic_errors:
        if code not in {NoError.errno, TopicAlreadyExistsError.errno}:
            why = for_code(code).__name__.removesuffix("Error")
            raise LogUnavailable(f"không tạo được chủ đề {name}: {why} [topic not made]")


async def find_shortfalls(
    admin: AIOKafkaAdminClient, topics: Sequence[Topic], *, replication: int, retention_days: int | None
) -> list[Shortfall]:
    """Return where the cluster keeps less than is declared; topics that do not exist are passed over.

    Raises:
        aiokafka.errors.KafkaError: no answer.
    """
    described = {each["topic"]: each for each in await admin.describe_topics() if not each["error_code"]}
    known = [topic for topic in topics if topic.name in described]
    if not known:
        return []
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in known]
    configs = _configs(await admin.describe_configs(resources))
    found: list[Shortfall] = []
    for topic in known:
        declared = declared_configs(topic, replication=replication, retention_days=retention_days)
        found += _layout(topic, replication, described[topic.name]["partitions"])
        found += _weaker(topic, declared, configs.get(topic.name, {}))
    return found


def _configs(responses: Iterable[Any]) -> dict[str, dict[str, str]]:
    """Return the settings by topic; a topic whose settings may not be read has the one setting `configs`."""
    found: dict[str, dict[str, str]] = {}
    for response in responses:
        for code, _message, _kind, name, entries in response.resources:
            refused = {"configs": for_code(code).__name__} if code else {}
            found[name] = refused or {entry[0]: entry[1] for entry in entries}
    return found


def _layout(topic: Topic, replication: int, partitions: Sequence[Mapping[str, Any]]) -> Iterator[Shortfall]:
    if len(partitions) < topic.partitions:
        yield Shortfall(topic.name, "partitions", str(topic.partitions), str(len(partitions)))
    copies = {len(each["replicas"]) for each in partitions} - {replication}
    if copies:
        yield Shortfall(topic.name, "replication", str(replication), ", ".join(map(str, sorted(copies))))


def _weaker(topic: Topic, declared: Mapping[str, str], found: Mapping[str, str]) -> Iterator[Shortfall]:
    if "configs" in found:
        yield Shortfall(topic.name, "configs", "readable", found["configs"])
        return
    for setting, value in declared.items():
        there = found.get(setting, value)
        if _is_weaker(setting, value, there):
            yield Shortfall(topic.name, setting, value, there)


def _is_weaker(setting: str, declared: str, found: str) -> bool:
    if setting in _LEAST:
        return int(found) < int(declared)
    if setting in _LONGEST:
        return int(found) != UNLIMITED and (int(declared) == UNLIMITED or int(found) < int(declared))
    return found != declared
