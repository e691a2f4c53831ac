from services.plans.adapters.tables import metadata
from shared.database.migrations import run_env

run_env(metadata, "plans_version")
