"""The drills of the reliability promises, and how much of each is done."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from tests.drills import (
    b01_requests,
    r01_api_kills,
    r02_relay_kills,
    r03_consumer_kills,
    r04_webhook_kills,
    r05_log_away,
    r06_log_wiped,
    r07_database,
    r09_schedules,
    r10_races,
    r11_clock,
    r14_versions,
    w01_reach,
    w06_hung_receivers,
    w07_completing,
    w10_killed_senders,
    w11_recoveries,
)
from tests.drills.by_tests import counted_by
from tests.drills.ground import Run
from tests.drills.tally import Tally

Size = Mapping[str, int]


@dataclass(frozen=True)
class Drill:
    """One promise.

    `full` and `small` say by transport how much; a transport that is missing is not drilled at that scale.
    """

    name: str
    fault: str
    run: Callable[[Run], Awaitable[Tally]]
    faults: Callable[[Size], int]
    full: Mapping[str, Size]
    small: Mapping[str, Size]
    sent: str = "completions"
    """What is counted as sent."""

    def sizes(self, scale: str) -> Mapping[str, Size]:
        return self.full if scale == "full" else self.small

    def resized(self, changed: Size) -> "Drill":
        """Return the drill with other numbers where it has numbers of these names."""

        def other(sizes: Mapping[str, Size]) -> dict[str, Size]:
            return {
                log: {name: changed.get(name, number) for name, number in size.items()} for log, size in sizes.items()
            }

        return replace(self, full=other(self.full), small=other(self.small))


CATALOGUE = (
    Drill(
        "R6",
        "log wiped; every second time the ledger lost too",
        r06_log_wiped.drill,
        lambda size: size["wipes"],
        full={"postgres": {"wipes": 10}, "kafka": {"wipes": 10}},
        small={"postgres": {"wipes": 2}, "kafka": {"wipes": 1}},
    ),
    Drill(
        "R5",
        "log away through all completions, for 1 s, for 60 s",
        r05_log_away.drill,
        lambda size: size["outages"],
        full={"postgres": {"outages": 3, "completions": 9_999}, "kafka": {"outages": 3, "completions": 9_999}},
        small={"postgres": {"outages": 1, "completions": 40}, "kafka": {"outages": 1, "completions": 40}},
    ),
    Drill(
        "R1",
        "kill -9 of the tasks API: at any moment, while it writes, right after the commit",
        r01_api_kills.drill,
        lambda size: size["kills"],
        full={"postgres": {"kills": 100, "completions": 10_000}},
        small={"postgres": {"kills": 3, "completions": 120}},
    ),
    Drill(
        "R2",
        "kill -9 of the relay, most between publish and mark; every seventh row commits late",
        r02_relay_kills.drill,
        lambda size: size["kills"],
        full={"postgres": {"kills": 135, "published": 100}, "kafka": {"kills": 135, "published": 100}},
        small={"postgres": {"kills": 2, "published": 1}, "kafka": {"kills": 1, "published": 1}},
    ),
    Drill(
        "R3",
        "kill -9 of the reporting consumer: before the handler, in it, after the commit, before the log's position",
        r03_consumer_kills.drill,
        lambda size: 4 * size["each"] + size["others"] + size["forgets"],
        full={"postgres": {"each": 50, "others": 20, "forgets": 5}, "kafka": {"each": 50, "others": 20, "forgets": 5}},
        small={"postgres": {"each": 1, "others": 0, "forgets": 0}},
    ),
    Drill(
        "R4",
        "kill -9 of the sender of webhooks: after claiming, after posting, after recording; a third is refused",
        r04_webhook_kills.drill,
        lambda size: size["kills"],
        full={"postgres": {"kills": 100}},
        small={"postgres": {"kills": 3}},
        sent="webhooks",
    ),
    Drill(
        "R7",
        "PostgreSQL restarted or crashed, connections cut, serialization failures, connections broken at any point",
        r07_database.drill,
        lambda size: 4 * size["each"],
        full={"postgres": {"each": 25}},
        small={"postgres": {"each": 1}},
    ),
    Drill(
        "R10",
        "two relays, two reporting workers, one killed or standing still; PostgreSQL: two who remind, six issuers too",
        r10_races.drill,
        lambda size: 2 * size["workers"] + size["issuers"] + size["reminders"],
        full={
            "postgres": {"workers": 50, "issuers": 50, "reminders": 50},
            "kafka": {"workers": 20, "issuers": 0, "reminders": 0},
        },
        small={"postgres": {"workers": 1, "issuers": 2, "reminders": 2}},
    ),
    Drill(
        "R9",
        "repeats x2 to x5, another order inside a window, gaps filled later",
        r09_schedules.drill,
        lambda size: size["schedules"] + size["on_disk"],
        full={"postgres": {"schedules": 10_000, "on_disk": 400}},
        small={"postgres": {"schedules": 100, "on_disk": 10}},
    ),
    Drill(
        "R11",
        "midnight at ends of years, 28/29 February, Tết; clocks two hours back and forward",
        r11_clock.drill,
        lambda size: size["dates"],
        full={"postgres": {"dates": 40}},
        small={"postgres": {"dates": 8}},
    ),
    Drill(
        "R14",
        "events of every past version read today, today's read by every past reader",
        r14_versions.drill,
        lambda _: 0,
        full={"postgres": {}},
        small={"postgres": {}},
        sent="events",
    ),
    Drill(
        "W1",
        "30 % of the answers refuse or break off: every matching event at every endpoint, or listed as failed",
        w01_reach.drill,
        lambda size: size["events"] * size["endpoints"] // 4,
        full={"postgres": {"events": 100_000, "endpoints": 10}},
        small={"postgres": {"events": 114, "endpoints": 4}},
        sent="webhooks",
    ),
    Drill(
        "W2",
        "answers of strangers: every status, time-outs, resets, slow and huge bodies, bad TLS, redirects",
        counted_by("W2", "tests/integration/reporting/test_posting.py", number=r"^(\d+) ", only="not drips"),
        lambda size: size["promised"],
        full={"postgres": {"promised": 64, "scale": 1}},
        small={},  # the same in `make test`
        sent="answers",
    ),
    Drill(
        "W4",
        "webhooks changed by chance, and the public vectors: none is believed by the verifiers, in Python and Node.js",
        counted_by("W4", "tests/unit/kit/test_verifiers.py", number=r"of (\d+) mutations"),
        lambda size: size["promised"],
        full={"postgres": {"promised": 1_000_000, "scale": 50}},
        small={},  # 20,000 in `make test`
        sent="mutations",
    ),
    Drill(
        "W5",
        "addresses that lead inside, in every spelling: no connection on the trap",
        counted_by("W5", "tests/integration/reporting/test_forbidden_addresses.py", number=r"^(\d+) URLs"),
        lambda size: size["promised"],
        full={"postgres": {"promised": 60, "scale": 1}},
        small={},  # the same in `make test`
        sent="addresses",
    ),
    Drill(
        "W12",
        "answers that drip for 120 s or are 64 MiB large: cut by the limits of time and size, memory flat",
        counted_by(
            "W12",
            "tests/integration/reporting/test_posting.py",
            number=r"(\d+) (?:answers )?of (?:64 MiB|120 s)",
            only="drips",
        ),
        lambda size: size["promised"],
        full={"postgres": {"promised": 20, "scale": 50}},
        small={},  # with a shorter limit in `make test`
        sent="answers",
    ),
    Drill(
        "W6",
        "nine receivers hang for 30 s; the tenth is not delayed, p99 at most 1.2 times as long",
        w06_hung_receivers.drill,
        lambda size: 4 * size["hung"],
        full={
            "postgres": {
                "events": 1000,
                "afterwards": 500,
                "rate": 5,
                "hung": 9,
                "lease": 20,
                "percent": 120,
                "slack_ms": 0,
            }
        },
        small={
            "postgres": {
                "events": 40,
                "afterwards": 0,
                "rate": 40,
                "hung": 9,
                "lease": 1,
                "percent": 120,
                "slack_ms": 600,
            }
        },
        sent="webhooks",
    ),
    Drill(
        "W7",
        "ten receivers hang for 30 s; completing a task takes at most 1.1 times as long",
        w07_completing.drill,
        lambda size: 4 * size["hung"],
        full={
            "postgres": {"blocks": 20, "each": 50, "rate": 5, "hung": 10, "percent": 110, "slack_ms": 0},
        },
        small={
            "postgres": {"blocks": 2, "each": 8, "rate": 20, "hung": 10, "percent": 110, "slack_ms": 50},
        },
    ),
    Drill(
        "W10",
        "kill -9 of the sender while 2,000 wait: for receivers that take 2 s, or all of them for their retry",
        w10_killed_senders.drill,
        lambda size: size["kills"],
        full={"postgres": {"kills": 20, "events": 2000, "takes_ms": 2000, "lease": 6}},
        small={"postgres": {"kills": 2, "events": 40, "takes_ms": 200, "lease": 1}},
        sent="webhooks",
    ),
    Drill(
        "W11",
        "450 and 20,000 failed are recovered: request cut off, kill -9 of the sender, every tenth refused once more",
        w11_recoveries.drill,
        lambda size: (1 + size["kills"]) * (bool(size["few"]) + bool(size["many"])),
        full={"postgres": {"few": 450, "many": 20_000, "kills": 4, "lease": 6}},
        small={"postgres": {"few": 120, "many": 0, "kills": 1, "lease": 1}},
        sent="webhooks",
    ),
    Drill(
        "B1",
        "requests made from the API documents, half of them wrong: 5xx and answers that no document names are 0",
        b01_requests.drill,
        lambda size: size["requests"],
        full={"postgres": {"requests": 50_000}},
        small={},  # tests/fuzz/test_endpoints.py
        sent="requests done as asked",
    ),
)
"""In the order of a whole run: what loses tables comes before what leaves reports in them."""
