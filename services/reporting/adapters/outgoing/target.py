"""A receiver's URL, read in one way only: what was checked is what is connected to."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from services.reporting.adapters.outgoing.networks import Address, Guard

LONGEST_URL: Final = 2000
_LOOPBACK: Final = ipaddress.IPv4Address(0x7F000001)
_LONGEST_HOST: Final = 253
_HIGHEST_PORT: Final = 65535
_FORM: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<slashes>/*)(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL
)
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_PORTS: Final = {"https": 443, "http": 80}


class UrlRefused(ValueError):  # noqa: N818 -- errors say what happened
    """A URL that no webhook may be sent to; the message is a sentence for its owner, Vietnamese first."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        """Stable: `url-unreadable`, `url-scheme`, `url-credentials`, `url-fragment`, `url-host`, `url-port`,
        `url-address-forbidden` or `url-plain-http`."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes."""

    encrypted: bool
    host: str
    """ASCII, lower case, an IPv6 address without brackets."""
    port: int
    path: str
    """With its query, as it stands on the request line."""

    @property
    def literal(self) -> Address | None:
        """The address, where the host is one or always means one."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return _LOOPBACK
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = _PORTS["https" if self.encrypted else "http"]
        return host if self.port == usual else f"{host}:{self.port}"


def check_url(url: str, guard: Guard) -> Target:
    """Return where `url` leads; a name's addresses are only looked at when it is connected to.

    Raises:
        UrlRefused: it can be read in two ways, or leads to where no webhook may go.
    """
    target = read_url(url)
    if not target.encrypted and not (guard.plain_http or guard.allowed):
        raise UrlRefused("url-plain-http", "Địa chỉ phải bắt đầu bằng https:// [https is required].")
    literal = target.literal
    if literal is None or guard.permits(literal, encrypted=target.encrypted):
        return target
    if not guard.permits(literal, encrypted=True):
        raise UrlRefused(
            "url-address-forbidden",
            "Địa chỉ thuộc mạng nội bộ hoặc dành riêng; quản trị có thể cho phép bằng "
            "CCHC_WEBHOOK_ALLOWED_NETWORKS [not a public address].",
        )
    raise UrlRefused(
        "url-plain-http", "http:// chỉ dùng cho mạng nội bộ được phép, nơi khác cần https:// [https is required]."
    )


def read_url(url: str) -> Target:
    """Take a URL apart.

    Raises:
        UrlRefused: not an http(s) URL, or one that programs read differently.
    """
    if len(url) > LONGEST_URL:
        raise UrlRefused("url-unreadable", f"Địa chỉ dài quá {LONGEST_URL} ký tự [the URL is too long].")
    if not url.isprintable() or any(each.isspace() for each in url) or "\\" in url:
        raise UrlRefused("url-unreadable", "Địa chỉ có khoảng trắng, dấu \\ hoặc ký tự điều khiển [stray characters].")
    found = _FORM.fullmatch(url)
    if found is None:
        raise UrlRefused("url-unreadable", "Địa chỉ phải có dạng https://tên.máy/đường/dẫn [not a URL].")
    scheme, authority, rest = found["scheme"].lower(), found["authority"], found["rest"]
    if scheme not in _PORTS:
        raise UrlRefused("url-scheme", "Địa chỉ phải bắt đầu bằng https:// [the scheme must be https].")
    if found["slashes"] != "//":
        raise UrlRefused("url-unreadable", "Sau https: phải có đúng hai dấu / [two slashes are needed].")
    if "@" in authority:
        raise UrlRefused("url-credentials", "Không ghi tên hay mật khẩu trong địa chỉ [no credentials in the URL].")
    if "#" in rest:
        raise UrlRefused("url-fragment", "Địa chỉ không được có dấu # [no fragment].")
    host, port = _split(authority)
    return Target(
        encrypted=scheme == "https",
        host=_host(host),
        port=_PORTS[scheme] if port is None else _port(port),
        path=_path(rest),
    )


def _split(authority: str) -> tuple[str, str | None]:
    if authority.startswith("["):
        host, closed, after = authority[1:].partition("]")
        if not closed or (after and not after.startswith(":")):
            raise _no_host()
        return f"[{host}]", after[1:] if after else None
    host, colon, port = authority.partition(":")
    return host, port if colon else None


def _port(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,5}", text) is None or not 1 <= int(text) <= _HIGHEST_PORT:
        raise UrlRefused("url-port", f"Cổng phải là số từ 1 đến {_HIGHEST_PORT} [port out of range].")
    return int(text)


def _host(given: str) -> str:
    if given.startswith("["):
        try:
            address = ipaddress.IPv6Address(given[1:-1])
        except ValueError:
            raise _no_host() from None
        if address.scope_id is not None:
            raise _no_host()
        return str(address)
    try:
        # Full-width figures, circled letters and the ideographic full stop become ASCII before anything is judged.
        name = given.encode("idna").decode("ascii").lower().removesuffix(".") if given else ""
    except UnicodeError:
        raise _no_host() from None
    labels = name.split(".")
    if not name or len(name) > _LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise _no_host()
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):
        # Whatever ends in a number is an address to some programs: 127.1, 2130706433, 0x7f.1, 0177.0.0.1.
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            raise UrlRefused(
                "url-host", "Địa chỉ IP phải viết đủ bốn số thập phân, ví dụ 192.0.2.1 [write a dotted address]."
            ) from None
    return name


def _path(rest: str) -> str:
    """Return the path and the query; letters outside ASCII are percent-encoded as browsers do."""
    path = rest if rest.startswith("/") else f"/{rest}"
    return quote(path, safe="/?%:@!$&'()*+,;=-._~|[]{}^`\"<>")


def _no_host() -> UrlRefused:
    return UrlRefused("url-host", "Tên máy trong địa chỉ không dùng được [the host name cannot be used].")
