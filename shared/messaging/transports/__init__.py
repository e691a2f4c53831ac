"""Which event log carries the events is one setting; only the chosen one's client is imported."""

from shared.messaging.transports.port import Transport
from shared.settings import SharedSettings


def create_transport(settings: SharedSettings) -> Transport:
    """Return the transport that `settings.transport` names, not yet started.

    Raises:
        SettingsRefused: settings of Kafka contradict one another, or name a file that cannot be read.
    """
    if settings.transport == "kafka":
        from shared.kafka_settings import kafka_security
        from shared.messaging.transports.kafka import KafkaTransport

        return KafkaTransport(
            settings.kafka_bootstrap,
            replication=settings.kafka_replication,
            retention_days=settings.kafka_retention_days,
            security=kafka_security(settings),
        )
    from shared.messaging.transports.postgres_log import PostgresLog

    return PostgresLog(settings.log_database_url)
