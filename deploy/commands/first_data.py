"""What a new installation is given: the catalogue of units, and once the sample plan."""

from pathlib import Path

from deploy.commands.client import SystemClient
from deploy.commands.installation import Installation
from deploy.commands.sample import SECRETARIAT, TITLE, import_sample, issue_sample


def load_first_data(installation: Installation, base_port: int, keys: Path, *, with_sample: bool) -> None:
    """Seed the units, then the sample plan if there is no plan at all: real plans are never joined by a sample."""
    from services.plans.console import seed_units

    seed_units(installation.url("plans"))
    if not with_sample:
        return
    with SystemClient(base_port, keys) as client:
        plans = client.request(*SECRETARIAT, "GET", "plans", "/v1/plans", params={"limit": "1"}).json()
        if not plans["items"]:
            issue_sample(client, str(import_sample(client, TITLE)["plan_id"]))
