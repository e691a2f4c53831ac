from services.reporting.adapters.webhook_tables import metadata  # which holds those of adapters/tables.py too
from shared.database.migrations import run_env

run_env(metadata, "reporting_version")
