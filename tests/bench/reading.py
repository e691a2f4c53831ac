"""O2: a plan of 38 tasks with its progress, beside the same document by bare FastAPI: the plans API alone."""

from pathlib import Path

from services.plans.console import load_seed
from shared.security import make_issuer
from tests.bench.growth import lead_token
from tests.bench.load import Request
from tests.bench.room import durable_postgres, listening, make_database, process
from tests.bench.series import Contestant, Found, Size, take_turns
from tests.support.plans_service import PlansService
from tests.support.ports import free_port


async def measure_reading(folder: Path, size: Size) -> Found:
    """Return the rates of both at 1, 4 and 16 clients."""
    keys = folder / "keys"
    make_issuer(keys)
    headers = (("Authorization", f"Bearer {lead_token(keys, role='secretariat', unit='TV')}"),)
    ports = {"ceiling": free_port(), "ours": free_port()}
    async with durable_postgres(folder) as admin:
        dsn = await make_database(admin, "plans", ("shared.messaging", "services.plans"))
        filling = PlansService.start(dsn, keys)
        await load_seed(filling.desk)
        plan_id = await filling.an_issued_plan()
        await filling.stop()
        environment = {
            "CCHC_PLANS_DATABASE_URL": dsn,
            "CCHC_PLANS_PORT": str(ports["ours"]),
            "CCHC_JWKS_URL": f"file://{keys}/jwks.json",
        }
        with (
            process("services.plans.main", environment=environment),
            process("tests.bench.plan_ceiling_server", dsn, str(ports["ceiling"])),
        ):
            for port in ports.values():
                await listening(port)
            count = 3 * size.rounds * size.requests
            request = Request(f"/v1/plans/{plan_id}", headers=headers, method="GET")
            contestants = [Contestant(name, port, [request] * count, expected=200) for name, port in ports.items()]
            return await take_turns(contestants, size=size)
