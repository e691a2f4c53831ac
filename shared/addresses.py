"""What addresses in settings may look like. Standard library only: the supervisor, which stays small, reads them too.

Every function returns what the rest of the program uses, or raises ValueError with a sentence for the person who wrote
the setting. The sentence never holds the value: it may be a secret, or one written into the wrong setting.
"""

import ipaddress
import re
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_POSTGRESQL: Final = frozenset({"postgresql", "postgres", "postgresql+asyncpg"})
_DATABASE_FORM: Final = "postgresql://người_dùng:mật_khẩu@máy:cổng/tên_cơ_sở_dữ_liệu"
_HOST_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
_BOOTSTRAP: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:\s/@]+)):(\d{1,5})", re.ASCII)
_HIGHEST_PORT: Final = 65535
_THIS_MACHINE: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def database_url(text: str) -> str:
    """Return the address of a PostgreSQL database, unchanged."""
    parts = _split(text, f"viết {_DATABASE_FORM} [a PostgreSQL URL]")
    if parts.scheme not in _POSTGRESQL:
        raise ValueError(f"phải bắt đầu bằng postgresql://, dạng {_DATABASE_FORM} [must begin with postgresql://]")
    if parts.fragment or "/" in parts.path[1:]:
        raise ValueError(
            "có ký tự / hoặc # chưa mã hoá; trong mật khẩu viết %2F, %23, %3F, %40 cho / # ? @ "
            "[percent-encode special characters of the password]"
        )
    if not (parts.hostname or "host=" in parts.query):
        raise ValueError(f"thiếu tên máy, dạng {_DATABASE_FORM} [the host is missing]")
    if not unquote(parts.path[1:]).strip():
        raise ValueError(f"thiếu tên cơ sở dữ liệu ở cuối, dạng {_DATABASE_FORM} [the database name is missing]")
    if not parts.username:
        raise ValueError(f"thiếu tên người dùng, dạng {_DATABASE_FORM} [the user name is missing]")
    if parts.password == "":
        raise ValueError(
            "có dấu : mà mật khẩu để trống; điền mật khẩu, hoặc bỏ dấu : nếu mật khẩu lấy từ nơi khác "
            "[the password is empty]"
        )
    if "sslmode=" in parts.query:
        raise ValueError("viết ssl=... thay cho sslmode=... [write ssl= instead of sslmode=]")
    return text


def bootstrap_servers(text: str) -> str:
    """Return Kafka's bootstrap servers, `host:port[,host:port]`, without blanks."""
    servers = [server.strip() for server in text.split(",")]
    for server in servers:
        found = _BOOTSTRAP.fullmatch(server)
        if found is None or not (_is_address(found[1]) if found[1] else _is_host(found[2])):
            raise ValueError("viết máy:cổng, nhiều máy cách nhau bằng dấu phẩy, ví dụ kafka:9092 [host:port,host:port]")
        if not 1 <= int(found[3]) <= _HIGHEST_PORT:
            raise ValueError(f"cổng phải từ 1 đến {_HIGHEST_PORT} [port out of range]")
    return ",".join(servers)


def listening_host(text: str) -> str:
    """Return the address to listen on: an IP address or a host name."""
    if not (_is_address(text) or _is_host(text)):
        raise ValueError("phải là địa chỉ IP hoặc tên máy, ví dụ 127.0.0.1 hoặc 0.0.0.0 [an address or a host name]")
    return text


def jwks_address(text: str) -> str:
    """Return where the issuer's public keys are; they must not be swapped on the way, nor depend on where we stand."""
    if text.startswith("file:"):
        path = unquote(text.removeprefix("file://"))
        if not text.startswith("file:///") or path.endswith("/") or path == "/":
            raise ValueError("viết file:///đường/dẫn/đầy/đủ/jwks.json [file:/// with an absolute path of a file]")
        if Path(path).is_dir():
            raise ValueError("chỉ vào một thư mục, cần một tệp jwks.json [is a directory, a file is needed]")
        return text
    parts = _split(text, "viết https://... hoặc file:///... [https:// or file:///]")
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("phải bắt đầu bằng https:// hoặc file:/// [must begin with https:// or file:///]")
    if parts.scheme == "http" and parts.hostname not in _THIS_MACHINE:
        raise ValueError("http:// chỉ dùng cho chính máy này; máy khác cần https:// [http:// on this machine only]")
    return text


def collector_address(text: str) -> str:
    """Return the address of an OpenTelemetry collector, to which `/v1/traces` can be added."""
    parts = _split(text, "viết dạng http://máy:4318 [http://host:port]")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("viết dạng http://máy:4318, không có ? hay # [http://host:port without query]")
    return text.rstrip("/")


def networks(text: str) -> tuple[Network, ...]:
    """Return the networks of a list in CIDR form, parted by commas or blanks."""
    found: list[Network] = []
    for part in text.replace(",", " ").split():
        try:
            found.append(ipaddress.ip_network(part))
        except ValueError as error:
            raise ValueError(
                "phải là các dải mạng CIDR cách nhau bằng dấu phẩy, ví dụ 10.0.0.0/8,192.168.1.0/24 "
                "[CIDR networks, parted by commas]"
            ) from error
    return tuple(found)


def _split(text: str, wanted: str) -> SplitResult:
    """Split a URL; refuse what urlsplit would mend in silence or trip over later."""
    if not text.isprintable() or " " in text:
        raise ValueError(f"có khoảng trắng hoặc ký tự lạ; {wanted}")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(
            f"không đọc được: cổng phải là số từ 1 đến {_HIGHEST_PORT}, ký tự đặc biệt trong mật khẩu viết dạng %2F; "
            f"{wanted}"
        ) from error
    if port == 0:
        raise ValueError(f"cổng phải từ 1 đến {_HIGHEST_PORT} [port out of range]")
    return parts


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_host(text: str) -> bool:
    """Whether it is a host name; figures and dots alone are a mistyped address."""
    return (_HOST_NAME.fullmatch(text) is not None and re.fullmatch(r"[\d.]+", text) is None) or _is_address(text)
