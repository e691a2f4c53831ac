"""Inputs that the drills of this folder found to break something, each held where it was mended."""

import pytest
from pydantic import AwareDatetime, ValidationError

from services.plans.adapters.plan_files import read_plan_file
from services.plans.domain.errors import FileRefused
from shared.http.models import RequestModel
from tests.fuzz.test_plan_files_fuzzed import good_members, zipped


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


SHEET, STRINGS, RELATIONS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/_rels/workbook.xml.rels"


@pytest.mark.parametrize(
    ("member", "written", "instead"),
    [
        (STRINGS, 'uniqueCount="302"', 'uniqueCount="999999999999"'),
        (STRINGS, 'uniqueCount="302"', 'uniqueCount="9223372036854775807"'),
        (SHEET, '<c r="B2"', '<c r="B99999999"'),
        (SHEET, '<c r="B2"', '<c r="b1048577"'),
        (SHEET, '<c r="B2"', '<c r="XFE2"'),
        (SHEET, '<c r="B2"', '<c r="AAAAAA2"'),
        (SHEET, '<c r="B2"', '<c r="B0"'),
        (SHEET, '<row r="2"', '<row r="4294967295"'),
    ],
)
def test_a_workbook_that_claims_more_than_it_holds_does_not_end_the_process(
    member: str, written: str, instead: str
) -> None:
    """The reader's library reserves memory for what a file claims, and aborts the process where there is none."""
    members = good_members()
    part = members[member].decode()
    assert written in part
    with pytest.raises(FileRefused) as refused:
        read_plan_file(zipped({**members, member: part.replace(written, instead).encode()}))
    assert refused.value.code == "file-broken"


@pytest.mark.parametrize("name", ["worksheets/sheet1.dat", "worksheets/sheet1.vml", "other/Sheet"])
def test_a_sheet_by_another_name_is_held_to_the_same_bounds(name: str) -> None:
    members = dict(good_members())
    sheet = members.pop(SHEET).decode().replace('<c r="B39"', '<c r="XFD1048576"')
    members[f"xl/{name}"] = sheet.encode()
    members[RELATIONS] = members[RELATIONS].replace(b"worksheets/sheet1.xml", name.encode())
    with pytest.raises(FileRefused) as refused:
        read_plan_file(zipped(members))
    assert refused.value.code in {"sheet-too-large", "file-broken"}
