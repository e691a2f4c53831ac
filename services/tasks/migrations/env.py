from services.tasks.adapters.tables import metadata
from shared.database.migrations import run_env

run_env(metadata, "tasks_version")
