"""Inputs that the drills of this folder found to break something, each held where it was mended."""

import pytest
from pydantic import AwareDatetime, ValidationError

from shared.http.models import RequestModel


class Sent(RequestModel):
    """A body with a moment."""

    at: AwareDatetime | None = None


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_that_utc_does_not_have_is_refused_as_no_moment(moment: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Sent.model_validate({"at": moment})
    assert [found["type"] for found in refused.value.errors()] == ["datetime_parsing"]


def test_the_first_moment_of_utc_is_taken() -> None:
    assert Sent.model_validate({"at": "0001-01-01T00:00:00Z"}).at is not None
