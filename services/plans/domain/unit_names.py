"""How names of units are compared: marks, case, punctuation and the usual short forms do not matter."""

import re

from shared.text import fold

SHORT_FORMS: dict[str, str] = {
    "ubnd": "uy ban nhan dan",
    "hdnd": "hoi dong nhan dan",
    "ubmttq": "uy ban mat tran to quoc",
    "mttq": "mat tran to quoc",
    "vp": "van phong",
    "vpub": "van phong uy ban nhan dan",
    "vpubnd": "van phong uy ban nhan dan",
    "bql": "ban quan ly",
    "kcn": "khu cong nghiep",
    "kkt": "khu kinh te",
    "bcd": "ban chi dao",
    "cchc": "cai cach hanh chinh",
    "tthc": "thu tuc hanh chinh",
    "hcc": "hanh chinh cong",
    "pvhcc": "phuc vu hanh chinh cong",
    "ttpvhcc": "trung tam phuc vu hanh chinh cong",
    "tttt": "thong tin va truyen thong",
    "tt va tt": "thong tin va truyen thong",
    "khdt": "ke hoach va dau tu",
    "kh va dt": "ke hoach va dau tu",
    "ldtbxh": "lao dong thuong binh va xa hoi",
    "ldtb va xh": "lao dong thuong binh va xa hoi",
    "ld tb va xh": "lao dong thuong binh va xa hoi",
    "nnptnt": "nong nghiep va phat trien nong thon",
    "nn va ptnt": "nong nghiep va phat trien nong thon",
    "nnmt": "nong nghiep va moi truong",
    "nn va mt": "nong nghiep va moi truong",
    "tnmt": "tai nguyen va moi truong",
    "tn va mt": "tai nguyen va moi truong",
    "gtvt": "giao thong van tai",
    "gddt": "giao duc va dao tao",
    "gd va dt": "giao duc va dao tao",
    "khcn": "khoa hoc va cong nghe",
    "kh va cn": "khoa hoc va cong nghe",
    "vhttdl": "van hoa the thao va du lich",
    "vh tt va dl": "van hoa the thao va du lich",
    "vhxh": "van hoa xa hoi",
    "vh xh": "van hoa xa hoi",
    "dttg": "dan toc va ton giao",
}
"""Short forms in use in plans, in folded spelling ("TT&TT" folds to "tt va tt"); longer ones are tried first."""

_FORMS = {fold(short): full for short, full in SHORT_FORMS.items()}
_SHORT = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, _FORMS), key=len, reverse=True))})\b")
_NO_WORD = re.compile(r"[^a-z0-9]+")
_BULLET = re.compile(r"^(?:[-+*•–]|[a-zđ][.)]|[0-9]{1,2}[.)])\s*")
_GROUP = re.compile(
    r"^(?:cac|toan the|nhung|tat ca|thu truong|lanh dao|thanh vien)\b|^uy ban nhan dan (?:cap|cac|huyen xa|xa phuong)\b"
    r"|^so ban\b|^cap (?:huyen|xa)\b"
)


def name_key(name: str) -> str:
    """Return the form in which two spellings of one name are equal."""
    words = _NO_WORD.sub(" ", fold(name.replace("&", " và "))).strip()
    return _SHORT.sub(lambda found: _FORMS[found[0]], words)


def without_bullet(piece: str) -> str:
    """Return a cell's piece without the dash, plus or letter that lists set before it."""
    return _BULLET.sub("", piece.strip()).strip(" .;,")


def is_collective(name: str) -> bool:
    """Tell whether the name means many bodies at once ("Các sở, ban, ngành", "UBND cấp huyện")."""
    return _GROUP.search(name_key(name)) is not None


def initials(name: str) -> str:
    """Return the capital initials from which a code is made: "Sở Nội vụ" gives SNV."""
    words = _NO_WORD.sub(" ", fold(name.replace("&", " "))).split()
    return "".join(word if word.isdigit() else word[0] for word in words if word not in {"va", "cua"}).upper()[:16]
