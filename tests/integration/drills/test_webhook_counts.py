"""What the drills of webhooks count with: receivers that keep books, and the document's lines."""

from pathlib import Path

import httpx2
import pytest

from tests.drills.catalogue import CATALOGUE, Drill
from tests.drills.document import Document
from tests.drills.tally import Tally
from tests.support.counting_receivers import CountingReceiver, Manner, counting_receiver
from tests.support.reporting_service import IDS


async def _post(receiver: CountingReceiver, url: str, event: object) -> int | None:
    try:
        return (await receiver.client.post(url, content=b"{}", headers={"webhook-id": str(event)})).status_code
    except httpx2.TransportError:
        return None


async def test_receiver_counts_what_came_was_accepted_and_was_refused_by_path_and_event() -> None:
    one, two, three = (IDS.new() for _ in range(3))
    async with counting_receiver(ports=2) as receiver:
        await receiver.behave("no", Manner(refuses=1, retry_after=7))
        yes, no = receiver.url("yes", 0), receiver.url("no", 1)
        answers = [await _post(receiver, url, event) for url, event in ((yes, two), (yes, one), (yes, one), (no, one))]
        assert answers == [204, 204, 204, 503]
        assert await receiver.count("yes") == {"came": 3, "accepted": 3, "refused": 0}
        assert await receiver.count("no") == {"came": 1, "accepted": 0, "refused": 1}
        seen = await receiver.seen()
    columns = ("came", "accepted", "refused", "order")
    assert [seen.count("/yes/0", column, one) for column in columns] == [2, 2, 0, 2]
    assert [seen.count("/yes/0", column, two) for column in columns] == [1, 1, 0, 1]
    assert [seen.count("/no/1", column, one) for column in columns] == [1, 0, 1, 0]
    assert [seen.is_lost("/yes/0", event) for event in (one, two, three)] == [False, False, True]
    assert seen.is_lost("/no/1", one), "a refusal is no receipt"
    assert [seen.repeats("/yes/0", event) for event in (one, two, three)] == [1, 0, 0]
    assert seen.repeats("/yes/0", one, under_way=1) == 0, "it was under way when its sender was killed"
    assert seen.repeats("/no/1", one) == 0


async def test_receiver_refuses_the_first_arrival_of_the_ids_that_it_is_told() -> None:
    async with counting_receiver() as receiver:
        await receiver.behave("some", Manner(refuses_first=2))
        for _ in range(20):
            event = IDS.new()
            first, second = [await _post(receiver, receiver.url("some", 0), event) for _ in range(2)]
            assert (first == 204, second) == (event.int % 2 == 1, 204)


def test_document_keeps_every_line_in_its_order_and_tells_what_else_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "drills.md"
    for drill in reversed(CATALOGUE):
        for transport in drill.full:
            tally = Tally(sent=1, figures=f"measured in {drill.name}")
            Document(path).add(drill, transport, tally, seed=1, seconds=1)
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "measured in" in line]
    assert len(lines) == sum(len(drill.full) for drill in CATALOGUE)
    names = list(dict.fromkeys(line.split(" | ")[0].removeprefix("| ") for line in lines))
    assert [name[0] for name in names] == sorted((name[0] for name in names), key="RWB".index)
    for letter in "RWB":
        numbers = [int(name[1:]) for name in names if name.startswith(letter)]
        assert numbers == sorted(numbers)


@pytest.mark.parametrize("drill", CATALOGUE, ids=lambda drill: str(drill.name))
def test_a_drill_can_be_given_other_numbers_but_no_other_names(drill: Drill) -> None:
    resized = drill.resized({"events": 7, "nothing": 1})
    for before, after in zip((drill.full, drill.small), (resized.full, resized.small), strict=True):
        for log, size in before.items():
            assert after[log] == {name: 7 if name == "events" else number for name, number in size.items()}
