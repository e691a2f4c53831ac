"""Settings of the tasks service."""

from pydantic import Field

from services.tasks.domain.reminders import DayKind
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
    reminder_day_kind: DayKind = Field(
        default=DayKind.CALENDAR,
        description="Which days `CCHC_DUE_SOON_DAYS` counts for the reminder: `calendar`, the same as in lists of "
        "tasks, or `working`, which reminds earlier around weekends and Tết.",
    )
    unconfirmed_days: int = Field(
        default=5, ge=1, le=60, description="A completion that awaits confirmation for more working days is told of."
    )
    reminder_hour: int = Field(
        default=8, ge=0, le=23, description="Hour of the Vietnamese day from which its reminders are made."
    )
    reminder_look_back_days: int = Field(
        default=31,
        ge=1,
        le=3660,
        description="What has been overdue or unconfirmed for longer when it is first seen is not told of any more: "
        "plans of past years are imported without a word.",
    )
    reminders_per_second: int = Field(
        default=20, ge=1, le=1000, description="Most reminders made in a second, whatever has piled up."
    )
