from services.reporting.adapters.webhook_tables import webhook_events  # on the same metadata as adapters/tables.py
from shared.database.migrations import run_env

run_env(webhook_events.metadata, "reporting_version")
