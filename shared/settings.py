"""Settings that every process shares. One frozen object per process; the environment is read nowhere else."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class SharedSettings(BaseSettings):
    """The part of the settings that all services have; a service adds its database under its own prefix."""

    model_config = SettingsConfigDict(env_prefix="CCHC_", frozen=True, extra="ignore")

    transport: Literal["postgres", "kafka"] = Field(
        default="postgres", description="Which event log carries the events: `postgres` (one machine) or `kafka`."
    )
    kafka_bootstrap: str = Field(
        default="127.0.0.1:8092",
        description="Kafka bootstrap servers, `host:port[,host:port]`; used with `kafka` only.",
    )
    kafka_replication: int = Field(
        default=1, ge=1, le=7, description="Replication factor of topics made by `cchc topics`."
    )
    log_database_url: SecretStr = Field(
        default=SecretStr("postgresql://cchc_log@127.0.0.1:8032/cchc_log"),
        description="Database of the PostgreSQL event log; used with `postgres` only.",
    )
    issuer: str = Field(default="cchc-embedded", description="`iss` that bearer tokens must carry.")
    audience: str = Field(default="cchc", description="`aud` that bearer tokens must carry.")
    jwks_url: str = Field(
        default="file://.cchc/keys/jwks.json",
        description="Where the issuer's public keys are: `https://...` of an OIDC provider or `file://...`.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level of log lines that are written."
    )
    max_body_bytes: int = Field(
        default=1_048_576, ge=1024, description="Largest request body, in bytes, of endpoints that take no files."
    )
    dead_letters_in_a_row: int = Field(
        default=20, ge=1, description="So many dead letters one after another stop a consumer: the fault is then ours."
    )
    otlp_endpoint: str | None = Field(
        default=None,
        description="OpenTelemetry collector that takes traces by OTLP/HTTP, for example `http://127.0.0.1:4318`; "
        "unset: traces go nowhere.",
    )
    faults: str = Field(
        default="",
        description="For drills only: faults of this process by place, `point:passing:action[=seconds]`, separated by "
        "commas (shared/messaging/fault_points.py). Never set it in service.",
    )
    faults_allowed: bool = Field(
        default=False, description="For drills only: without it a process with `CCHC_FAULTS` refuses to start."
    )

    @model_validator(mode="after")
    def _refuse_faults_in_service(self) -> Self:
        if self.faults and not self.faults_allowed:
            raise ValueError("CCHC_FAULTS breaks this process on purpose; a drill sets CCHC_FAULTS_ALLOWED=1 too")
        return self
