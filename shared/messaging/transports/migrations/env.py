from shared.database.migrations import run_env
from shared.messaging.transports.log_tables import metadata

run_env(metadata, "log_version")
