"""Who comes while a batch is under way shares the next one."""

import asyncio
from collections.abc import Sequence

import pytest

from shared.database.gathering import MOST_TOGETHER, Gathering


class Office:
    """Carries out batches of words, one at a time, each when it is let."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.let = asyncio.Semaphore(0)
        self.gathering: Gathering[str, str] = Gathering(self.carry_out)

    async def carry_out(self, words: Sequence[str]) -> Sequence[str | Exception]:
        self.batches.append(list(words))
        await self.let.acquire()
        if "fire" in words:
            raise RuntimeError("fire")
        return [ValueError(word) if word.startswith("bad") else word.upper() for word in words]

    def ask(self, word: str, *marks: str) -> asyncio.Task[str]:
        return asyncio.create_task(self.gathering.do(word, frozenset(marks)))

    def let_all(self) -> None:
        for _ in range(100):
            self.let.release()


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_comes_alone_is_served_at_once() -> None:
    office = Office()
    asked = office.ask("a")
    await turn()
    assert office.batches == [["a"]]
    office.let_all()
    assert await asked == "A"


async def test_who_comes_meanwhile_shares_the_next_batch() -> None:
    office = Office()
    first = office.ask("a")
    await turn()
    rest = [office.ask(word) for word in "bcd"]
    await turn()
    office.let_all()
    assert [await first, *await asyncio.gather(*rest)] == ["A", "B", "C", "D"]
    assert office.batches == [["a"], ["b", "c", "d"]]


async def test_a_batch_has_an_upper_size() -> None:
    office = Office()
    asked = [office.ask(str(number)) for number in range(MOST_TOGETHER + 3)]
    await turn()
    office.let_all()
    await asyncio.gather(*asked)
    assert [len(batch) for batch in office.batches] == [MOST_TOGETHER, 3]


async def test_those_with_a_common_mark_go_one_after_another_and_are_not_overtaken() -> None:
    office = Office()
    asked = [
        office.ask("a", "task 1", "key x"),
        office.ask("b", "task 1", "key y"),
        office.ask("c", "task 2", "key y"),  # shares a mark with b, which waits: it may not pass
        office.ask("d", "task 3"),
    ]
    await turn()
    office.let_all()
    await asyncio.gather(*asked)
    assert office.batches == [["a", "d"], ["b"], ["c"]]


async def test_each_gets_its_own_error_and_nobody_elses() -> None:
    office = Office()
    asked = [office.ask(word) for word in ("a", "bad b", "c")]
    office.let_all()
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert [results[0], results[2]] == ["A", "C"]
    assert isinstance(results[1], ValueError)


async def test_an_error_of_the_batch_is_everybodys_and_the_next_batch_is_carried_out() -> None:
    office = Office()
    asked = [office.ask(word) for word in ("a", "fire")]
    office.let_all()
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(result) for result in results] == [RuntimeError, RuntimeError]
    assert await office.ask("again") == "AGAIN"


async def test_a_caller_who_leaves_stops_neither_the_work_nor_the_others() -> None:
    office = Office()
    leaving, staying = office.ask("a"), office.ask("b")
    await turn()
    leaving.cancel()
    await turn()
    office.let_all()
    assert await staying == "B"
    assert office.batches == [["a", "b"]]


async def test_when_the_process_stops_nobody_is_left_waiting() -> None:
    office = Office()
    under_way = office.ask("a")
    await turn()
    waiting = office.ask("b")
    await turn()
    working = next(task for task in asyncio.all_tasks() if "_work_off" in repr(task.get_coro()))
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await under_way
    with pytest.raises(asyncio.CancelledError):
        await waiting
