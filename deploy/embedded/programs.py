"""The programs of the system and what each is told: its own database, and no secret that it has no use for."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from deploy.embedded.home import Home
from deploy.embedded.secret_files import make_key, secret
from deploy.embedded.settings import PROJECT, EmbeddedSettings, inherited_environment

SERVICES = ("plans", "tasks", "reporting")
LOG_ROLE = "cchc_log"
ISSUER, AUDIENCE = "cchc-embedded", "cchc"


@dataclass(frozen=True)
class Program:
    """A process of a service."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    port: int | None


def roles() -> tuple[str, ...]:
    """Return the database roles; each has a database of its own name."""
    return (*(f"cchc_{service}" for service in SERVICES), LOG_ROLE)


def passwords(home: Home) -> dict[str, str]:
    """Return the roles' passwords, made at the first start."""
    return {role: secret(home.secrets, role) for role in roles()}


def database_url(home: Home, role: str, postgres_port: int) -> str:
    """Return the address of a role's own database, password included."""
    return f"postgresql://{role}:{quote(secret(home.secrets, role))}@127.0.0.1:{postgres_port}/{role}"


def programs(settings: EmbeddedSettings, home: Home) -> list[Program]:
    """Return the API and the worker of each service."""
    return [
        program
        for service in SERVICES
        for program in (
            Program(
                f"{service}-api",
                (sys.executable, "-m", f"services.{service}.main"),
                service_environment(settings, home, service, worker=False),
                settings.port_of(service),
            ),
            Program(
                f"{service}-worker",
                (sys.executable, "-m", f"services.{service}.worker"),
                service_environment(settings, home, service, worker=True),
                None,
            ),
        )
    ]


def service_environment(settings: EmbeddedSettings, home: Home, service: str, *, worker: bool) -> dict[str, str]:
    """Return what a process of `service` is told. Only workers publish and consume, so only they may open the log."""
    postgres_port = settings.port_of("postgres")
    prefix = f"CCHC_{service.upper()}"
    told = {
        **shared_environment(settings, home, only_for=prefix),
        f"{prefix}_DATABASE_URL": database_url(home, f"cchc_{service}", postgres_port),
        f"{prefix}_PORT": str(settings.port_of(service)),
    }
    if worker and settings.transport == "postgres":
        told["CCHC_LOG_DATABASE_URL"] = database_url(home, LOG_ROLE, postgres_port)
    if worker and settings.transport == "kafka" and (password := inherited_environment().get("CCHC_KAFKA_PASSWORD")):
        told["CCHC_KAFKA_PASSWORD"] = password
    if service == "reporting" and not told.get("CCHC_WEBHOOK_KEY_FILE"):
        make_key(home.webhook_key)
        told["CCHC_WEBHOOK_KEY_FILE"] = str(home.webhook_key)
    if service == "reporting" and settings.webhook_allowed_networks:
        told["CCHC_WEBHOOK_ALLOWED_NETWORKS"] = ",".join(settings.webhook_allowed_networks)
    return told


def shared_environment(settings: EmbeddedSettings, home: Home, *, only_for: str = "") -> dict[str, str]:
    """Return what every process is told: the caller's environment without others' settings, and where things are.

    `only_for` is the prefix of the one service whose own settings (CCHC_PLANS_...) are passed on.
    """
    prefixes = tuple(f"CCHC_{service.upper()}_" for service in SERVICES if f"CCHC_{service.upper()}" != only_for)
    kept = {
        name: value
        for name, value in inherited_environment().items()
        if not name.startswith((*prefixes, "PG")) and not name.endswith(("_DATABASE_URL", "_PASSWORD"))
    }
    return kept | {
        "CCHC_TRANSPORT": settings.transport,
        "CCHC_KAFKA_BOOTSTRAP": settings.kafka_bootstrap or f"127.0.0.1:{settings.port_of('kafka')}",
        "CCHC_JWKS_URL": f"file://{home.keys / 'jwks.json'}",
        "CCHC_ISSUER": ISSUER,
        "CCHC_AUDIENCE": AUDIENCE,
        "CCHC_ROLES_CLAIM": "roles",  # where this installation's own issuer writes them
        "CCHC_UNIT_CLAIM": "unit",
        "MALLOC_ARENA_MAX": "2",  # glibc gives every thread its own heap otherwise: 20 MB a process
        "PYTHONUNBUFFERED": "1",
    }


def working_directory() -> Path:
    """Return where the programs run: the checkout, so that they are found without being installed too."""
    return PROJECT
