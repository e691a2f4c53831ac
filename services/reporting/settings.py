"""Settings of the reporting service."""

from decimal import Decimal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from services.reporting.domain.method import Rounding, StandingTasks
from services.reporting.domain.webhooks.schedule import DEFAULT_DELAYS
from shared.setting_kinds import DatabaseUrl, ExistingFile, Lines, ListeningHost, Networks, Numbers
from shared.settings import SharedSettings

LONGEST_PAUSE = 7 * 24 * 3600.0
HUNDRED = 100


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
    webhook_key_file: ExistingFile | None = Field(
        default=None,
        description="The installation's key, under which the secrets of webhooks are sealed: a file of its own beside "
        "the database, written by `cchc run`; unset: no endpoint can be made and nothing is sent.",
    )
    webhook_key_overlap_hours: int = Field(
        default=24, ge=0, le=720, description="So long an endpoint's old key signs beside the new one, in hours."
    )
    webhook_schedule_seconds: Numbers = Field(
        default=DEFAULT_DELAYS,
        max_length=30,
        description="Pauses in seconds after each try that was refused, a fifth shorter or longer by chance; after the "
        "last pause comes the last try.",
    )
    webhook_at_once: int = Field(
        default=200, ge=4, le=2000, description="Attempts to deliver webhooks that one worker has under way at most."
    )
    webhook_at_once_per_endpoint: int = Field(
        default=16,
        ge=1,
        le=100,
        description="The same for one endpoint while it answers within half a second; four at most while it is slower, "
        "failing or new. Events of one task go one after the other.",
    )
    webhook_oldest_days: int = Field(
        default=7,
        ge=1,
        le=365,
        description="What happened longer ago than this when it is first heard (a refilled log) is told to nobody.",
    )
    webhook_keep_days: int = Field(
        default=90, ge=1, le=3650, description="So long settled deliveries and their attempts are kept, in days."
    )
    progress_marks: Numbers = Field(
        default=(25, 50, 75, 80, 90, 100),
        max_length=100,
        description="Percents of a plan's tasks; reaching one for the first time is an event.",
    )
    smtp_url: SecretStr | None = Field(
        default=None,
        description="Mail server for notices about endpoints that were switched off, `smtp://user:password@host:587` "
        "(STARTTLS where it is offered) or `smtps://`; unset: notices stand in the interface alone.",
    )
    mail_from: str = Field(default="cchc@localhost", max_length=200, description="Sender of those notices.")
    mail_to: Lines = Field(
        default=(),
        max_length=20,
        description='Who gets those notices, as a JSON list, for example ["cchc@example.vn"].',
    )

    @field_validator("webhook_schedule_seconds")
    @classmethod
    def _pauses(cls, given: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0 < pause <= LONGEST_PAUSE for pause in given):
            raise ValueError("mỗi khoảng chờ phải lớn hơn 0 và không quá 7 ngày [above 0, at most seven days each]")
        return given

    @field_validator("progress_marks")
    @classmethod
    def _marks(cls, given: tuple[float, ...]) -> tuple[float, ...]:
        if not all(mark == int(mark) and 1 <= mark <= HUNDRED for mark in given):
            raise ValueError("mỗi mốc là số nguyên từ 1 đến 100 [whole numbers from 1 to 100]")
        return tuple(sorted(set(given)))

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None:
            found = urlsplit(given.get_secret_value())
            if found.scheme not in {"smtp", "smtps"} or not found.hostname:
                raise ValueError("phải có dạng smtp://host:port hoặc smtps://host:port [smtp:// or smtps://]")
        return given
