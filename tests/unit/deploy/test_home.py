"""The data directory: logs that do not grow for ever, secrets that only their owner reads."""

from pathlib import Path

import pytest

from deploy.embedded import home
from deploy.embedded.home import Home, rotate_log
from deploy.embedded.refusal import StartRefusedError
from deploy.embedded.secret_files import secret


def test_large_log_is_moved_aside_and_three_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "LARGEST_LOG", 3)
    log = tmp_path / "plans-api.log"
    for round_number in range(5):
        log.write_text(f"round {round_number}", encoding="utf-8")
        rotate_log(log)
    kept = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert kept == {"plans-api.log.1": "round 4", "plans-api.log.2": "round 3", "plans-api.log.3": "round 2"}


def test_small_log_stays(tmp_path: Path) -> None:
    log = tmp_path / "plans-api.log"
    log.write_text("little", encoding="utf-8")
    rotate_log(log)
    assert log.read_text(encoding="utf-8") == "little"


def test_secret_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    first = secret(tmp_path / "secrets", "cchc_plans")
    assert secret(tmp_path / "secrets", "cchc_plans") == first
    assert secret(tmp_path / "secrets", "cchc_tasks") != first
    assert (tmp_path / "secrets" / "cchc_plans").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700


def test_second_owner_of_the_directory_is_refused_with_the_first_ones_pid(tmp_path: Path) -> None:
    first, second = Home(tmp_path / "home"), Home(tmp_path / "home")
    first.make()
    with first.locked(), pytest.raises(StartRefusedError, match=r"pid \d+") as refusal, second.locked():
        pass
    assert "\n" not in str(refusal.value)
    with second.locked():
        pass


def test_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StartRefusedError, match="CCHC_HOME"):
        Home(tmp_path / "file" / "home").make()
