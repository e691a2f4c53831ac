"""Rounds of contestants that take turns, and the tables that tell of them."""

import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.bench.load import Request, Round, play

CLIENTS = (1, 4, 16)


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    rounds: int = 5
    requests: int = 400
    samples: int = 200
    events: int = 100_000
    deliveries: int = 5_000
    growth: tuple[int, ...] = (1_000, 10_000, 100_000)


FULL = Size()
QUICK = Size(rounds=2, requests=60, samples=30, events=5_000, deliveries=500, growth=(100, 1_000, 5_000))


@dataclass
class Series:
    """The rounds of one contestant at one number of clients."""

    rounds: list[Round] = field(default_factory=list)

    def rate(self) -> float:
        return statistics.median(one.per_second for one in self.rounds)

    def spread(self) -> str:
        rates = [one.per_second for one in self.rounds]
        return f"{min(rates):,.0f}-{max(rates):,.0f}"

    def milliseconds(self, share: float) -> float:
        return statistics.median(one.percentile(share) for one in self.rounds)


Found = dict[tuple[str, int], Series]


@dataclass
class Contestant:
    """A server on a port with a stock of requests, each of which is sent once."""

    name: str
    port: int
    stock: list[Request]
    expected: int = 201


async def take_turns(
    contestants: Sequence[Contestant], *, size: Size, clients: Sequence[int] = CLIENTS, found: Found | None = None
) -> Found:
    """Play `size.rounds` rounds of all contestants, A B A B.

    Raises:
        RuntimeError: a request was not answered as expected.
    """
    results: Found = {} if found is None else found
    for number in range(size.rounds):
        for at_once in clients:
            for one in contestants:
                await play_round(one, at_once, size=size, found=results)
        progress(f"round {number + 1} of {size.rounds}")
    return results


async def play_round(one: Contestant, clients: int, *, size: Size, found: Found) -> None:
    """Play one round of one contestant.

    Raises:
        RuntimeError: a request was not answered as expected.
    """
    requests = [one.stock.pop() for _ in range(size.requests)]
    result = await play(one.port, requests, clients=clients, expected=one.expected)
    if result.failures:
        raise RuntimeError(f"{one.name}: {result.failures} requests were not answered {one.expected}")
    found.setdefault((one.name, clients), Series()).rounds.append(result)


def progress(text: str) -> None:
    """Show how far it is."""
    sys.stderr.write(f"  {text}\n")


def table(found: Mapping[tuple[str, int], Series], *, top: str, share: str = "of the ceiling") -> list[str]:
    """Return the table of `found`; each row beside the contestant `top` at the same number of clients."""
    lines = [f"| clients | | per second (spread) | p50 ms | p99 ms | {share} |", "|---|---|---|---|---|---|"]
    for (name, clients), series in sorted(found.items(), key=lambda item: item[0][1]):
        lines.append(
            f"| {clients} | {name} | {series.rate():,.0f} ({series.spread()}) | {series.milliseconds(0.5):.1f} "
            f"| {series.milliseconds(0.99):.1f} | {series.rate() / found[top, clients].rate():.0%} |"
        )
    return lines
