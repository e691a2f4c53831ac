from services.reporting.adapters.tables import metadata
from shared.database.migrations import run_env

run_env(metadata, "reporting_version")
