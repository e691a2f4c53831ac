"""Log lines: JSON, with trace ids, without personal data and without the texts of errors."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from shared.logging import configure_logging
from tests.support.tiny_service import SECRET_TEXT, TinyService


@pytest.fixture
def configured() -> Iterator[Callable[[], None]]:
    """What a test calls to have logging as in production until it is over."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield lambda: configure_logging("tiny", "info")
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


async def test_request_is_one_line_that_names_the_route_and_not_the_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], configured: Callable[[], None]
) -> None:
    configured()
    tiny = TinyService(tmp_path)
    async with tiny.client("department", unit="SNV") as caller:
        await caller.get("/v1/tasks/4711")
        await caller.get("/v1/tasks?state=nguyen-van-a")
        await caller.get("/v1/people/nguyen-van-a")
    found = [line for line in lines(capsys) if line["event"] == "request"]
    assert [line["route"] for line in found] == ["/v1/tasks/{number}", "/v1/tasks", None]
    assert [line["status"] for line in found] == [200, 200, 404]
    first = found[0]
    assert (first["method"], first["unit"], first["service"], first["level"]) == ("GET", "SNV", "tiny", "info")
    assert isinstance(first["duration_ms"], float)
    assert len(str(first["trace_id"])) == 32
    assert str(first["time"]).endswith("Z")
    text = json.dumps(found, ensure_ascii=False)
    for personal in ("4711", "nguyen-van-a", "Nguyễn", "local:"):
        assert personal not in text


async def test_unexpected_error_is_told_by_its_places_under_the_trace_of_the_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], configured: Callable[[], None]
) -> None:
    configured()
    async with TinyService(tmp_path).client() as caller:
        problem = (await caller.post("/v1/fail/unknown")).json()
    output = lines(capsys)
    failed = next(line for line in output if line["event"] == "request failed")
    assert failed["error_type"] == "builtins.RuntimeError"
    assert "tiny_service.py" in str(failed["error_places"])
    assert problem["instance"] == f"urn:cchc:trace:{failed['trace_id']}"
    assert SECRET_TEXT not in json.dumps(output, ensure_ascii=False)


async def test_probes_do_not_fill_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], configured: Callable[[], None]
) -> None:
    configured()
    async with TinyService(tmp_path).client(None) as stranger:
        await stranger.get("/health/live")
    assert lines(capsys) == []


def test_fields_with_personal_data_are_removed_at_any_depth(
    capsys: pytest.CaptureFixture[str], configured: Callable[[], None]
) -> None:
    configured()
    structlog.get_logger("test").info(
        "đã ghi nhận",
        Authorization="Bearer x",
        access_token="x",
        user_name="x",
        note="x",
        webhook_url="x",
        number=18,
        inner={"email": "x", "kept": "có", "list": [{"cccd": "x", "kept": 1}]},
    )
    (line,) = lines(capsys)
    assert line["event"] == "đã ghi nhận"
    assert (line["number"], line["inner"]) == (18, {"kept": "có", "list": [{"kept": 1}]})
    assert not {"Authorization", "access_token", "user_name", "note", "webhook_url"} & line.keys()


def test_letters_stay_letters(capsys: pytest.CaptureFixture[str], configured: Callable[[], None]) -> None:
    configured()
    structlog.get_logger("test").warning("Sở Nội vụ")
    assert "Sở Nội vụ" in capsys.readouterr().out


def test_libraries_write_the_same_lines(capsys: pytest.CaptureFixture[str], configured: Callable[[], None]) -> None:
    configured()
    logging.getLogger("sqlalchemy.pool").error("connection %s lost", 5, exc_info=ValueError(SECRET_TEXT))
    logging.getLogger("uvicorn.access").info("GET /v1/people/nguyen-van-a")
    logging.getLogger("aiokafka").info("fetched")
    output = capsys.readouterr().out
    assert SECRET_TEXT not in output
    line = json.loads(output)
    assert (line["event"], line["logger"], line["service"]) == ("connection 5 lost", "sqlalchemy.pool", "tiny")
    assert line["error_type"] == "builtins.ValueError"


def test_least_level_is_kept(capsys: pytest.CaptureFixture[str], configured: Callable[[], None]) -> None:
    configured()
    structlog.get_logger("test").debug("not written")
    assert lines(capsys) == []
