"""How a deadline phrase is prepared for reading, and the words that name a deadline without naming a day."""

import re
import unicodedata

from shared.text import fold

LONGEST_PHRASE = 500
"""Longer texts are no deadline phrases; the reader does not look at them."""

_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−~÷→", "-") | {"ð": "d", "Ð": "d", "\u00ad": ""})
_NUMBER_WORDS = {
    "giêng": 1,
    "một": 1,
    "nhất": 1,
    "hai": 2,
    "ba": 3,
    "bốn": 4,
    "tư": 4,
    "sáu": 6,
    "bảy": 7,
    "bẩy": 7,
    "tám": 8,
    "chín": 9,
    "mười một": 11,
    "mười hai": 12,
    "mười": 10,
    "chạp": 12,
}
_SPELT_NUMBER = re.compile(rf"\b(tháng|quý)\s+({'|'.join(_NUMBER_WORDS)})\b")
_SPELT_MAY = re.compile(r"(?<![0-9] )\b(tháng)\s+năm\b(?=\s*(?:$|/|năm\s+[0-9]))")
_COUNTED_MONTHS = re.compile(r"\b(ba|sáu|chín|mười|mười hai)\s+tháng\b")
_ROMAN_MONTH = re.compile(r"\bthang (xii|xi|ix|x|viii|vii|vi|iv|v|iii|ii|i)\b")
_ROMANS = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
_QUI = re.compile(r"\bqui\b")


def plain(phrase: str) -> str:
    """Return the phrase as the reader's rules see it.

    Compatibility forms resolved ("Ⅱ" is "II"), spelt numbers in figures, one kind of dash, no marks, no case.
    """
    composed = unicodedata.normalize("NFKC", phrase.translate(_DASHES)).translate(_DASHES)
    visible = "".join(char for char in composed if unicodedata.category(char) != "Cf")
    lowered = " ".join(visible.lower().split())
    in_figures = _SPELT_NUMBER.sub(lambda found: f"{found[1]} {_NUMBER_WORDS[found[2]]}", lowered)
    counted = _COUNTED_MONTHS.sub(lambda found: f"{_NUMBER_WORDS[found[1]]} tháng", in_figures)
    unmarked = _QUI.sub("quy", fold(_SPELT_MAY.sub(r"\1 5", counted)))
    return _ROMAN_MONTH.sub(lambda found: f"thang {_ROMANS.index(found[1]) + 1}", unmarked)


_PERIOD = r"(?:ngay|tuan|thang|quy|nam|ky|dot|[0-9]{1,2} thang)"
_NUMBERED = r"(?!\s*(?:[0-9]|[ivl]+\b))"
_BARE_PERIOD = r"(?:bao cao )?(?:thang|quy|tuan|nam|ca nam|0?[369] thang(?: dau nam)?|quy (?:iv|i{1,3}|[1-4]))"

RECURRING = re.compile(
    rf"\b(?:hang|moi|tung)\s+{_PERIOD}\b"
    r"|\bdinh ky\b|\bcac (?:thang|quy|tuan) trong nam\b"
    r"|\b(?:[0-9]{1,3}|mot|hai|ba|bon)\s*lan\s*(?:/|tren|moi|trong(?: mot| 1)?)\s*(?:tuan|thang|quy|nam|ky|[0-9])"
    rf"|\b{_PERIOD}\s*(?:/|mot|0?[1-9])\s*lan\b"
    rf"|\btheo (?:tung )?(?:tuan|thang|quy|nam|ky)(?=\s*(?:$|[,;.()]))"
    rf"|\bthang (?:dau|giua|cuoi)(?: cua)?(?: moi)? quy\b{_NUMBERED}"
    rf"|\b(?:dau|cuoi) (?:quy|thang|ky)\b{_NUMBERED}"
    r"|^(?=.*(?:\b0?[369] thang\b|\b(?:thang|quy)\b(?! ?[0-9iv])))"
    rf"(?:{_BARE_PERIOD}(?:\s*[,;/&+-]\s*|\s+va\s+))+{_BARE_PERIOD}(?: 20[0-9]{{2}})?\.?$"
)
"""A duty that comes back: every week, month, quarter; no day of its own decides."""

CONTINUOUS = re.compile(r"\bthuong xuyen\b|\blien tuc\b|\bxuyen suot\b|\b(?:suot|quanh) nam\b")
"""A duty without end within the year."""

RELATIVE = re.compile(
    r"(?<![0-9/.-])\b[0-9]{1,3}\s*(?:\([^)]{1,20}\)\s*)?ngay\b(?!\s*[0-9])"
    r"|\b[0-9]{1,3}\s*(?:gio|tuan|thang|nam)\b[^,;]{0,40}\b(?:ke tu|tinh tu|sau khi|tu khi|tu ngay)\b"
    r"|\btrong (?:vong )?[0-9]{1,3} (?:gio|tuan)\b"
    r"|\btrong ngay(?: lam viec)?\s*$"
)
"""So many days after something: "trong thời hạn 05 ngày làm việc kể từ ngày nhận được văn bản"."""

_LEAD_IN = r"(?:(?:thuc hien|hoan thanh|trien khai|ban hanh|tham muu|bao cao|thoi gian|thoi han|tuy)\s+)*"
EVENT = re.compile(
    rf"^{_LEAD_IN}(?:theo|khi|sau|ngay khi|ngay sau|truoc khi|can cu|tuy|phu thuoc|den khi)\b"
    r"|\b(?:theo (?:ke hoach|huong dan|quy dinh|chi dao|yeu cau|tien do|lo trinh)|khi co|sau khi|ngay khi|truoc khi)\b"
    r"|\b(?:ky|phien) hop\b|\btet\b"
)
"""Something else must happen first, or another document gives the day."""

BEGINS_WITH_EVENT = re.compile(rf"^{_LEAD_IN}(?:theo|khi|sau|ngay khi|ngay sau|truoc khi|can cu|phu thuoc|den khi)\b")
CLAUSE_WITH_DAY = re.compile(
    r"[,;(]\s*((?:hoan thanh|xong|truoc|cham nhat|muon nhat|khong qua|trong|den|quy|thang|nhung)\b.*)$"
)
"""After "theo kế hoạch ...," a clause of its own may still give the day."""
