"""The cluster of the Kafka tests."""

from tests.support.kafka_cluster import flow, kafka_cluster
from tests.support.messaging import world

__all__ = ["flow", "kafka_cluster", "world"]
