"""The brokers of the Kafka tests."""

from tests.support.kafka_cluster import flow, kafka_cluster
from tests.support.kafka_secured import secured_broker
from tests.support.messaging import world

__all__ = ["flow", "kafka_cluster", "secured_broker", "world"]
