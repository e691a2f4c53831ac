"""Vietnamese text: one normal form for storage, one folding for comparison."""

import re
import unicodedata

_SPACE = re.compile(r"\s+")
_REFUSED = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # Unicode's categories Cc and Cs
_ODD_TONES = str.maketrans({"đ": "d", "Đ": "d"})


def nfc(text: str) -> str:
    """Return `text` composed (NFC), outer and repeated blanks removed; what every stored string has gone through.

    Raises:
        ValueError: the text holds NUL, another control character, or half of a surrogate pair: PostgreSQL
            refuses some of them, and no office types the others.
    """
    if text.isprintable() and "  " not in text and text == text.strip() and unicodedata.is_normalized("NFC", text):
        return text  # most are so: of blanks, only the plain one is printable, and no control character is
    composed = unicodedata.normalize("NFC", text)
    kept = _SPACE.sub(" ", composed).strip()
    if _REFUSED.search(kept):
        raise ValueError("control character or lone surrogate in text")
    return kept


def fold(text: str) -> str:
    """Return `text` without marks, case and repeated blanks: "Sở  Nội vụ" and "SO NOI VU" fold to the same.

    Equals PostgreSQL's `unaccent` with `lower` on all Vietnamese letters; `đ`, which has no decomposition, becomes `d`.
    """
    bare = (char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
    return _SPACE.sub(" ", "".join(bare).translate(_ODD_TONES).casefold()).strip()
