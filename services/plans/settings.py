"""Settings of the plans service."""

from pydantic import Field

from shared.setting_kinds import DatabaseUrl, ListeningHost
from shared.settings import SharedSettings


class PlansSettings(SharedSettings):
    """What the plans service is told by its environment."""

    plans_database_url: DatabaseUrl = Field(
        description="Database of the plans service, `postgresql://user:password@host:port/database`."
    )
    plans_pool_size: int = Field(
        default=10, ge=1, le=200, description="Connections that the plans API keeps; as many again under load."
    )
    host: ListeningHost = Field(default="127.0.0.1", description="Address on which the service listens.")
    plans_port: int = Field(default=8001, ge=1, le=65535, description="Port of the plans API.")
    plans_worker_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Port of the worker's own `/metrics`; unset: none, a collector gets them all the same.",
    )
    before_is_inclusive: bool = Field(
        default=True,
        description='Whether "trước ngày 15/12" allows the 15th itself (true) or ends on the 14th (false).',
    )
