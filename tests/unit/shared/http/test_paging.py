"""Cursors: what was encoded comes back, anything else is refused."""

import contextlib
import json
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.paging import BadCursor, decode_cursor, encode_cursor


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60),
    st.integers(-(2**63), 2**63 - 1),
)
def test_position_comes_back(text: str, number: int) -> None:
    assert decode_cursor(encode_cursor((text, number)), (str, int)) == (text, number)


def test_missing_values_keep_their_place() -> None:
    assert decode_cursor(encode_cursor((None, 5)), (str, int)) == (None, 5)


def test_first_page_has_no_position() -> None:
    assert decode_cursor(None, (str, int)) is None


def encoded(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "?",
        "ô",
        "x" * 2000,
        encoded({}),
        encoded("a"),
        encoded([]),
        encoded(["a"]),
        encoded(["a", 1, 2]),
        encoded([1, "a"]),
        encoded(["a", True]),
        encoded(["a", 1.5]),
        encoded(["a", 2**63]),
        encoded(["\x00", 1]),
        encoded(["\ud800", 1]),
        encoded([["a"], 1]),
        urlsafe_b64encode(b"[" * 700).decode(),
        urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
def test_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        decode_cursor(cursor, (str, int))


@given(st.text(max_size=200))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    with contextlib.suppress(BadCursor):
        decode_cursor(text, (str, int))
