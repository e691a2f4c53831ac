import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.messaging.decoding import Undecodable
from shared.messaging.fates import Dead, Waiting, is_passing, judge
from shared.messaging.subscription import NotYet, Refused


class Told(Exception):  # noqa: N818 -- stands for the driver's translated error
    def __init__(self, sqlstate: str | None) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def database_error(
    kind: type[DBAPIError], sqlstate: str | None, cause: Exception | None = None, *, cut: bool = False
) -> DBAPIError:
    origin = Told(sqlstate)
    origin.__cause__ = cause
    return kind("SELECT 1", {}, origin, connection_invalidated=cut)


@pytest.mark.parametrize(
    "error",
    [
        database_error(OperationalError, "08006"),
        database_error(OperationalError, "57P01"),
        database_error(OperationalError, "40001"),
        database_error(OperationalError, "40P01"),
        database_error(OperationalError, "53100"),
        database_error(OperationalError, "25006"),
        database_error(DBAPIError, "42P01"),
        database_error(DBAPIError, "42703"),
        database_error(OperationalError, None, cut=True),
        database_error(InterfaceError, None, asyncpg.InterfaceError("connection is closed")),
        database_error(InternalError, None, asyncpg.InternalClientError("cannot switch to state 15")),
        database_error(DBAPIError, "0A000", asyncpg.InvalidCachedStatementError("changed")),
        PoolTimeout("pool"),
        ConnectionResetError(),
        TimeoutError(),
    ],
    ids=lambda error: f"{type(error).__name__}-{getattr(getattr(error, 'orig', None), 'sqlstate', None)}",
)
def test_what_says_something_about_the_moment_is_tried_again(error: Exception) -> None:
    assert is_passing(error)


@pytest.mark.parametrize(
    "error",
    [
        database_error(IntegrityError, "23505"),
        database_error(DBAPIError, "22003"),
        database_error(DBAPIError, "42601"),
        database_error(DBAPIError, "22000", asyncpg.DataError("value out of int64 range")),
        KeyError("x"),
        Refused("closed"),
        NotYet("plan:1"),
    ],
    ids=lambda error: f"{type(error).__name__}-{getattr(getattr(error, 'orig', None), 'sqlstate', None)}",
)
def test_what_says_something_about_the_message_is_not_tried_for_ever(error: Exception) -> None:
    assert not is_passing(error)


def test_verdicts_carry_the_reason_and_never_the_text_of_an_error() -> None:
    assert judge(Refused("plan-closed", "the plan is closed")) == Dead("plan-closed", "the plan is closed")
    assert judge(Undecodable("not-json", "JSONDecodeError")) == Dead("not-json", "JSONDecodeError")
    assert judge(NotYet("plan:1")) == Waiting("plan:1")
    verdict = judge(ValueError("CCCD 0123456789"))
    assert isinstance(verdict, Dead)
    assert verdict.code == "handler-failed"
    assert "0123456789" not in verdict.reason
