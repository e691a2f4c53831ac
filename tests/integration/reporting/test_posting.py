"""W2, W12: whatever a receiver answers is written down as what it was, in bounded time and memory."""

import asyncio
import gc
import os
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from services.reporting.adapters.outgoing.answer import Answer
from services.reporting.adapters.outgoing.networks import Guard
from services.reporting.adapters.outgoing.poster import IDLE_SECONDS, Poster
from shared.addresses import networks
from shared.clock import FixedClock
from tests.support.answers import HUGE, IN_ORDER, MIB, NOW, OK, OUT_OF_ORDER, TOO_SLOW, Given, plain
from tests.support.certificates import Authority
from tests.support.ports import free_port
from tests.support.strangers import Caller, Receiver, answering, repeating
from tests.support.waiting import eventually

SCALE = int(os.environ.get("CCHC_TEST_SCALE", "1"))  # noqa: TID251 -- a drill asks for more
HERE = Guard(networks("127.0.0.0/8"))
Tell = Callable[[str], None]
HEADERS = {"webhook-id": "1", "content-type": "application/json"}
PATIENCE = 1.0
DRIPS, PAUSE = 600, 0.2
"""Of a body that comes in drips: how many, and the seconds between two."""


def a_poster(**settings: object) -> Poster:
    return Poster(HERE, **{"clock": FixedClock(NOW), "total_seconds": PATIENCE, **settings})  # type: ignore[arg-type]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    started = await Receiver().start()
    yield started
    await started.stop()


@pytest.fixture
async def trap() -> AsyncIterator[Receiver]:
    started = await Receiver().start()
    yield started
    await started.stop()


async def test_every_answer_is_written_down_as_what_it_was(receiver: Receiver, trap: Receiver, tell: Tell) -> None:
    given = IN_ORDER | OUT_OF_ORDER | TOO_SLOW
    paths = {f"/{number}": (name, expected) for number, (name, expected) in enumerate(given.items())}
    receiver.trap = f"http://127.0.0.1:{trap.port}/".encode()
    receiver.behaviours = {path: expected.behave for path, (_, expected) in paths.items()}
    at_once = asyncio.Semaphore(16)  # fewer than a host's connections: nobody waits for one

    async with a_poster() as poster:

        async def post(path: str) -> Answer:
            async with at_once:
                return await poster.post(f"http://127.0.0.1:{receiver.port}{path}", HEADERS, b'{"a":1}' * 20)

        answers = await asyncio.gather(*(post(path) for path in paths))
    wrong = [
        (name, answer)
        for (name, expected), answer in zip(paths.values(), answers, strict=True)
        if not as_expected(expected, answer)
    ]
    assert not wrong, "\n".join(map(str, wrong))
    assert trap.connections == 0
    tell(f"W2: {len(given)} answers of strangers, each written down as what it was")


def as_expected(expected: Given, answer: Answer) -> bool:
    return (
        (answer.status, answer.failure) == (expected.status, expected.failure)
        and answer.retry_after == pytest.approx(expected.retry_after)
        and expected.excerpt in {None, answer.excerpt}
        and len(answer.excerpt) <= 1024
        and answer.duration_ms <= (PATIENCE + 0.5) * 1000
        and answer.accepted == (expected.status is not None and 200 <= expected.status <= 299)
    )


async def test_every_status_is_known_and_only_2xx_is_a_receipt(receiver: Receiver, tell: Tell) -> None:
    statuses = range(200, 600)
    receiver.behaviours = {f"/{status}": answering(plain(status)) for status in statuses}
    async with a_poster() as poster:
        for status in statuses:
            answer = await poster.post(f"http://127.0.0.1:{receiver.port}/{status}", HEADERS, b"{}")
            assert answer.status == status
            assert answer.accepted == (status < 300)
            assert answer.failure == ("redirect" if 300 <= status < 400 else None)
    assert receiver.connections < 20, "connections are kept"
    tell(f"W2: {len(statuses)} statuses")


@pytest.mark.parametrize(
    ("at_once", "failure"),
    [(answering(then="reset"), "reset"), (answering(then="close"), "reset"), (answering(then="silent"), "timeout")],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_trouble_before_the_request_was_heard(at_once: object, failure: str, scheme: str) -> None:
    receiver = await Receiver().start(at_once=at_once)  # type: ignore[arg-type]
    async with a_poster() as poster:
        answer = await poster.post(f"{scheme}://127.0.0.1:{receiver.port}/", HEADERS, b"{}")
    await receiver.stop()
    assert (answer.status, answer.failure) == (None, failure)


async def test_nobody_listens() -> None:
    async with a_poster() as poster:
        answer = await poster.post(f"http://127.0.0.1:{free_port()}/", HEADERS, b"{}")
    assert (answer.status, answer.failure) == (None, "refused")


async def test_names_that_resolve_to_nothing_or_never() -> None:
    async def unknown(_host: str) -> list[object]:
        raise OSError("no such name")

    async def silent(_host: str) -> list[object]:
        return await asyncio.Event().wait()  # type: ignore[return-value]

    for resolve, failure in ((unknown, "dns"), (silent, "timeout")):
        async with a_poster(resolve=resolve) as poster:
            answer = await poster.post("https://receiver.example/", HEADERS, b"{}")
        assert (answer.status, answer.failure) == (None, failure)


async def test_silent_name_servers_delay_nobody_elses_names(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six such names would use up the threads of asyncio on two cores."""
    silence, real, asked = threading.Event(), socket.getaddrinfo, list[object]()

    def answered(host: str, *others: object, **more: object) -> object:
        asked.append(host)
        if host.endswith(".silent.example"):
            silence.wait(30)
            raise socket.gaierror
        return real(host, *others, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", answered)
    async with a_poster(total_seconds=5) as poster:
        urls = [f"https://{number}.silent.example/" for number in range(50)] * 2
        hanging = [asyncio.ensure_future(poster.post(url, HEADERS, b"{}")) for url in urls]
        await eventually(lambda: len(asked) == 50)
        answer = await poster.post(f"http://localhost:{receiver.port}/", HEADERS, b"{}")
        assert not any(each.done() for each in hanging)
        silence.set()
        assert {each.failure for each in await asyncio.gather(*hanging)} == {"dns"}
    assert answer.accepted
    assert len(asked) == 51, "a name is asked for once at a time, whoever waits for it"


async def test_no_connection_outlives_its_time(receiver: Receiver) -> None:
    """Neither one that hangs in the TLS handshake nor one that hangs in the answer."""
    handshake = await Receiver().start(at_once=answering(then="silent"))
    receiver.behaviours["/"] = answering(f"{OK}\r\nContent-Length: 9\r\n\r\n".encode(), then="silent")
    urls = [f"https://127.0.0.1:{handshake.port}/", f"http://127.0.0.1:{receiver.port}/"] * 10
    async with a_poster() as poster:
        posts = [asyncio.ensure_future(poster.post(url, HEADERS, b"{}")) for url in urls]
        await eventually(lambda: handshake.open == receiver.open == 10, within=0.9)
        assert {answer.failure for answer in await asyncio.gather(*posts)} == {"timeout"}
        await eventually(lambda: handshake.open == receiver.open == 0)
    await handshake.stop()


def a_server_context(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def test_only_a_trusted_unexpired_certificate_of_this_very_host_is_believed(tmp_path: Path) -> None:
    trusted, stranger = Authority(tmp_path, "authority"), Authority(tmp_path, "stranger")
    certificates = {
        "good": (trusted.certificate("good", "127.0.0.1"), (200, None)),
        "expired": (trusted.certificate("expired", "127.0.0.1", expired=True), (None, "tls")),
        "of another host": (trusted.certificate("other", "127.0.0.2"), (None, "tls")),
        "of a stranger": (stranger.certificate("strange", "127.0.0.1"), (None, "tls")),
    }
    async with a_poster(ca_file=trusted.file) as poster:
        for name, (certificate, expected) in certificates.items():
            receiver = await Receiver().start(tls=a_server_context(certificate))
            answer = await poster.post(f"https://127.0.0.1:{receiver.port}/", HEADERS, b"{}")
            await receiver.stop()
            assert (answer.status, answer.failure) == expected, name
            assert bool(receiver.requests) == answer.accepted, "not a byte of a webhook goes to a wrong host"


async def test_encrypted_and_plain_doors_mistaken_for_each_other(receiver: Receiver, tmp_path: Path) -> None:
    certificate = Authority(tmp_path, "authority").certificate("door", "127.0.0.1")
    encrypted = await Receiver().start(tls=a_server_context(certificate))
    async with a_poster() as poster:
        to_plain = await poster.post(f"https://127.0.0.1:{receiver.port}/", HEADERS, b"{}")
        to_encrypted = await poster.post(f"http://127.0.0.1:{encrypted.port}/", HEADERS, b"{}")
    await encrypted.stop()
    assert to_plain.failure in {"tls", "reset", "timeout"}
    assert to_encrypted.failure in {"protocol", "reset"}
    assert to_plain.status is to_encrypted.status is None


async def test_a_request_holds_what_it_was_told_and_nothing_kept_from_before(
    receiver: Receiver, trap: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{trap.port}")
    receiver.behaviours["/"] = answering(plain(200, "Set-Cookie: a=b"))
    async with a_poster() as poster:
        for _ in range(2):
            await poster.post(f"http://127.0.0.1:{receiver.port}/", HEADERS, "{đủ}".encode())
    assert trap.connections == 0
    last = receiver.requests[-1]
    assert last.body == "{đủ}".encode()
    assert last.header("host") == f"127.0.0.1:{receiver.port}"
    assert last.header("cookie") is None
    assert last.header("accept-encoding") == "identity"
    assert last.header("webhook-id") == "1"


@pytest.mark.parametrize(
    "headers",
    [{"a": "b\r\nc: d"}, {"a\n": "b"}, {"a": "\0"}, {"a": "\x7f"}, {"a": "đ"}, {"Host": "b"}, {"": "b"}, {"a b": "c"}],
)
async def test_headers_that_would_split_a_request_are_never_sent(headers: dict[str, str], receiver: Receiver) -> None:
    async with a_poster() as poster:
        with pytest.raises(ValueError, match="header"):
            await poster.post(f"http://127.0.0.1:{receiver.port}/", headers, b"{}")
    assert receiver.connections == 0


async def test_a_host_never_holds_more_connections_than_its_share(receiver: Receiver) -> None:
    receiver.behaviours["/"] = answering(then="silent")
    async with a_poster(at_once_a_host=16) as poster:
        url = f"http://127.0.0.1:{receiver.port}/"
        answers = await asyncio.gather(*(poster.post(url, HEADERS, b"{}") for _ in range(40)))
    assert {answer.failure for answer in answers} == {"timeout"}
    assert receiver.most_open == 16


@pytest.mark.parametrize(
    ("unasked", "together"), [(plain(500), True), (plain(500), False), (b"x", False)], ids=["one", "later", "a byte"]
)
async def test_what_nobody_asked_for_is_the_answer_to_nothing(
    receiver: Receiver, unasked: bytes, *, together: bool
) -> None:
    """Kept as the next request's answer it would tell of a refusal, or of a receipt, that never was."""
    said = (plain(200) + unasked,) if together else (plain(200), unasked)
    receiver.behaviours["/"] = answering(*said)
    async with a_poster() as poster:
        for _ in range(3):
            answer = await poster.post(f"http://127.0.0.1:{receiver.port}/", HEADERS, b"{}")
            assert (answer.status, answer.failure) == (200, None)
            await eventually(lambda: receiver.open == 0)
    assert receiver.connections == 3


async def test_connections_of_many_posts_at_once_serve_the_next_many(receiver: Receiver) -> None:
    url, everybody = f"http://127.0.0.1:{receiver.port}/", asyncio.Barrier(50)

    async def together(caller: Caller) -> None:
        await everybody.wait()
        await caller.say(plain(200))

    receiver.behaviours["/"] = together
    async with a_poster(total_seconds=10) as poster:
        for _ in range(3):
            answers = await asyncio.gather(*(poster.post(url, HEADERS, b"{}") for _ in range(50)))
            assert all(answer.accepted for answer in answers)
    assert receiver.connections == 50


async def test_connections_idle_for_too_long_are_closed(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{receiver.port}/"
    async with a_poster() as poster:
        await asyncio.gather(*(poster.post(url, HEADERS, b"{}") for _ in range(5)))
        assert receiver.open > 1
        later = SimpleNamespace(monotonic=lambda: time.monotonic() + IDLE_SECONDS)
        monkeypatch.setattr("services.reporting.adapters.outgoing.poster.time", later)
        assert (await poster.post(url, HEADERS, b"{}")).accepted
        await eventually(lambda: receiver.open == 1)


async def test_a_connection_that_closed_while_idle_is_not_used(receiver: Receiver) -> None:
    receiver.behaviours["/"] = answering(plain(200), then="close")
    async with a_poster() as poster:
        for _ in range(3):
            assert (await poster.post(f"http://127.0.0.1:{receiver.port}/", HEADERS, b"{}")).accepted
            await eventually(lambda: receiver.open == 0)
    assert receiver.connections == 3


def resident_bytes() -> int:
    """Return the memory that this process holds now; the peak of its whole life would hide what one test adds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def test_drips_and_huge_answers_take_neither_time_nor_memory(receiver: Receiver, tell: Tell) -> None:
    """The full drill has ten of each, and the product's own limit of 15 s against drips of 120 s."""
    patience = min(15.0, 1.5 * SCALE)
    receiver.behaviours = {
        "/huge": repeating(f"{OK}\r\nContent-Length: {HUGE}\r\n\r\n".encode(), b"x" * 65536, times=HUGE // 65536),
        "/drip": repeating(f"{OK}\r\nContent-Length: 9999\r\n\r\n".encode(), b"a", every=PAUSE, times=DRIPS),
    }
    async with a_poster(total_seconds=patience) as poster:
        await poster.post(f"http://127.0.0.1:{receiver.port}/huge", HEADERS, b"{}")
        gc.collect()
        before = resident_bytes()
        peak = before
        posts = [
            asyncio.ensure_future(poster.post(f"http://127.0.0.1:{receiver.port}/{kind}", HEADERS, b"{}"))
            for kind in ("huge", "drip") * 10
        ]
        while not all(post.done() for post in posts):
            await asyncio.wait(posts, timeout=0.02)
            peak = max(peak, resident_bytes())
        answers = [post.result() for post in posts]
    assert [answer.failure for answer in answers] == ["too-large-answer", "timeout"] * 10
    assert all(answer.accepted for answer in answers), "the status had come: nothing is sent again"
    assert len(receiver.requests) == 21, "one request a webhook"
    longest = max(answer.duration_ms for answer in answers)
    assert longest < (patience + 1) * 1000
    grown = (peak - before) / MIB
    assert grown < 24
    huge, drips = (sum(answer.failure == failure for answer in answers) for failure in ("too-large-answer", "timeout"))
    told = f"{huge} answers of {HUGE // MIB} MiB and {drips} of {DRIPS * PAUSE:.0f} s"
    tell(f"W12: {told}: longest {longest} ms, memory +{grown:.1f} MiB, one request each")
