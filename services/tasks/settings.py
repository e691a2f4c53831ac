"""Settings of the tasks service."""

from pydantic import Field

from shared.setting_kinds import DatabaseUrl, ListeningHost
from shared.settings import SharedSettings


class TasksSettings(SharedSettings):
    """What the tasks service is told by its environment."""

    tasks_database_url: DatabaseUrl = Field(
        description="Database of the tasks service, `postgresql://user:password@host:port/database`."
    )
    tasks_pool_size: int = Field(
        default=20, ge=1, le=200, description="Connections that the tasks API keeps; as many again under load."
    )
    host: ListeningHost = Field(default="127.0.0.1", description="Address on which the service listens.")
    tasks_port: int = Field(default=8002, ge=1, le=65535, description="Port of the tasks API.")
    tasks_worker_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Port of the worker's own `/metrics`; unset: none, a collector gets them all the same.",
    )
    due_soon_days: int = Field(
        default=3, ge=0, le=60, description="A task not done is due soon from so many days before its deadline."
    )
