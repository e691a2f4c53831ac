"""Writes docs/settings.md from the settings classes: what a setting is called, what it may be, what it does."""

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, MaxLen
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from deploy.embedded.settings import OFFSETS, SETTINGS
from services.plans.settings import PlansSettings
from services.reporting.settings import ReportingSettings
from services.tasks.settings import TasksSettings
from shared.setting_names import variable
from shared.settings import SharedSettings

OF_SERVICES: Final[dict[str, type[SharedSettings]]] = {
    "plans": PlansSettings,
    "tasks": TasksSettings,
    "reporting": ReportingSettings,
}
DRILLS: Final = frozenset({"faults", "faults_allowed"})

_HEAD: Final = """\
# Settings

Generated from the settings classes by `make docs`; do not edit.

Settings are environment variables, read once, at start. A wrong one is refused there: the process ends with exit code 2
and writes one sentence for each wrong setting, in Vietnamese with a short English reading, which names the variable and
what is expected, and never repeats the value, since it may be a secret. So does `cchc`: `run` reads what every service
would be told before it starts them.

* A name that is within two letters of a known one and is itself unknown is refused as a typing error
  (`CCHC_TRANSPROT`); other unknown names are left alone, so one file of variables may serve several programs.
* Where a setting may be left out, setting it to nothing leaves it out.
* Passwords stand in the addresses of the databases: `postgresql://user:password@host:port/database`, with `/ # ? @` and
  `%` in a password written as `%2F %23 %3F %40 %25`. Add `?ssl=require` to have the connection encrypted.
* Workers, `cchc migrate` and `cchc topics` must be told where the event log is; the APIs need not know.
"""


def settings_markdown() -> str:
    """Return docs/settings.md."""
    shared = SharedSettings.model_fields
    lines = [_HEAD, "## Every service", "", *_table({k: v for k, v in shared.items() if k not in DRILLS})]
    for service, kind in OF_SERVICES.items():
        own = {name: field for name, field in kind.model_fields.items() if name not in shared}
        lines += ["", f"## The {service} service", "", *_table(own)]
    lines += ["", "## `cchc run`", "", *_of_the_command()]
    lines += ["", "## Drills", "", *_table({name: shared[name] for name in sorted(DRILLS)})]
    return "\n".join([*lines, ""])


def _table(fields: dict[str, FieldInfo]) -> Iterator[str]:
    yield "| variable | may be | unset | meaning |"
    yield "|---|---|---|---|"
    for name, field in fields.items():
        meaning = (field.description or "").replace("|", "\\|")
        yield f"| `{variable(name)}` | {kind_of(field)} | {_default(field)} | {meaning} |"


def _of_the_command() -> Iterator[str]:
    ports = ", ".join(f"{name} +{offset}" for name, offset in OFFSETS.items())
    yield f"Ports are counted from `CCHC_PORT`: {ports}."
    yield "What the services are told of databases, ports, keys and the event log is worked out from these; every other"
    yield "setting above is handed on to them, and `CCHC_KAFKA_PASSWORD` to workers alone."
    yield ""
    yield "| variable | meaning |"
    yield "|---|---|"
    for name, meaning in SETTINGS.items():
        yield f"| `{name}` | {meaning} |"


def kind_of(field: FieldInfo) -> str:
    """Return what a field takes, in a few words."""
    return _named(field.annotation, field.metadata)


def _named(annotation: Any, bounds: list[Any]) -> str:  # noqa: ANN401 -- what typing gives
    origin = get_origin(annotation)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    if origin in {Union, UnionType}:
        inner = [part for part in get_args(annotation) if part is not type(None)]
        return _named(inner[0], bounds)
    if hasattr(annotation, "__metadata__"):
        return _named(annotation.__origin__, bounds)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f"`{member.value}`" for member in annotation)
    if origin is tuple:
        return {str: "JSON list of texts", float: "numbers, parted by commas"}.get(
            get_args(annotation)[0], "CIDR networks"
        )
    return {bool: "`true`, `false`", SecretStr: "secret", Path: "path of a file"}.get(annotation) or _bounded(
        "text" if annotation is str else "number", bounds
    )


def _bounded(word: str, bounds: list[Any]) -> str:
    """Return the word with the range it may be in."""
    for bound in bounds:
        match bound:
            case Ge(least):
                word += f" from {least}"
            case Gt(below):
                word += f" above {below}"
            case Le(most):
                word += f" to {most}"
            case MaxLen(longest):
                word += f" of {longest} characters at most"
    return word


def _default(field: FieldInfo) -> str:
    default = field.default
    if default is PydanticUndefined:
        return "**refused**"
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if isinstance(default, Enum):
        default = default.value
    if default is None or default in {"", ()}:
        return ""
    if isinstance(default, tuple):
        return "`[" + ", ".join(f'"{line}"' for line in default) + "]`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"
