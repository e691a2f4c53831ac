"""Pure parts of the `cchc` command."""

from datetime import timedelta

import pytest

from deploy.cchc import RoleName, _lifetime
from deploy.commands.demo import CUTOFF, EXPECTED, check, fraction
from deploy.commands.refusal import CommandRefusedError
from deploy.commands.sample import sample_completions
from shared.http.caller import Role


def test_roles_of_the_command_are_those_of_the_services() -> None:
    assert {role.value for role in RoleName} == {role.value for role in Role}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("30m", timedelta(minutes=30)),
        ("8h", timedelta(hours=8)),
        ("7d", timedelta(days=7)),
        ("1s", timedelta(seconds=1)),
    ],
)
def test_lifetime_is_read(text: str, meant: timedelta) -> None:
    assert _lifetime(text) == meant


@pytest.mark.parametrize("text", ["", "8", "h", "0h", "-1h", "8 h", "8h30m", "٨h", "1e3h"])
def test_lifetime_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(CommandRefusedError, match="--expires"):
        _lifetime(text)


@pytest.mark.parametrize(
    ("numerator", "denominator", "shown"),
    [
        (32, 38, "32/38 = 84,21 %"),
        (32, 33, "32/33 = 96,97 %"),
        (29, 32, "29/32 = 90,63 %"),
        (0, 38, "0/38 = 0,00 %"),
        (38, 38, "38/38 = 100,00 %"),
        (1, 800, "1/800 = 0,13 %"),
        (0, 0, "0/0"),
    ],
)
def test_fraction_is_shown_with_its_percentage_rounded_half_up(numerator: int, denominator: int, shown: str) -> None:
    assert fraction(numerator, denominator) == shown


def test_sample_tells_of_32_completions_31_of_them_by_14_october() -> None:
    days = [completion.completed_on for completion in sample_completions()]
    assert len(days) == EXPECTED[CUTOFF]["done"]
    assert sum(day <= "2023-10-14" for day in days) == EXPECTED["2023-10-14"]["done"]
    assert days == sorted(days)


def test_wrong_figure_is_named() -> None:
    figures = {cutoff: dict(expected) for cutoff, expected in EXPECTED.items()}
    check(figures)
    figures[CUTOFF]["done"] = 31
    with pytest.raises(CommandRefusedError, match=r"2023-10-31 done: 31 thay vì 32"):
        check(figures)
