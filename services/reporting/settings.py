"""Settings of the reporting service."""

from decimal import Decimal

from pydantic import Field

from services.reporting.domain.method import Rounding, StandingTasks
from shared.setting_kinds import DatabaseUrl, ExistingFile, Lines, ListeningHost, Networks
from shared.settings import SharedSettings


class ReportingSettings(SharedSettings):
    """What the service is told by its environment. Names on paper are never invented: what is not set stays blank."""

    reporting_database_url: DatabaseUrl = Field(
        description="Database of the reporting service, `postgresql://user:password@host:port/database`."
    )
    reporting_pool_size: int = Field(
        default=10, ge=1, le=200, description="Connections that the reporting API keeps; as many again under load."
    )
    host: ListeningHost = Field(default="127.0.0.1", description="Address on which the service listens.")
    reporting_port: int = Field(default=8003, ge=1, le=65535, description="Port of the reporting API.")
    reporting_worker_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Port of the worker's own `/metrics`; unset: none, a collector gets them all the same.",
    )
    counting_method: StandingTasks = Field(
        default=StandingTasks.PERIOD_MET,
        description="How continuous and recurring tasks count where a request names no method: `period_met`, "
        "`year_end` or `excluded`.",
    )
    percent_rounding: Rounding = Field(
        default=Rounding.HALF_UP, description="How percents get two digits: `half_up`, or `cut` without rounding."
    )
    plan_score_max: Decimal = Field(
        default=Decimal(1), gt=0, le=1000, description="Full marks for completing the plan (index criterion)."
    )
    report_issuer: str | None = Field(
        default=None, max_length=200, description="Body that issues reports; unset: the plan's unit."
    )
    report_parent: str | None = Field(
        default=None, max_length=200, description="Body above the issuer; unset: the unit above the plan's, if any."
    )
    report_place: str | None = Field(
        default=None, max_length=100, description="Place name before the date; unset: left blank for the clerk."
    )
    report_signature: Lines = Field(
        default=(),
        max_length=4,
        description='Lines above the signer\'s name as a JSON list, for example ["TL. CHỦ TỊCH", "GIÁM ĐỐC"].',
    )
    report_recipients: Lines = Field(
        default=("Lưu: VT",), max_length=30, description="Lines under `Nơi nhận` as a JSON list."
    )
    report_template: ExistingFile | None = Field(
        default=None, description="The office's own Word template; unset: the one that comes with the program."
    )
    webhook_allowed_networks: Networks = Field(
        default=(),
        description="Networks of one's own that webhooks may reach, in CIDR form and parted by commas, for example "
        "`10.20.0.0/16,192.168.1.5/32`; unset: addresses of the public internet only.",
    )
    webhook_plain_http: bool = Field(
        default=False,
        description="Whether webhooks may go to the public internet unencrypted; to the allowed networks they may.",
    )
    webhook_timeout_seconds: float = Field(
        default=15.0,
        ge=1,
        le=60,
        description="Time that one attempt may take from resolving the name to the last byte of the answer.",
    )
    webhook_ca_file: ExistingFile | None = Field(
        default=None,
        description="Authorities (PEM) that receivers' certificates may come from, beside those the machine trusts.",
    )
