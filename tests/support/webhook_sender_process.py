"""A sender of webhooks as a process of its own, for tests that kill it.

`<database> <lease seconds> <faults> <pauses of the schedule, by commas>`; the last two may be left out.
"""

import asyncio
import signal
import sys
from datetime import timedelta
from ipaddress import ip_network

from pydantic import SecretStr

from services.reporting.adapters.outgoing.networks import Guard
from services.reporting.adapters.outgoing.poster import Poster
from services.reporting.adapters.webhook_queue import Limits
from services.reporting.adapters.webhook_secrets import SecretBox
from services.reporting.adapters.webhook_sender import WebhookSender
from services.reporting.domain.webhooks.schedule import Schedule
from shared.clock import SystemClock
from shared.database.engine import create_engine
from shared.ids import TimeOrderedIds
from shared.memory import leave_out_what_is_loaded
from shared.messaging.fault_points import arm, read_faults

CLOCK, IDS = SystemClock(), TimeOrderedIds()
KEY = bytes(range(32))
HERE = (ip_network("127.0.0.0/8"),)
SOON = Schedule((0.05, 0.1, 0.2, 0.4, 0.8))
"""A schedule for tests that do not want to wait."""


async def send(dsn: str, lease: float, faults: str = "", pauses: str = "") -> None:
    """Send until SIGTERM, or until a fault ends the process."""
    arm(read_faults(faults))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    engine = create_engine(SecretStr(dsn), application_name="sender", pool_size=2)
    async with Poster(Guard(HERE), clock=CLOCK, total_seconds=lease * 0.8) as poster:
        schedule = Schedule(tuple(map(float, pauses.split(",")))) if pauses else SOON
        limits = Limits(lease=timedelta(seconds=lease))
        await WebhookSender(engine, poster, SecretBox(KEY), clock=CLOCK, ids=IDS, schedule=schedule, limits=limits).run(
            stop
        )
    await engine.dispose()


if __name__ == "__main__":
    leave_out_what_is_loaded()  # as the worker does
    asyncio.run(send(sys.argv[1], float(sys.argv[2]), *sys.argv[3:]))
