"""Run by the supervisor as a child that goes away again: what needs SQLAlchemy, alembic or an HTTP client.

Says `prepared` when databases, keys and topics are there; waits for `load`; says `loaded` when the first data are in.
Every step may be repeated and cut off: migrations are transactions, the key is made once, seeding looks first.
"""

import asyncio
import sys

from deploy.commands.first_data import load_first_data
from deploy.commands.installation import Installation
from deploy.embedded.home import Home
from deploy.embedded.settings import read_settings
from shared.security import make_issuer


async def prepare(installation: Installation, home: Home) -> None:
    """Make the issuer's key, migrate every database, make the topics."""
    make_issuer(home.keys)
    await installation.migrate()
    await installation.ensure_topics()


def main() -> None:
    settings = read_settings()
    home = Home(settings.home)
    installation = Installation.from_environment()
    asyncio.run(prepare(installation, home))
    sys.stdout.write("prepared\n")
    sys.stdout.flush()
    if sys.stdin.readline().strip() == "load":
        load_first_data(installation, settings.port, home.keys, with_sample=settings.with_sample)
        sys.stdout.write("loaded\n")


if __name__ == "__main__":
    main()
