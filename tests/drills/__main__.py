"""`make drill`: every drill at full counts. `python -m tests.drills --only R2 --scale small --seed 7` for a part."""

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from tests.drills.catalogue import CATALOGUE
from tests.drills.document import Document
from tests.drills.ground import Ground
from tests.drills.running import play
from tests.support.system import ROOT

DOCUMENT = ROOT / "docs" / "drills.md"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.drills", description=__doc__)
    names = [drill.name for drill in CATALOGUE]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="R2", help=", ".join(names))
    parser.add_argument("--transport", choices=("postgres", "kafka"), help="only on this event log")
    parser.add_argument("--scale", choices=("full", "small"), default="full", help="full takes some 120 minutes")
    parser.add_argument("--size", nargs="+", type=_size, default=[], metavar="events=2000", help="other counts")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="repeat the run that printed it")
    parser.add_argument("--document", type=Path, help="where results are written; full runs write docs/drills.md")
    chosen = parser.parse_args()
    known = {name for drill in CATALOGUE if drill.name in chosen.only for size in drill.full.values() for name in size}
    if unknown := {name for name, _ in chosen.size} - known:
        parser.error(f"no drill counts {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    return chosen


def _size(text: str) -> tuple[str, int]:
    """Read `events=2000`."""
    name, _, number = text.partition("=")
    return name, int(number)


async def run(chosen: argparse.Namespace) -> int:
    """Run what was chosen; return how many drills have failed."""
    path = chosen.document or (DOCUMENT if chosen.scale == "full" and not chosen.size else None)
    document = Document(path) if path is not None else None
    failed = 0
    with tempfile.TemporaryDirectory(prefix="cchc-drills-") as folder:
        async with Ground(Path(folder)) as ground:
            for drill in (each.resized(dict(chosen.size)) for each in CATALOGUE if each.name in chosen.only):
                for transport in drill.sizes(chosen.scale):
                    if chosen.transport in {None, transport}:
                        result = await play(ground, drill, transport, scale=chosen.scale, seed=chosen.seed)
                        failed += not result.tally.is_clean
                        if document is not None:
                            document.add(drill, transport, result.tally, seed=chosen.seed, seconds=result.seconds)
    sys.stderr.write(f"{failed} drills failed, seed {chosen.seed}\n")
    return failed


if __name__ == "__main__":
    sys.exit(1 if asyncio.run(run(arguments())) else 0)
