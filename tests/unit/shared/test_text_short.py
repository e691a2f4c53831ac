"""Text that is stored as it came is recognised without being made anew."""

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.text import nfc

SPACES = st.text("aắ \t\n\x0b\x1c\x1f\x85\xa0\u1680\u2003\u2028\u3000\u200b\u0301\x00\x7f\ud800", max_size=8)


@given(text=SPACES | st.text(max_size=20))
@settings(max_examples=2000, deadline=None)
def test_text_is_composed_and_bare_of_blanks_or_refused(text: str) -> None:
    expected = re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip()
    if any(unicodedata.category(each) in {"Cc", "Cs"} for each in expected):
        with pytest.raises(ValueError, match="control character"):
            nfc(text)
    else:
        assert nfc(text) == expected
