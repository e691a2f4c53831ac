"""Settings that every process shares. One frozen object per process; the environment is read nowhere else."""

import os
import sys
from typing import Any, Final, Literal, Self, TypeVar

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import SettingsConfigDict, SettingsError

from shared.kafka_settings import KafkaSettings, kafka_refusals
from shared.setting_kinds import BootstrapServers, CollectorAddress, DatabaseUrl, ExistingFile, JwksAddress
from shared.setting_names import SettingsRefused, typing_errors, variable
from shared.setting_refusals import told, told_of_source

CANNOT_START: Final = 2
"""Exit code of a process whose settings are wrong."""
OF_THE_COMMAND: Final = frozenset({"CCHC_HOME", "CCHC_PORT", "CCHC_SAMPLE"})
"""Settings of `cchc run` alone. They are named here because they look like typing errors of ours."""


class SharedSettings(KafkaSettings):
    """The part of the settings that all services have; a service adds its database under its own prefix."""

    model_config = SettingsConfigDict(
        env_prefix="CCHC_", frozen=True, extra="ignore", hide_input_in_errors=True, validate_default=False
    )

    transport: Literal["postgres", "kafka"] = Field(
        default="postgres", description="Which event log carries the events: `postgres` (one machine) or `kafka`."
    )
    kafka_bootstrap: BootstrapServers = Field(
        default="",
        description="Kafka bootstrap servers, `host:port[,host:port]`; workers and `cchc topics` must have it with "
        "`kafka`, else unused.",
    )
    log_database_url: DatabaseUrl = Field(
        default=SecretStr(""),
        description="Database of the PostgreSQL event log; workers, `cchc migrate` and `cchc topics` must have it with "
        "`postgres`, else unused.",
    )
    issuer: str = Field(
        default="cchc-embedded", min_length=1, max_length=255, description="`iss` that bearer tokens must carry."
    )
    audience: str = Field(
        default="cchc", min_length=1, max_length=255, description="`aud` that bearer tokens must carry."
    )
    jwks_url: JwksAddress = Field(
        default="file://.cchc/keys/jwks.json",
        description="Where the issuer's public keys are: `https://...` of an OIDC provider or `file:///...`; `http://` "
        "for this machine only. Unset: the keys of an embedded system in the working directory.",
    )
    jwks_ca_file: ExistingFile | None = Field(
        default=None,
        description="PEM file with the office's own certificate authority, when the provider's certificate is of one; "
        "unset: the authorities that come with the program.",
    )
    roles_claim: str = Field(
        default="roles",
        min_length=1,
        max_length=255,
        description="Claim of a bearer token that lists its roles, or the path to it with dots, for example "
        "`realm_access.roles`.",
    )
    unit_claim: str = Field(
        default="unit",
        min_length=1,
        max_length=255,
        description="Claim of a bearer token that holds the code of the caller's unit, or the path to it.",
    )
    rate_per_second: float = Field(
        default=5000,
        ge=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="Requests that a caller (a person's token or an access key) may send on average, per second and "
        "API process; 0: as many as it likes.",
    )
    rate_burst: int = Field(
        default=20_000, ge=1, le=1_000_000, description="Requests that a caller may send at once before that."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level of log lines that are written."
    )
    max_body_bytes: int = Field(
        default=1_048_576,
        ge=1024,
        le=1_073_741_824,
        description="Largest request body, in bytes, of endpoints that take no files.",
    )
    dead_letters_in_a_row: int = Field(
        default=20, ge=1, description="So many dead letters one after another stop a consumer: the fault is then ours."
    )
    otlp_endpoint: CollectorAddress | None = Field(
        default=None,
        description="OpenTelemetry collector that takes traces and metrics by OTLP/HTTP, for example "
        "`http://127.0.0.1:4318`; unset: they go nowhere.",
    )
    faults: str = Field(
        default="",
        description="For drills only: faults of this process by place, `point:passing:action[=seconds]`, separated by "
        "commas (shared/messaging/fault_points.py). Never set it in service.",
    )
    faults_allowed: bool = Field(
        default=False, description="For drills only: without it a process with `CCHC_FAULTS` refuses to start."
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Where a setting may be left out, setting it to nothing leaves it out, as compose files do."""
        optional = {name for name, field in cls.model_fields.items() if field.default in {None, ""}}
        return {name: value for name, value in given.items() if not (value == "" and name in optional)}

    @model_validator(mode="after")
    def _refuse_faults_in_service(self) -> Self:
        if self.faults and not self.faults_allowed:
            raise ValueError(
                "CCHC_FAULTS: cố ý làm hỏng tiến trình, chỉ dùng khi diễn tập cùng với CCHC_FAULTS_ALLOWED=1 "
                "[breaks this process on purpose; a drill sets CCHC_FAULTS_ALLOWED=1 too]"
            )
        return self


Settings = TypeVar("Settings", bound=SharedSettings)


def load(kind: type[Settings], *, opens_log: bool = False) -> Settings:
    """Return the settings of this process, read from its environment.

    Args:
        kind: the service's settings.
        opens_log: the process publishes or consumes, so it must be told where the chosen event log is.

    Raises:
        SystemExit: code 2 when a setting is wrong; a sentence for each has been written to standard error, naming the
            variable and what is expected, never the value.
    """
    try:
        return read(kind, opens_log=opens_log)
    except SettingsRefused as refused:
        sys.stderr.write("".join(f"{sentence}\n" for sentence in refused.sentences))
        raise SystemExit(CANNOT_START) from None


def read(kind: type[Settings], *, opens_log: bool = False) -> Settings:
    """Return the settings as `load` does, for whoever tells the refusal in another way.

    Raises:
        SettingsRefused: a setting is wrong, or an unknown one is very like one that this process reads.
    """
    known = {variable(name) for name in kind.model_fields}
    slips = list(typing_errors(os.environ, known, OF_THE_COMMAND))  # noqa: TID251 -- this is the settings
    try:
        settings = kind()
    except ValidationError as error:
        raise SettingsRefused([*slips, *told(error)]) from None
    except SettingsError as error:
        raise SettingsRefused([*slips, told_of_source(error)]) from None
    if opens_log:
        slips += log_not_named(settings)
    if slips:
        raise SettingsRefused(slips)
    return settings


def log_not_named(settings: SharedSettings) -> list[str]:
    """Return a sentence when the chosen event log's address was not set, or how to get in does not fit together."""
    field = {"kafka": "kafka_bootstrap", "postgres": "log_database_url"}[settings.transport]
    if getattr(settings, field):
        return kafka_refusals(settings) if settings.transport == "kafka" else []
    return [f"{variable(field)}: chưa được đặt, cần khi CCHC_TRANSPORT là {settings.transport} [is not set]."]
