"""A wrong setting is refused at start: its name, what is expected, no secret, no traceback, exit code 2."""

import asyncio
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy.embedded.refusal import StartRefusedError
from deploy.embedded.settings import SETTINGS, read_settings
from services.plans.settings import PlansSettings
from services.reporting.settings import ReportingSettings
from services.tasks.settings import TasksSettings
from shared.setting_names import MOST_SLIPS, slips, typing_errors, variable
from shared.settings import OF_THE_COMMAND, SharedSettings, load
from tests.support.system import CCHC, ROOT

SECRET = "b1-mat-xa9"
"""Stands in every address; it must be seen nowhere."""
KINDS: dict[str, type[SharedSettings]] = {
    "plans": PlansSettings,
    "tasks": TasksSettings,
    "reporting": ReportingSettings,
}
RIGHT = {
    "CCHC_PLANS_DATABASE_URL": f"postgresql://cchc_plans:{SECRET}@127.0.0.1:1/cchc_plans",
    "CCHC_TASKS_DATABASE_URL": f"postgresql://cchc_tasks:{SECRET}@127.0.0.1:1/cchc_tasks",
    "CCHC_REPORTING_DATABASE_URL": f"postgresql://cchc_reporting:{SECRET}@127.0.0.1:1/cchc_reporting",
    "CCHC_LOG_DATABASE_URL": f"postgresql://cchc_log:{SECRET}@127.0.0.1:1/cchc_log",
    "CCHC_JWKS_URL": "file:///nonexistent/jwks.json",
}

DATABASE = "CCHC_PLANS_DATABASE_URL"
Wrong = tuple[str, str, str | None, str]
WRONG: list[Wrong] = [
    ("plans", DATABASE, None, "chưa được đặt"),
    ("plans", DATABASE, "", "postgresql://"),
    ("plans", DATABASE, f"{SECRET}", "postgresql://"),
    ("plans", DATABASE, f"mysql://cchc:{SECRET}@127.0.0.1/cchc_plans", "phải bắt đầu bằng postgresql://"),
    ("plans", DATABASE, f"postgresql://cchc:{SECRET}@127.0.0.1:5432", "thiếu tên cơ sở dữ liệu"),
    ("plans", DATABASE, f"postgresql://cchc:{SECRET}@127.0.0.1:5432/", "thiếu tên cơ sở dữ liệu"),
    ("plans", DATABASE, f"postgresql://cchc:{SECRET}@/cchc_plans", "thiếu tên máy"),
    ("plans", DATABASE, "postgresql://127.0.0.1/cchc_plans", "thiếu tên người dùng"),
    ("plans", DATABASE, "postgresql://cchc:@127.0.0.1/cchc_plans", "mật khẩu để trống"),
    ("plans", DATABASE, f"postgresql://cchc:{SECRET}@127.0.0.1:0/cchc_plans", "cổng"),
    ("plans", DATABASE, f"postgresql://cchc:{SECRET}@127.0.0.1:70000/cchc_plans", "cổng"),
    ("plans", DATABASE, f"postgresql://cchc:{SECRET}@127.0.0.1:năm/cchc_plans", "cổng"),
    ("plans", DATABASE, f"postgresql://cchc:{SECRET}/x@127.0.0.1/cchc_plans", "%2F"),
    ("plans", DATABASE, f"postgresql://cchc:{SECRET}#x@127.0.0.1/cchc_plans", "%"),
    ("plans", DATABASE, f"postgresql://cchc:{SECRET} x@127.0.0.1/cchc_plans", "khoảng trắng"),
    ("plans", DATABASE, f"postgresql://cchc:{SECRET}@127.0.0.1/cchc_plans?sslmode=require", "ssl="),
    ("tasks", "CCHC_TASKS_DATABASE_URL", f"http://cchc:{SECRET}@127.0.0.1/x", "phải bắt đầu bằng postgresql://"),
    ("reporting", "CCHC_REPORTING_DATABASE_URL", None, "chưa được đặt"),
    ("plans", "CCHC_LOG_DATABASE_URL", None, "chưa được đặt, cần khi CCHC_TRANSPORT là postgres"),
    ("plans", "CCHC_LOG_DATABASE_URL", f"kafka://u:{SECRET}@127.0.0.1:9092/x", "phải bắt đầu bằng postgresql://"),
    ("plans", "CCHC_TRANSPORT", "rabbitmq", "postgres, kafka"),
    ("plans", "CCHC_KAFKA_BOOTSTRAP", "kafka", "máy:cổng"),
    ("plans", "CCHC_KAFKA_BOOTSTRAP", f"kafka://u:{SECRET}@kafka:9092", "máy:cổng"),
    ("plans", "CCHC_KAFKA_BOOTSTRAP", "kafka:9092,,kafka2:9092", "máy:cổng"),
    ("plans", "CCHC_KAFKA_BOOTSTRAP", "10.0.0.300:9092", "máy:cổng"),
    ("plans", "CCHC_KAFKA_BOOTSTRAP", "kafka:99999", "cổng phải từ 1 đến 65535"),
    ("plans", "CCHC_KAFKA_REPLICATION", "0", "từ 1 trở lên"),
    ("plans", "CCHC_KAFKA_REPLICATION", "8", "không được quá 7"),
    ("plans", "CCHC_JWKS_URL", "http://idp.example.vn/jwks.json", "http:// chỉ dùng cho chính máy này"),
    ("plans", "CCHC_JWKS_URL", "file://keys/jwks.json", "file:///"),
    ("plans", "CCHC_JWKS_URL", "file:///", "file:///"),
    ("plans", "CCHC_JWKS_URL", "file:///etc", "chỉ vào một thư mục"),
    ("plans", "CCHC_JWKS_URL", "/etc/cchc/jwks.json", "https:// hoặc file:///"),
    ("plans", "CCHC_JWKS_URL", "ftp://idp.example.vn/jwks.json", "https:// hoặc file:///"),
    ("plans", "CCHC_ISSUER", "", "không được để trống"),
    ("plans", "CCHC_AUDIENCE", "", "không được để trống"),
    ("plans", "CCHC_LOG_LEVEL", "trace", "debug, info, warning, error"),
    ("plans", "CCHC_MAX_BODY_BYTES", "0", "từ 1024 trở lên"),
    ("plans", "CCHC_MAX_BODY_BYTES", "1MB", "số nguyên"),
    ("plans", "CCHC_DEAD_LETTERS_IN_A_ROW", "-1", "từ 1 trở lên"),
    ("plans", "CCHC_OTLP_ENDPOINT", "collector:4318", "http://máy:4318"),
    ("plans", "CCHC_OTLP_ENDPOINT", "grpc://collector:4317", "http://máy:4318"),
    ("plans", "CCHC_HOST", "http://0.0.0.0", "địa chỉ IP hoặc tên máy"),
    ("plans", "CCHC_HOST", "256.0.0.1", "địa chỉ IP hoặc tên máy"),
    ("plans", "CCHC_PLANS_PORT", "eight", "số nguyên"),
    ("plans", "CCHC_PLANS_PORT", "0", "từ 1 trở lên"),
    ("tasks", "CCHC_TASKS_PORT", "65536", "không được quá 65535"),
    ("reporting", "CCHC_REPORTING_PORT", "-8003", "từ 1 trở lên"),
    ("plans", "CCHC_PLANS_POOL_SIZE", "0", "từ 1 trở lên"),
    ("plans", "CCHC_BEFORE_IS_INCLUSIVE", "maybe", "true hoặc false"),
    ("tasks", "CCHC_DUE_SOON_DAYS", "-3", "từ 0 trở lên"),
    ("tasks", "CCHC_REMINDER_HOUR", "24", "không được quá 23"),
    ("tasks", "CCHC_REMINDER_DAY_KIND", "lunar", "calendar"),
    ("tasks", "CCHC_REMINDERS_PER_SECOND", "0", "từ 1 trở lên"),
    ("reporting", "CCHC_COUNTING_METHOD", "by_heart", "period_met, year_end, excluded"),
    ("reporting", "CCHC_PERCENT_ROUNDING", "up", "half_up, cut"),
    ("reporting", "CCHC_PLAN_SCORE_MAX", "NaN", "số"),
    ("reporting", "CCHC_PLAN_SCORE_MAX", "0", "lớn hơn 0"),
    ("reporting", "CCHC_REPORT_SIGNATURE", "GIÁM ĐỐC", "danh sách JSON"),
    ("reporting", "CCHC_REPORT_RECIPIENTS", '{"VT": 1}', "danh sách JSON"),
    ("reporting", "CCHC_REPORT_TEMPLATE", "/nonexistent/mau.docx", "không có tệp này"),
    ("reporting", "CCHC_WEBHOOK_ALLOWED_NETWORKS", "10.0.0.1/8", "CIDR"),
    ("reporting", "CCHC_WEBHOOK_ALLOWED_NETWORKS", "10.0.0.0/33,192.168.0.0/16", "CIDR"),
    ("plans", "CCHC_FAULTS", "relay.read:1:kill", "CCHC_FAULTS_ALLOWED"),
    ("plans", "CCHC_TRANSPROT", "kafka", "có phải CCHC_TRANSPORT?"),
    ("plans", "CCHC_JWKS_ULR", "https://idp.example.vn/jwks", "có phải CCHC_JWKS_URL?"),
    ("tasks", "CCHC_TASK_DATABASE_URL", f"postgresql://u:{SECRET}@h/d", "có phải CCHC_TASKS_DATABASE_URL?"),
    ("reporting", "CCHC_COUNTING_METHODS", "year_end", "có phải CCHC_COUNTING_METHOD?"),
]
"""Service, variable, its value (None: not set), what the sentence says is expected."""


def environment(**changed: str | None) -> dict[str, str]:
    """Return variables with which every process would start, but for what is changed; None takes one away."""
    merged: dict[str, str | None] = {**RIGHT, **changed}
    return {name: value for name, value in merged.items() if value is not None}


def enter(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name.startswith("CCHC_")]:  # noqa: TID251 -- what it replaces
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_there_are_more_than_twenty_of_them_and_they_are_all_different() -> None:
    assert len({(name, value) for _, name, value, _ in WRONG}) == len(WRONG) > 60


@pytest.mark.parametrize("service", KINDS)
def test_right_settings_are_taken(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(monkeypatch, environment())
    assert load(KINDS[service], opens_log=True).transport == "postgres"


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong[1]}={wrong[2]}")
def test_each_is_refused_by_its_name_and_without_a_secret(
    wrong: Wrong, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    service, name, value, expected = wrong
    enter(monkeypatch, environment(**{name: value}))
    with pytest.raises(SystemExit) as stopped:
        load(KINDS[service], opens_log=True)
    shown = capsys.readouterr()
    assert stopped.value.code == 2
    assert shown.out == ""
    assert shown.err.startswith(f"{name}: ")
    assert expected in shown.err
    assert shown.err.count("\n") == 1
    assert re.search(r"\[[ -~]+\]\.\n$", shown.err), "a short English reading stands at the end"
    assert SECRET not in shown.err


def test_kafka_without_servers_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    enter(monkeypatch, environment(CCHC_TRANSPORT="kafka"))
    with pytest.raises(SystemExit):
        load(PlansSettings, opens_log=True)
    assert capsys.readouterr().err.startswith("CCHC_KAFKA_BOOTSTRAP: chưa được đặt, cần khi CCHC_TRANSPORT là kafka")
    assert load(PlansSettings).transport == "kafka", "an API neither publishes nor consumes"


def test_all_wrong_ones_are_told_at_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    enter(monkeypatch, environment(CCHC_PLANS_PORT="x", CCHC_LOG_LEVEL="x", CCHC_TRANSPROT="x"))
    with pytest.raises(SystemExit):
        load(PlansSettings)
    told = {line.split(":")[0] for line in capsys.readouterr().err.splitlines()}
    assert told == {"CCHC_PLANS_PORT", "CCHC_LOG_LEVEL", "CCHC_TRANSPROT"}


def test_leaving_out_and_setting_to_nothing_are_the_same_where_a_setting_may_be_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    enter(monkeypatch, environment(CCHC_OTLP_ENDPOINT="", CCHC_REPORT_PLACE="", CCHC_REPORT_TEMPLATE=""))
    settings = load(ReportingSettings)
    assert (settings.otlp_endpoint, settings.report_place, settings.report_template) == (None, None, None)


def test_names_of_other_programs_are_no_typing_errors() -> None:
    """A name that is in use may not be taken for a typo of another, so names differ by more than two letters."""
    names = {variable(name) for kind in KINDS.values() for name in kind.model_fields}
    example = (ROOT / ".env.example").read_text(encoding="utf-8") + (ROOT / "docker-compose.yml").read_text("utf-8")
    everything = names | SETTINGS.keys() | set(re.findall(r"CCHC_[A-Z_]+[A-Z]", example))
    kinds: list[type[SharedSettings]] = [SharedSettings, *KINDS.values()]
    for kind in kinds:
        known = {variable(name) for name in kind.model_fields}
        assert list(typing_errors(everything, known, OF_THE_COMMAND)) == []
    read_settings(dict.fromkeys(everything, ""))


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [
        ("", "", 0),
        ("PORT", "PORT", 0),
        ("PROT", "PORT", 1),
        ("PORTS", "PORT", 1),
        ("POR", "PORT", 1),
        ("HOME", "HOST", 2),
    ],
)
def test_slips_count_letters(first: str, second: str, count: int) -> None:
    assert slips(first, second) == slips(second, first) == count


def test_names_far_apart_are_far_apart() -> None:
    assert slips("CCHC_ISSUER", "CCHC_TRANSPORT") > MOST_SLIPS


API = ["-m", "services.{0}.main"]
WORKER = ["-m", "services.{0}.worker"]
PROCESSES = [
    *([*(part.format(service) for part in program), f"CCHC_{service.upper()}_DATABASE_URL"]
      for service in KINDS for program in (API, WORKER)),
]  # fmt: skip


async def refused(*arguments: str, variables: Mapping[str, str]) -> tuple[int | None, str]:
    """Run one process to its end; return its exit code and what it wrote."""
    started = await asyncio.create_subprocess_exec(
        *arguments,
        cwd=ROOT,
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), **variables},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(60):
            output, _ = await started.communicate()
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()
    return started.returncode, output.decode()


@pytest.mark.parametrize(("flag", "module", "name"), PROCESSES)
async def test_every_process_of_a_service_refuses(flag: str, module: str, name: str) -> None:
    wrong = environment(**{name: f"mysql://u:{SECRET}@127.0.0.1/x", "CCHC_LOG_LEVEL": "loud"})
    code, said = await refused(sys.executable, flag, module, variables=wrong)
    assert code == 2
    assert [line.split(":")[0] for line in said.splitlines()] == ["CCHC_LOG_LEVEL", name]
    assert SECRET not in said


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        ("migrate", "CCHC_TASKS_DATABASE_URL", f"tcp://u:{SECRET}@127.0.0.1/x"),
        ("migrate", "CCHC_LOG_DATABASE_URL", None),
        ("topics", "CCHC_TRANSPORT", "rabbitmq"),
        ("topics", "CCHC_KAFKA_BOOTSTRAP", f"u:{SECRET}@kafka"),
        ("seed", "CCHC_PLANS_DATABASE_URL", f"postgresql://u:{SECRET}@127.0.0.1"),
        ("refill", "CCHC_LOG_LEVEL", "loud"),
        ("run", "CCHC_PORT", "80"),
        ("run", "CCHC_TRANSPORT", "rabbitmq"),
        ("run", "CCHC_SMAPLE", "0"),
        ("kafka", "CCHC_PORT", "65500"),
    ],
)
async def test_every_command_refuses(command: str, name: str, value: str | None, tmp_path: Path) -> None:
    wrong = {**environment(**{name: value}), "CCHC_HOME": str(tmp_path)}
    code, said = await refused(str(CCHC), command, variables=wrong)
    assert code == 2, said
    assert said.startswith(name)
    assert said.count("\n") == 1
    assert SECRET not in said


async def test_run_reads_the_services_settings_before_it_starts_them(tmp_path: Path) -> None:
    wrong = {**environment(CCHC_DUE_SOON_DAYS="-1", CCHC_COUNTING_METHOD="x"), "CCHC_HOME": str(tmp_path)}
    code, said = await refused(sys.executable, "-m", "deploy.embedded.prepare", variables=wrong)
    assert code == 2
    assert re.findall(r"CCHC_[A-Z_]+", said) == ["CCHC_DUE_SOON_DAYS", "CCHC_COUNTING_METHOD"]
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 -- refused before anything is made


async def test_run_refuses_a_home_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("", encoding="ascii")
    code, said = await refused(str(CCHC), "run", variables={"CCHC_HOME": str(tmp_path / "home"), "CCHC_PORT": "23000"})
    assert code == 2
    assert "CCHC_HOME" in said
    assert said.count("\n") == 1


def test_run_refuses_brokers_that_are_none() -> None:
    with pytest.raises(StartRefusedError, match="CCHC_KAFKA_BOOTSTRAP"):
        read_settings({"CCHC_TRANSPORT": "kafka", "CCHC_KAFKA_BOOTSTRAP": "localhost"})
