"""The kinds of values that settings have; each refuses what cannot be meant, in the words of shared/addresses.py."""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from shared import addresses
from shared.addresses import Network


def _checked_database(given: SecretStr) -> SecretStr:
    return SecretStr(addresses.database_url(given.get_secret_value().strip()))


def _read_networks(given: object) -> object:
    return addresses.networks(given) if isinstance(given, str) else given


def _read_lines(given: object) -> object:
    """Read a JSON list of texts."""
    if not isinstance(given, str):
        return given
    try:
        lines: Any = json.loads(given)
    except ValueError:
        lines = None
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise ValueError('phải là danh sách JSON các chuỗi, ví dụ ["Lưu: VT"] [a JSON list of texts]')
    return lines


def _read_numbers(given: object) -> object:
    """Read numbers parted by commas."""
    if not isinstance(given, str):
        return given
    try:
        return tuple(float(each) for each in given.split(",") if each.strip())
    except ValueError as error:
        raise ValueError("phải là các số cách nhau bằng dấu phẩy [numbers parted by commas]") from error


def _existing_file(given: Path) -> Path:
    if not given.is_file():
        raise ValueError("không có tệp này, hoặc không đọc được [no such file]")
    return given


DatabaseUrl = Annotated[SecretStr, AfterValidator(_checked_database)]
"""`postgresql://user:password@host:port/database`."""
BootstrapServers = Annotated[str, AfterValidator(addresses.bootstrap_servers)]
"""`host:port[,host:port]`."""
ListeningHost = Annotated[str, AfterValidator(addresses.listening_host)]
"""An IP address or a host name."""
JwksAddress = Annotated[str, AfterValidator(addresses.jwks_address)]
"""`https://...`, `file:///...`, or `http://` of this machine."""
CollectorAddress = Annotated[str, AfterValidator(addresses.collector_address)]
"""`http://host:port`."""
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_read_networks)]
"""CIDR networks, parted by commas."""
Lines = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_read_lines)]
"""A JSON list of texts."""
Numbers = Annotated[tuple[float, ...], NoDecode, BeforeValidator(_read_numbers)]
"""Numbers, parted by commas."""
ExistingFile = Annotated[Path, AfterValidator(_existing_file)]
"""The path of a file that is there."""
