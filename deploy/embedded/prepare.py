"""Run by the supervisor as a child that goes away again: what needs SQLAlchemy, alembic or an HTTP client.

Says `prepared` when databases, keys and topics are there; waits for `load`; says `loaded` when the first data are in.
Every step may be repeated and cut off: migrations are transactions, the key is made once, seeding looks first.
"""

import asyncio
import sys

from deploy.commands.first_data import load_first_data
from deploy.commands.installation import Installation
from deploy.commands.refusal import CommandRefusedError
from deploy.embedded.home import Home
from deploy.embedded.refusal import SettingRefusedError, StartRefusedError
from deploy.embedded.settings import read_settings
from services.plans.settings import PlansSettings
from services.reporting.settings import ReportingSettings
from services.tasks.settings import TasksSettings
from shared.security import make_issuer
from shared.setting_names import SettingsRefused
from shared.settings import SharedSettings, read

SERVICES: tuple[type[SharedSettings], ...] = (PlansSettings, TasksSettings, ReportingSettings)


def check_settings() -> None:
    """Read every service's settings, so that a wrong one is told at once and not found in a service's log.

    Raises:
        SettingsRefused: all sentences of all services, each once.
    """
    sentences: list[str] = []
    for kind in SERVICES:
        try:
            read(kind, opens_log=True)
        except SettingsRefused as refused:
            sentences += refused.sentences
    if sentences:
        raise SettingsRefused(list(dict.fromkeys(sentences)))


async def prepare(installation: Installation, home: Home) -> None:
    """Make the issuer's key, migrate every database, make the topics."""
    make_issuer(home.keys)
    await installation.migrate()
    await installation.ensure_topics()


def work() -> None:
    """Do both halves, with a line of standard input between them."""
    settings = read_settings()
    check_settings()
    home = Home(settings.home)
    installation = Installation.from_environment()
    asyncio.run(prepare(installation, home))
    print("prepared", flush=True)
    if sys.stdin.readline().strip() == "load":
        load_first_data(installation, settings.port, home.keys, with_sample=settings.with_sample)
        print("loaded", flush=True)


def main() -> int:
    """Return 0 when all went well, 2 for a wrong setting; else the last line of standard error is the reason."""
    try:
        work()
    except (CommandRefusedError, StartRefusedError) as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 1
    except SettingsRefused as refused:
        sys.stderr.write(f"{refused}\n")
        return SettingRefusedError.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
