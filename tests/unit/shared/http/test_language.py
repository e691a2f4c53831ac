"""Which of two languages a caller prefers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.language import preferred_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "vi"),
        ("", "vi"),
        ("vi", "vi"),
        ("en", "en"),
        ("EN-gb", "en"),
        ("en-US,en;q=0.9,vi;q=0.8", "en"),
        ("vi-VN,vi;q=0.9,en;q=0.8", "vi"),
        ("en;q=0.5, vi;q=0.6", "vi"),
        ("vi;q=0.1, en;q=0.2", "en"),
        ("en;q=0", "vi"),
        ("vi;q=0, *", "en"),
        ("en;q=0, *", "vi"),
        ("*", "vi"),
        ("en, vi", "vi"),
        ("fr, de", "vi"),
        ("fr, en;q=0.1", "en"),
        ("en;q=2", "vi"),
        ("english please", "vi"),
        ("en ; q = 0.7", "en"),
    ],
)
def test_language_follows_the_q_values(header: str | None, language: str) -> None:
    assert preferred_language(header) == language


@given(st.text(max_size=300))
def test_no_header_is_too_strange(header: str) -> None:
    assert preferred_language(header) in {"vi", "en"}
