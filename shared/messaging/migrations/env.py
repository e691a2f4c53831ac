from shared.database.migrations import run_env
from shared.database.tables import metadata

run_env(metadata, "plumbing_version")
